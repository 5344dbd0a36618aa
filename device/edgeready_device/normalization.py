"""The normalization of pixels that a network was trained with, and how the options --mean and --std state it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeready_device.errors import ModelFileError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Normalization:
    """What training did to a pixel p of 0 to 255: (p - mean) / std, one value or one per channel."""

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (255.0,)

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or not self.mean:
            raise ModelFileError(f"the normalization has {len(self.mean)} means and {len(self.std)} deviations")
        for value in (*self.mean, *self.std):
            if not math.isfinite(value):
                raise ModelFileError(f"the normalization holds {value}: it must hold finite numbers")
        if any(std == 0 for std in self.std):
            raise ModelFileError("the normalization divides by a standard deviation of 0")

    def apply(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Frames (..., channels) as the float32 values that the network was trained on, same shape."""
        import numpy as np  # noqa: PLC0415 - the host's options hold a Normalization and load without numpy

        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        values = frames.astype(np.float32, order="C")  # so that lines below are no copy
        if len(mean) > 1 and values.ndim > 1 and values.shape[-1] == len(mean):
            # Whole lines of pixels at once: numpy is slow where the innermost loop has three steps.
            repeats = values.shape[-2]
            lines = values.reshape(-1, repeats * len(mean))
            mean, std = np.tile(mean, repeats), np.tile(std, repeats)
        else:
            lines = values
        np.subtract(lines, mean, out=lines)
        np.divide(lines, std, out=lines)
        return values


def parse_normalization(mean: str | None, std: str | None) -> Normalization | None:
    """The Normalization of --mean and --std, each a number or one per channel with commas; None without both.

    Raises UsageError for texts that hold no such numbers.
    """
    return normalization_of(
        None if mean is None else parse_numbers("--mean", mean), None if std is None else parse_numbers("--std", std)
    )


def normalization_of(mean: Sequence[float] | None, std: Sequence[float] | None) -> Normalization | None:
    """The Normalization of `mean` (default 0) and `std` (default 255), one number each or one per channel.

    None when neither is set. Raises UsageError for a deviation of 0 and for numbers of channels that differ.
    """
    if mean is None and std is None:
        return None
    means, stds = tuple(mean or (0.0,)), tuple(std or (255.0,))
    if 0 in stds:
        raise UsageError("--std is 0: nothing can be divided by it; use 255 for values from 0 to 1")
    channels = max(len(means), len(stds))
    means, stds = (values * channels if len(values) == 1 else values for values in (means, stds))
    if len(means) != len(stds):
        raise UsageError(f"--mean has {len(means)} numbers, --std {len(stds)}: give one of each a channel")
    return Normalization(means, stds)


def parse_numbers(option: str, text: str) -> tuple[float, ...]:
    """The finite numbers of `text`, separated by commas; raises UsageError, which names `option`."""
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"{option} is {text!r}: write 127.5, or one number a channel: 123.7,116.3,103.5") from error
    if not all(map(math.isfinite, values)):
        raise UsageError(f"{option} is {text!r}: write finite numbers")
    return values
