"""The commands that make a model file: `demo`, `build` and `convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from edgeready.arguments import (
    Channels,
    CpuOps,
    Data,
    DataOption,
    Fix,
    Json,
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
from edgeready.config import BuildConfig, DataConfig, TrainConfig
from edgeready.terminal import print_json, print_view

DEMO_FOLDER = Path("edgeready-demo")


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command()(demo)
    app.command()(build)
    app.command()(convert)


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
    epochs: Annotated[int, typer.Option(help="passes over the training images")] = 5,
    batch_size: Annotated[int, typer.Option(help="images a step")] = 32,
    learning_rate: Annotated[float, typer.Option(help="Adam's first rate; it falls to 0 along a cosine")] = 2e-3,
    seed: Seed = 1,
    weights: Annotated[str | None, typer.Option(help="imagenet or a weights FILE, for transfer learning")] = None,
    image_size: Size = None,
    channels: Channels = None,
    mean: Mean = None,
    std: Std = None,
    save_float: SaveFloat = False,
    save_keras: SaveKeras = False,
    allow_cpu_ops: CpuOps = False,
    fix: Fix = True,
    as_json: Json = False,
) -> None:
    """Trains a network on DATA and makes the model file."""
    config = BuildConfig(
        DataConfig(data, image_size_of(image_size), channels, seed),
        model,
        out,
        TrainConfig(epochs, batch_size, learning_rate, seed),
        weights,
        normalization_of(mean, std),
        float_beside(out, save_float),
        keras_beside(out, save_keras),
        allow_cpu_ops,
        fix,
    )
    _build(config, as_json)


def convert(
    source: Annotated[str, typer.Argument(help="a trained Keras model: .keras, .h5, or FILE.py:FUNCTION")],
    data: DataOption,
    out: Out = Path("model.tflite"),
    seed: Seed = 1,
    image_size: Size = None,
    channels: Channels = None,
    mean: Mean = None,
    std: Std = None,
    save_float: SaveFloat = False,
    allow_cpu_ops: CpuOps = False,
    fix: Fix = True,
    as_json: Json = False,
) -> None:
    """Makes the model file from a trained model; DATA gives labels, calibration and test images."""
    from edgeready import pipeline  # noqa: PLC0415

    config = BuildConfig(
        DataConfig(data, image_size_of(image_size), channels, seed),
        source,
        out,
        normalization=normalization_of(mean, std),
        float_out=float_beside(out, save_float),
        allow_cpu_ops=allow_cpu_ops,
        fix=fix,
    )
    _build(config, as_json, job=pipeline.convert)


def _build(config: BuildConfig, as_json: bool, job: Any = None, samples: Path | None = None) -> None:
    from edgeready import dataset, pipeline  # noqa: PLC0415
    from edgeready.report.build import build_json, build_view  # noqa: PLC0415
    from edgeready.report.progress import progress_bar  # noqa: PLC0415

    with progress_bar(Console(stderr=True)) as progress:
        result = (job or pipeline.build)(config, progress)
    if samples is not None:
        dataset.save_samples(result.splits.test, samples, min(5, len(result.splits.test)))
    if as_json:
        print_json(build_json(result))
    else:
        print_view(build_view(result, "IMAGE" if samples is None else f"{samples}/*.png"))
