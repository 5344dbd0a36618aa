"""The command `build`: trains a network and makes the model file."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from edgeready.cli.arguments import DataArgument, DebugReport, Json
from edgeready.cli.making import run_build, run_share
from edgeready.cli.settings import ConfigFile, LikeFile
from edgeready.cli.spread import spread
from edgeready.config.build import BuildConfig, DataConfig, NetworkConfig, OutputConfig, QuantizeConfig, TrainConfig
from edgeready.config.devices import DevicesConfig
from edgeready.config.networks import AUTO_NETWORK
from edgeready.config.worker_group import VARIABLE, read_group


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command()(spread(build, arguments={"source": DataArgument}))


def build(
    data: DataConfig,
    network: NetworkConfig,
    train: TrainConfig,
    output: OutputConfig,
    quantize: QuantizeConfig,
    devices: DevicesConfig,
    model: Annotated[
        str, typer.Option(help="a network's name, FILE.py:FUNCTION, or auto: what suits the images")
    ] = AUTO_NETWORK,
    debug_report: DebugReport = None,
    config_file: ConfigFile = None,
    like: LikeFile = None,
    as_json: Json = False,
) -> None:
    """Trains a network on DATA and makes the model file."""
    from edgeready.workflows import build as workflow

    train = replace(train, seed=data.seed)
    config = BuildConfig(
        data=data, model=model, network=network, train=train, output=output, quantize=quantize, devices=devices
    )
    group = read_group(os.environ.get(VARIABLE))
    if group is None or group.is_chief:
        build_model = partial(workflow.build, group=group)
        run_build(build_model, config, as_json=as_json, debug_report=debug_report)
    else:
        run_share(config, group, as_json=as_json)
