"""A table of 256 bytes as integer arithmetic: numpy does that in vectors, look-ups go one byte at a time.

All arithmetic is modulo 256 (or 65536), so that int8 is uint8 with 128 added. Which form gives a table exactly is
found out, and proved on all 256 pixels, when the table is first used on a large frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Union

import numpy as np
from numpy.typing import NDArray

_MOST_STEPS = 3
_MOST_DIVISOR = 255
_FACTORS = np.arange(-2, 3)  # around the slope that the two ends of the table give
_EVERY_PIXEL = np.arange(256, dtype=np.uint8)


@dataclass(frozen=True)
class Stairs:
    """pixel + `offset`, and 1 more (`up`) or less (`down`) from each of some pixels on: slopes near 1."""

    offset: int
    up: tuple[int, ...]
    down: tuple[int, ...]

    def __call__(self, frame: NDArray[np.uint8], values: NDArray[np.uint8], wide: NDArray[np.uint16]) -> None:
        """Puts the values of `frame` into `values`, of the same shape; `wide`, of that shape, too, is overwritten."""
        mask = wide.reshape(-1).view(np.bool_)[: frame.size].reshape(frame.shape)
        np.add(frame, np.uint8(self.offset), out=values)
        for first in self.up:
            np.add(values, np.greater_equal(frame, np.uint8(first), out=mask).view(np.uint8), out=values)
        for first in self.down:
            np.subtract(values, np.greater_equal(frame, np.uint8(first), out=mask).view(np.uint8), out=values)


@dataclass(frozen=True)
class StraightLine:
    """(pixel * factor + offset) // divisor + flip, of pixels that are held between `least` and `greatest`.

    A normalization is a straight line, and 256 rounded points of one can be hit exactly with a divisor of at most
    255, so that 16 bits are enough; only where it is steep the points at which it saturates may not lie on it.
    """

    least: int
    greatest: int
    factor: int
    offset: int
    divisor: int
    flip: int

    def __call__(self, frame: NDArray[np.uint8], values: NDArray[np.uint8], wide: NDArray[np.uint16]) -> None:
        """Puts the values of `frame` into `values`, of the same shape; `wide`, of that shape, too, is overwritten."""
        if self.least > 0 or self.greatest < 255:
            frame = np.clip(frame, np.uint8(self.least), np.uint8(self.greatest), out=values)
        np.copyto(wide, frame)
        np.multiply(wide, np.uint16(self.factor), out=wide)
        np.add(wide, np.uint16(self.offset), out=wide)
        np.floor_divide(wide, np.uint16(self.divisor), out=wide)
        np.copyto(values, wide, casting="unsafe")
        if self.flip:
            np.add(values, np.uint8(self.flip), out=values)


Arithmetic = Union[Stairs, "StraightLine"]  # evaluated at run time, where Python 3.9 has no |


def arithmetic_of(row: NDArray[Any]) -> Arithmetic | None:
    """What gives the 256 values of `row` (uint8 or int8) exactly, the quicker form first; None where none does."""
    for found in (_stairs(row.view(np.uint8)), _line(row)):
        if found is not None:
            proof = np.empty(256, np.uint8)
            found(_EVERY_PIXEL, proof, np.empty(256, np.uint16))
            if proof.tobytes() == row.tobytes():
                return found
    return None


def _stairs(values: NDArray[np.uint8]) -> Stairs | None:
    ahead = values - _EVERY_PIXEL  # modulo 256
    changes = np.diff(ahead)
    up, down = (tuple(int(place) + 1 for place in np.flatnonzero(changes == by)) for by in (1, 255))
    few = len(up) + len(down) == np.count_nonzero(changes) <= _MOST_STEPS
    return Stairs(int(ahead[0]), up, down) if few else None


def _line(row: NDArray[Any]) -> StraightLine | None:
    flip = 0 if row.dtype == np.uint8 else 128
    values = row.astype(np.int64) + flip
    least, greatest = _end_of_run(values), 255 - _end_of_run(values[::-1])
    if least >= greatest:
        return None
    found = _through(np.arange(least, greatest + 1), values[least : greatest + 1])
    if found is None:
        return None
    factor, offset, divisor = found
    if (255 + flip + 1) * divisor <= 65535:  # there is room to add it before the division
        offset, flip = offset + flip * divisor, 0
    return StraightLine(least, greatest, factor % 65536, offset % 65536, divisor, flip)


def _end_of_run(values: NDArray[np.int64]) -> int:
    """How many of the first values, less one, are the same end of the range: there the table saturates."""
    if values[0] not in (0, 255):
        return 0
    return int(np.argmax(values != values[0])) - 1 if (values != values[0]).any() else 255


def _through(pixels: NDArray[np.int64], values: NDArray[np.int64]) -> tuple[int, int, int] | None:
    """Factor, offset and divisor with (pixel * factor + offset) // divisor == value for all points, or None."""
    rise, run = int(values[-1] - values[0]), int(pixels[-1] - pixels[0])
    for divisor in range(1, min(_MOST_DIVISOR, run + 1) + 1):
        factors = round(rise * divisor / run) + _FACTORS
        rest = divisor * values - factors[:, np.newaxis] * pixels
        offsets = rest.max(axis=1)
        fits = offsets <= rest.min(axis=1) + divisor - 1
        if fits.any():
            chosen = int(np.argmax(fits))
            return int(factors[chosen]), int(offsets[chosen]), divisor
    return None
