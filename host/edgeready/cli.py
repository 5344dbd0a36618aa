"""The command `edgeready`: parses, calls, renders, and ends with a documented exit code."""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType

from edgeready import __version__
from edgeready.config import BuildConfig, DataConfig, TrainConfig
from edgeready.errors import EdgereadyError, UsageError
from edgeready_device.preprocess import Normalization

NEGATIVE = 1  # a verdict that is no; errors bring their own code
OUR_BUG = 70
DEMO_FOLDER = Path("edgeready-demo")

app = typer.Typer(
    help="Makes one uint8, integer-only, Edge-TPU ready .tflite file from an image classifier, and proves it.",
    epilog="Exit codes: 0 yes; 1 a verdict that is no; 2 usage; 3 bad input; 4 not found; 5 conversion refused; "
    "6 runtime or extra missing; 70 a bug of ours; 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Data = Annotated[str, typer.Argument(help="digits, mnist, fashion-mnist, cifar10, a .npz, or a folder of images")]
DataOption = Annotated[str, typer.Option("--data", help="the data set: a name, a .npz or a folder of images")]
Out = Annotated[Path, typer.Option("--out", "-o", help="the .tflite file to write")]
Json = Annotated[bool, typer.Option("--json", help="one JSON document on standard output")]
Size = Annotated[str | None, typer.Option("--image-size", help="pixels, 96 or 96x128 (height x width); for folders")]
Channels = Annotated[int | None, typer.Option("--channels", help="1 grey, 3 RGB; for folders")]
Seed = Annotated[int, typer.Option("--seed", help="picks splits, first weights and order")]
FloatOut = Annotated[Path | None, typer.Option("--save-float", help="keep the float32 model in this file, too")]
CpuOps = Annotated[bool, typer.Option("--allow-cpu-ops", help="accept a model that the Edge TPU runs in part")]
Mean = Annotated[float | None, typer.Option("--mean", help="(pixel - MEAN) / STD is what the network sees")]
Std = Annotated[float | None, typer.Option("--std", help="see --mean; the default is mean 0, std 255")]


def main() -> None:
    """Runs the command and ends the process with its exit code."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        app(args=arguments, prog_name="edgeready")
    except EdgereadyError as error:
        _fail(str(error), error.exit_code, debug)
    except Exception as error:  # noqa: BLE001  (the last line of defence: one line, and its own exit code)
        _fail(f"a bug in edgeready ({type(error).__name__}: {error}); see --debug", OUR_BUG, debug)


def _fail(message: str, code: int, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    sys.stderr.write(f"edgeready: {' '.join(message.split())}\n")
    sys.exit(code)


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="print the version", is_eager=True)] = False,
    debug: Annotated[bool, typer.Option("--debug", help="a traceback with every error")] = False,
) -> None:
    if version:
        typer.echo(f"edgeready {__version__}")
        raise typer.Exit


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
    save_float: FloatOut = None,
    save_keras: Annotated[Path | None, typer.Option(help="keep the trained model in this .keras file, too")] = None,
    allow_cpu_ops: CpuOps = False,
    as_json: Json = False,
) -> None:
    """Trains a network on DATA and makes the model file."""
    config = BuildConfig(
        DataConfig(data, _size(image_size), channels, seed),
        model,
        out,
        TrainConfig(epochs, batch_size, learning_rate, seed),
        weights,
        _normalization(mean, std),
        save_float,
        save_keras,
        allow_cpu_ops,
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
    save_float: FloatOut = None,
    allow_cpu_ops: CpuOps = False,
    as_json: Json = False,
) -> None:
    """Makes the model file from a trained model; DATA gives labels, calibration and test images."""
    from edgeready import pipeline  # noqa: PLC0415

    config = BuildConfig(
        DataConfig(data, _size(image_size), channels, seed),
        source,
        out,
        normalization=_normalization(mean, std),
        float_out=save_float,
        allow_cpu_ops=allow_cpu_ops,
    )
    _build(config, as_json, job=pipeline.convert)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help=".tflite files")],
    as_json: Json = False,
    max_size_kb: Annotated[float | None, typer.Option(help="exit 1 above this size (1 kB = 1000 bytes)")] = None,
) -> None:
    """Predicts which ops of FILES the Edge TPU compiler maps; exit 0 if all, 1 if not."""
    from edgeready import readiness, report  # noqa: PLC0415

    found = [readiness.check_file(path) for path in files]
    if as_json:
        _print_json([each.as_dict() for each in found])
    else:
        for each in found:
            _print(report.readiness_view(each))
    code = 0 if all(each.ready for each in found) else NEGATIVE
    for path in files if max_size_kb is not None else ():
        size_kb = path.stat().st_size / 1000
        if max_size_kb is not None and size_kb > max_size_kb:
            sys.stderr.write(f"edgeready: {path} has {size_kb:.1f} kB, above the budget of {max_size_kb:g} kB\n")
            code = NEGATIVE
    raise typer.Exit(code)


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="a .tflite file")],
    data: DataOption,
    seed: Seed = 1,
    min_accuracy: Annotated[float | None, typer.Option(help="exit 1 below this top-1 accuracy in percent")] = None,
    as_json: Json = False,
) -> None:
    """Top-1 accuracy of FILE on the test images of DATA, through the device package."""
    from edgeready import evaluation, report  # noqa: PLC0415

    with report.progress(_errors()) as progress:
        result, runtime = evaluation.evaluate_file(file, data, seed, progress)
    if as_json:
        _print_json(report.accuracy_json(result, runtime))
    else:
        _print(report.accuracy_view(result, runtime))
    accuracy = 100 * result.top1.value
    if min_accuracy is not None and accuracy < min_accuracy:
        sys.stderr.write(f"edgeready: top-1 accuracy is {accuracy:.2f} %, below the budget of {min_accuracy:g} %\n")
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

    with report.progress(_errors()) as progress:
        splits = dataset.load_splits(
            source,
            seed=seed,
            image_size=_size(image_size),
            channels=channels,
            progress=lambda done, total: progress("reading data", done, total),
        )
    if preview is not None:
        dataset.preview(splits, preview)
    if as_json:
        _print_json(report.splits_json(splits))
    else:
        _print(report.splits_view(splits))


def _build(config: BuildConfig, as_json: bool, job: Any = None, samples: Path | None = None) -> None:
    from edgeready import dataset, pipeline, report  # noqa: PLC0415

    with report.progress(_errors()) as progress:
        result = (job or pipeline.build)(config, progress)
    if samples is not None:
        dataset.save_samples(result.splits.test, samples, min(5, len(result.splits.test)))
    if as_json:
        _print_json(report.build_json(result))
    else:
        _print(report.build_view(result, "IMAGE" if samples is None else f"{samples}/*.png"))


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        height, _, width = text.lower().partition("x")
        return int(height), int(width or height)
    except ValueError as error:
        raise UsageError(f"the image size is {text!r}: write 96 or 96x128 (height x width)") from error


def _normalization(mean: float | None, std: float | None) -> Normalization | None:
    if mean is None and std is None:
        return None
    if std == 0:
        raise UsageError("--std is 0: nothing can be divided by it; use 255 for values from 0 to 1")
    return Normalization((0.0 if mean is None else mean,), (255.0 if std is None else std,))


def _print(view: RenderableType) -> None:
    Console(soft_wrap=True, highlight=False).print(view)


def _print_json(data: Any) -> None:
    sys.stdout.write(json.dumps(data) + "\n")


def _errors() -> Console:
    return Console(stderr=True)


if __name__ == "__main__":
    main()
