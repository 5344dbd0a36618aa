"""The commands that make a model file: `demo`, `build` and `convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from edgeready.cli.options.arguments import (
    Channels,
    CpuOps,
    Data,
    DataOption,
    DebugReport,
    Fix,
    Json,
    Links,
    Mean,
    Out,
    SaveFloat,
    SaveKeras,
    Seed,
    Size,
    Std,
    float_beside,
    image_size_of,
    keras_beside,
    normalization_of,
)
from edgeready.cli.options.calibration import CalibrationOptions
from edgeready.cli.options.conversion import ModeOptions, SourceOptions
from edgeready.cli.options.group import spread
from edgeready.cli.options.training import TrainingOptions
from edgeready.cli.terminal import print_json, print_view
from edgeready.config.build import BuildConfig, DataConfig, TrainConfig
from edgeready.errors import BudgetError, UsageError

DEMO_FOLDER = Path("edgeready-demo")
_MODES, _SOURCES, _INTEGERS = ModeOptions(), SourceOptions(), CalibrationOptions()
_TRAINING = TrainingOptions()


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command()(demo)
    app.command()(spread(build))
    app.command()(spread(convert))


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="the folder to write")] = DEMO_FOLDER,
    as_json: Json = False,
) -> None:
    """Does all of it on handwritten digits that need no download: trains, converts, proves, measures."""
    config = BuildConfig(DataConfig("digits"), "dropout-cnn", out / "digits.tflite", TrainConfig(epochs=15))
    _build(config, as_json, samples=out / "images")


def build(
    data: Data,
    out: Out = Path("model.tflite"),
    model: Annotated[str, typer.Option(help="a network's name, or FILE.py:FUNCTION")] = "tutorial-cnn",
    training: TrainingOptions = _TRAINING,
    seed: Seed = 1,
    weights: Annotated[str | None, typer.Option(help="imagenet or a weights FILE, for transfer learning")] = None,
    image_size: Size = None,
    channels: Channels = None,
    follow_links: Links = False,
    mean: Mean = None,
    std: Std = None,
    save_float: SaveFloat = False,
    save_keras: SaveKeras = False,
    allow_cpu_ops: CpuOps = False,
    fix: Fix = True,
    modes: ModeOptions = _MODES,
    integers: CalibrationOptions = _INTEGERS,
    debug_report: DebugReport = None,
    as_json: Json = False,
) -> None:
    """Trains a network on DATA and makes the model file."""
    config = BuildConfig(
        integers.on(DataConfig(data, image_size_of(image_size), channels, seed, follow_links)),
        model,
        out,
        training.config(seed),
        weights,
        normalization_of(mean, std),
        float_beside(out, save_float),
        keras_beside(out, save_keras),
        allow_cpu_ops,
        fix,
        modes.mode,
        modes.target,
        integers.method(),
        max_drop=integers.max_drop,
    )
    _build(config, as_json, debug_report=debug_report)


def convert(
    source: Annotated[
        str, typer.Argument(help=".keras, .h5, SavedModel folder, frozen .pb, float .tflite, or FILE.py:FUNCTION")
    ],
    data: DataOption,
    out: Out = Path("model.tflite"),
    seed: Seed = 1,
    image_size: Size = None,
    channels: Channels = None,
    follow_links: Links = False,
    mean: Mean = None,
    std: Std = None,
    save_float: SaveFloat = False,
    allow_cpu_ops: CpuOps = False,
    fix: Fix = True,
    modes: ModeOptions = _MODES,
    integers: CalibrationOptions = _INTEGERS,
    sources: SourceOptions = _SOURCES,
    debug_report: DebugReport = None,
    as_json: Json = False,
) -> None:
    """Makes the model file from a trained model; DATA gives labels, calibration and test images."""
    from edgeready.workflows import build as pipeline  # noqa: PLC0415

    config = BuildConfig(
        integers.on(DataConfig(data, image_size_of(image_size), channels, seed, follow_links)),
        source,
        out,
        normalization=normalization_of(mean, std),
        float_out=float_beside(out, save_float),
        allow_cpu_ops=allow_cpu_ops,
        fix=fix,
        mode=modes.mode,
        target=modes.target,
        method=integers.method(),
        source=sources.config(),
        max_drop=integers.max_drop,
    )
    _build(config, as_json, job=pipeline.convert, debug_report=debug_report)


def _build(
    config: BuildConfig,
    as_json: bool,
    job: Any = None,
    samples: Path | None = None,
    debug_report: Path | None = None,
) -> None:
    from edgeready import dataset  # noqa: PLC0415
    from edgeready.cli.debug_report import debugged  # noqa: PLC0415
    from edgeready.cli.progress import progress_bar  # noqa: PLC0415
    from edgeready.dataset.tensors import is_tensor_file  # noqa: PLC0415
    from edgeready.report.build import build_json, build_view  # noqa: PLC0415
    from edgeready.workflows import build as pipeline  # noqa: PLC0415

    if job is pipeline.convert and is_tensor_file(config.data.source):
        _convert_tensors(config, as_json, debug_report)
        return
    try:
        with progress_bar(Console(stderr=True)) as progress:
            result = debugged(job or pipeline.build, config, debug_report, progress)
    except BudgetError as error:
        _print_trail(error.trail, as_json)
        raise
    if samples is not None:
        dataset.save_samples(result.splits.test, samples, min(5, len(result.splits.test)))
    if as_json:
        print_json(build_json(result))
    else:
        print_view(build_view(result, "IMAGE" if samples is None else f"{samples}/*.png"))


def _convert_tensors(config: BuildConfig, as_json: bool, debug_report: Path | None) -> None:
    """`convert` with a .npz of inputs without labels: the model is no image classifier."""
    from edgeready.cli.progress import progress_bar  # noqa: PLC0415
    from edgeready.report.tensors import tensors_json, tensors_view  # noqa: PLC0415
    from edgeready.workflows.tensors import convert_tensors  # noqa: PLC0415

    if debug_report is not None:
        raise UsageError(
            "--debug-report needs labelled images, and the data have no labels: leave it out, and ask "
            "edgeready layers about both files (--save-float)"
        )
    with progress_bar(Console(stderr=True)) as progress:
        result = convert_tensors(config, progress)
    if as_json:
        print_json(tensors_json(result))
    else:
        print_view(tensors_view(result))


def _print_trail(trail: Any, as_json: bool) -> None:
    """What was tried for a budget that no rung keeps."""
    from edgeready.report.budget import trail_view  # noqa: PLC0415

    if as_json:
        print_json({"out": None, "budget": trail.as_dict()})
    else:
        print_view(trail_view(trail))
