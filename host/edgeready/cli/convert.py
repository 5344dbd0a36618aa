"""The command `convert`: makes the model file from a trained model."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console

from edgeready.cli.arguments import DataOption, DebugReport, Json, SourceArgument
from edgeready.cli.making import run_build
from edgeready.cli.settings import ConfigFile, LikeFile
from edgeready.cli.spread import spread
from edgeready.cli.terminal import print_json, print_view, say
from edgeready.config.build import BuildConfig, DataConfig, NetworkConfig, OutputConfig, QuantizeConfig, SourceConfig
from edgeready.errors import UsageError

_OF_A_TRAINING = ("weights", "alpha", "save_keras", "log_csv", "tensorboard", "resume")


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command()(spread(convert, arguments={"source": DataOption}, without=_OF_A_TRAINING))


def convert(
    model: SourceArgument,
    data: DataConfig,
    network: NetworkConfig,
    output: OutputConfig,
    quantize: QuantizeConfig,
    source: SourceConfig,
    debug_report: DebugReport = None,
    config_file: ConfigFile = None,
    like: LikeFile = None,
    as_json: Json = False,
) -> None:
    """Makes the model file from a trained model; DATA gives labels, calibration and test images."""
    from edgeready.dataset.tensors import is_tensor_file
    from edgeready.workflows import build as workflow

    config = BuildConfig(data=data, model=model, network=network, output=output, quantize=quantize, source=source)
    if is_tensor_file(data.source):
        _convert_tensors(config, as_json, debug_report)
    else:
        run_build(workflow.convert, config, as_json=as_json, debug_report=debug_report)


def _convert_tensors(config: BuildConfig, as_json: bool, debug_report: Path | None) -> None:
    """`convert` with a .npz of inputs without labels: the model is no image classifier."""
    from edgeready.cli.progress import progress_bar
    from edgeready.report.readiness import warning_lines
    from edgeready.report.tensors import tensors_view
    from edgeready.workflows.tensors import convert_tensors

    if debug_report is not None:
        raise UsageError(
            "--debug-report needs labelled images, and the data have no labels: leave it out, and ask "
            "edgeready layers about both files (--save-float)"
        )
    with progress_bar(Console(stderr=True)) as progress:
        result = convert_tensors(config, progress)
    for line in warning_lines([result.readiness]):
        say(f"warning: {line}")
    if as_json:
        print_json(result.to_dict())
    else:
        print_view(tensors_view(result))
