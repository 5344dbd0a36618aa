"""The command `edgeready`: parses, calls, renders, and ends with a documented exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from edgeready import __version__, edgetpu_commands
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
from edgeready.terminal import NEGATIVE, print_json, print_view, run, say

DEMO_FOLDER = Path("edgeready-demo")

app = typer.Typer(
    epilog="Exit codes: 0 yes; 1 a verdict that is no; 2 usage; 3 bad input; 4 not found; 5 conversion refused; "
    "6 runtime or extra missing; 70 a bug of ours; 130 interrupted.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Runs the command and ends the process with its exit code."""
    run(app, "edgeready")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"edgeready {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="print the version", is_eager=True, callback=_print_version)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="a traceback with every error")] = False,
) -> None:
    """Makes one uint8, integer-only, Edge-TPU ready .tflite file from an image classifier, and proves it."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="the folder to write")] = DEMO_FOLDER,
    as_json: Json = False,
) -> None:
    """Does all of it on handwritten digits that need no download: trains, converts, proves, measures."""
    config = BuildConfig(DataConfig("digits"), "dropout-cnn", out / "digits.tflite", TrainConfig(epochs=15))
    _build(config, as_json, samples=out / "images")


@app.command()
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


@app.command()
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


edgetpu_commands.register(app)


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="a .tflite file")],
    data: DataOption,
    seed: Annotated[int | None, typer.Option(help="picks the split; default: that of FILE's own build")] = None,
    min_accuracy: Annotated[float | None, typer.Option(help="exit 1 below this top-1 accuracy in percent")] = None,
    as_json: Json = False,
) -> None:
    """Top-1 accuracy of FILE on the test images of DATA, through the device package."""
    from edgeready import evaluation, report  # noqa: PLC0415

    with report.progress(Console(stderr=True)) as progress:
        result, runtime = evaluation.evaluate_file(file, data, seed, progress)
    if as_json:
        print_json(report.accuracy_json(result, runtime))
    else:
        print_view(report.accuracy_view(result, runtime))
    accuracy = 100 * result.top1.value
    if min_accuracy is not None and not accuracy >= min_accuracy:
        say(f"top-1 accuracy is {accuracy:.2f} %, below the budget of {min_accuracy:g} %")
        raise typer.Exit(NEGATIVE)


@app.command()
def data(
    source: Data,
    preview: Annotated[Path | None, typer.Option(help="write a PNG that shows samples with their labels")] = None,
    seed: Seed = 1,
    image_size: Size = None,
    channels: Channels = None,
    as_json: Json = False,
) -> None:
    """Shows what is in DATA and how it is split."""
    from edgeready import dataset, report  # noqa: PLC0415

    with report.progress(Console(stderr=True)) as progress:
        splits = dataset.load_splits(
            source,
            seed=seed,
            image_size=image_size_of(image_size),
            channels=channels,
            progress=lambda done, total: progress("reading data", done, total),
        )
    if preview is not None:
        dataset.preview(splits, preview)
    if as_json:
        print_json(report.splits_json(splits))
    else:
        print_view(report.splits_view(splits))


@app.command()
def bundle(
    file: Annotated[Path, typer.Argument(help="a .tflite file")],
    target: Annotated[str, typer.Option(help="pi-os-12, pi-os-13 or armv7")] = "pi-os-12",
    out: Annotated[Path, typer.Option("--out", "-o", help="the new folder to write")] = Path("edgeready-bundle"),
    as_json: Json = False,
) -> None:
    """Puts wheels, FILE and an install line for a board without internet into one folder."""
    from edgeready import bundle as bundles  # noqa: PLC0415
    from edgeready import report  # noqa: PLC0415

    made = bundles.make_bundle(file, target, out)
    if as_json:
        print_json(report.bundle_json(made))
    else:
        print_view(report.bundle_view(made))


def _build(config: BuildConfig, as_json: bool, job: Any = None, samples: Path | None = None) -> None:
    from edgeready import dataset, pipeline, report  # noqa: PLC0415

    with report.progress(Console(stderr=True)) as progress:
        result = (job or pipeline.build)(config, progress)
    if samples is not None:
        dataset.save_samples(result.splits.test, samples, min(5, len(result.splits.test)))
    if as_json:
        print_json(report.build_json(result))
    else:
        print_view(report.build_view(result, "IMAGE" if samples is None else f"{samples}/*.png"))


if __name__ == "__main__":
    main()
