"""The options that several commands share, and how their texts become values."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from edgeready.errors import UsageError
from edgeready_device.preprocess import Normalization

Data = Annotated[str, typer.Argument(help="digits, mnist, fashion-mnist, cifar10, a .npz, or a folder of images")]
DataOption = Annotated[str, typer.Option("--data", help="the data set: a name, a .npz or a folder of images")]
Out = Annotated[Path, typer.Option("--out", "-o", help="the .tflite file to write")]
Json = Annotated[bool, typer.Option("--json", help="one JSON document on standard output")]
Size = Annotated[str | None, typer.Option("--image-size", help="pixels, 96 or 96x128 (height x width); for folders")]
Channels = Annotated[int | None, typer.Option("--channels", help="1 grey, 3 RGB; for folders")]
Links = Annotated[bool, typer.Option("--follow-links", help="take symbolic links that lead out of a folder")]
Seed = Annotated[int, typer.Option("--seed", help="picks splits, first weights and order")]
SaveFloat = Annotated[bool, typer.Option("--save-float", help="keep the float32 model, too: OUT_float32.tflite")]
SaveKeras = Annotated[bool, typer.Option("--save-keras", help="keep the trained model, too: OUT.keras")]
Fix = Annotated[bool, typer.Option("--fix/--no-fix", help="rewrite what the Edge TPU lacks, same result")]
CpuOps = Annotated[bool, typer.Option("--allow-cpu-ops", help="accept a model that the Edge TPU runs in part")]
DebugReport = Annotated[
    Path | None,
    typer.Option("--debug-report", help="a FOLDER for each layer's error: layers.json, layers.png (extra plots)"),
]
Mean = Annotated[
    str | None, typer.Option("--mean", help="(pixel - MEAN) / STD is what the network sees; 127.5, or one a channel")
]
Std = Annotated[str | None, typer.Option("--std", help="as --mean: 127.5 or 58.4,57.1,57.4; default mean 0, std 255")]


def image_size_of(text: str | None) -> tuple[int, int] | None:
    """(height, width) of "96" or "96x128"; raises UsageError for anything else."""
    if text is None:
        return None
    try:
        height, _, width = text.lower().partition("x")
        return int(height), int(width or height)
    except ValueError as error:
        raise UsageError(f"the image size is {text!r}: write 96 or 96x128 (height x width)") from error


def normalization_of(mean: str | None, std: str | None) -> Normalization | None:
    """The Normalization of --mean and --std, one number or one per channel; None when neither is given."""
    if mean is None and std is None:
        return None
    means, stds = _numbers("--mean", mean or "0"), _numbers("--std", std or "255")
    if 0 in stds:
        raise UsageError("--std is 0: nothing can be divided by it; use 255 for values from 0 to 1")
    count = max(len(means), len(stds))
    means, stds = (values * count if len(values) == 1 else values for values in (means, stds))
    if len(means) != len(stds):
        raise UsageError(f"--mean has {len(means)} numbers, --std {len(stds)}: give one of each a channel")
    return Normalization(means, stds)


def _numbers(option: str, text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"{option} is {text!r}: write 127.5, or one number a channel: 123.7,116.3,103.5") from error
    if not all(map(math.isfinite, values)):
        raise UsageError(f"{option} is {text!r}: write finite numbers")
    return values


def float_beside(out: Path, wanted: bool) -> Path | None:
    """Where --save-float keeps the float32 model of `out`: a.tflite has a_float32.tflite beside it."""
    return out.with_name(f"{out.stem}_float32.tflite") if wanted else None


def keras_beside(out: Path, wanted: bool) -> Path | None:
    """Where --save-keras keeps the trained model of `out`: a.tflite has a.keras beside it."""
    return out.with_suffix(".keras") if wanted else None
