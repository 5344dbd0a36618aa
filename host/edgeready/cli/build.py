"""The command `build`: trains a network and makes the model file."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from edgeready.cli.arguments import DataArgument, DebugReport, Json
from edgeready.cli.making import run_build
from edgeready.cli.settings import ConfigFile, LikeFile
from edgeready.cli.spread import spread
from edgeready.config.build import BuildConfig, DataConfig, NetworkConfig, OutputConfig, QuantizeConfig, TrainConfig
from edgeready.config.devices import DevicesConfig
from edgeready.config.networks import AUTO_NETWORK


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
    run_build(workflow.build, config, as_json=as_json, debug_report=debug_report)
