"""The options that several commands share, and how their texts become values."""

from __future__ import annotations

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
Seed = Annotated[int, typer.Option("--seed", help="picks splits, first weights and order")]
FloatOut = Annotated[Path | None, typer.Option("--save-float", help="keep the float32 model in this file, too")]
CpuOps = Annotated[bool, typer.Option("--allow-cpu-ops", help="accept a model that the Edge TPU runs in part")]
Mean = Annotated[float | None, typer.Option("--mean", help="(pixel - MEAN) / STD is what the network sees")]
Std = Annotated[float | None, typer.Option("--std", help="see --mean; the default is mean 0, std 255")]


def image_size_of(text: str | None) -> tuple[int, int] | None:
    """(height, width) of "96" or "96x128"; raises UsageError for anything else."""
    if text is None:
        return None
    try:
        height, _, width = text.lower().partition("x")
        return int(height), int(width or height)
    except ValueError as error:
        raise UsageError(f"the image size is {text!r}: write 96 or 96x128 (height x width)") from error


def normalization_of(mean: float | None, std: float | None) -> Normalization | None:
    """The Normalization of --mean and --std, None when neither is given."""
    if mean is None and std is None:
        return None
    if std == 0:
        raise UsageError("--std is 0: nothing can be divided by it; use 255 for values from 0 to 1")
    return Normalization((0.0 if mean is None else mean,), (255.0 if std is None else std,))
