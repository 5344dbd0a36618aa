"""One frame on its way from the source to the model, and what a source says besides frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import EdgereadyError


@dataclass(frozen=True)
class Shot:
    """What a reader read: RGB pixels, or the error of a file that cannot be used.

    `clock` is time.monotonic() when the frame was there, `count` how many frames of the source it stands for. With
    `is_live`, a newer frame takes its place where it was not analyzed in time. `size` is the height and width of the
    file, where the pixels are fewer; None: theirs.
    """

    clock: float
    pixels: NDArray[np.uint8] | None = field(repr=False, compare=False)
    name: str = ""
    error: EdgereadyError | None = None
    count: int = 1
    is_live: bool = False
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Frame:
    """A Shot with its `number` among all frames of the source, from 1, and its `time` in seconds since 1970."""

    number: int
    time: float
    shot: Shot


@dataclass(frozen=True)
class Lost:
    """The source failed; it is opened again after `pause_s`."""

    time: float
    message: str
    pause_s: float


@dataclass(frozen=True)
class Back:
    """The source gives frames again, `after_s` seconds after it was lost."""

    time: float
    after_s: float


@dataclass(frozen=True)
class Notice:
    """A sentence about the source that people should know."""

    time: float
    message: str


@dataclass(frozen=True)
class End:
    """The source is over; `error` is what ended it, None where it had no more frames."""

    error: Exception | None = None


if TYPE_CHECKING:
    Message = Lost | Back | Notice | End
