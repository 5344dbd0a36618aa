"""The loop: takes frames from the capture thread and analyzes them one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ImageError, NotFoundError, UsageError, one_line
from edgeready_device.watching.capture import Capture, Retry
from edgeready_device.watching.frame import Back, End, Frame, Lost, Notice
from edgeready_device.watching.rates import RateMeter, Rates, Summary
from edgeready_device.watching.slot import Slot
from edgeready_device.watching.source import Source

TURNS = (0, 90, 180, 270)
_TICK_S = 0.2  # chosen: how long a signal may wait when no frame comes; five wake-ups a second cost nothing
_FAREWELL_S = 0.5  # chosen: longer than a camera takes for a frame; a driver that hangs longer is left behind


@dataclass(frozen=True)
class Analyzed:
    """A frame and what was found in it.

    `latency_s` is the time from the frame's capture to the result, `analysis_s` that of the analysis alone.
    """

    frame: Frame
    pixels: NDArray[np.uint8] = field(repr=False, compare=False)  # upright
    result: Any
    latency_s: float
    analysis_s: float
    rates: Rates
    dropped: int
    is_live: bool  # the newest frame, and not each of the source in turn
    is_turned: bool = False  # by a quarter

    @property
    def size(self) -> tuple[int, int]:
        """The height and width of the picture, upright, as its source has it."""
        size = self.frame.shot.size
        if size is None:
            return self.pixels.shape[0], self.pixels.shape[1]
        return (size[1], size[0]) if self.is_turned else size

    @property
    def facts(self) -> dict[str, Any]:
        """The fields of FrameFacts."""
        return {
            "time": self.frame.time,
            "number": self.frame.number,
            "name": self.frame.shot.name,
            "picture": self.pixels,
            "size": self.size,
            "latency_s": self.latency_s,
            "analysis_s": self.analysis_s,
            "analyzed_per_s": self.rates.analyzed_per_s,
            "captured_per_s": self.rates.captured_per_s if self.is_live else None,
            "dropped": self.dropped,
        }


@dataclass(frozen=True)
class FrameFacts:
    """A frame as the events tell of it, whatever was found in it.

    `time` is when the frame was captured, in seconds since 1970, `number` its number among all of the source, `name`
    the path of a file, and `picture` its upright pixels. `size` is the height and width of the source's picture: of a
    large JPEG in a folder fewer pixels are decoded where only a label is asked for. `latency_s` is the time from
    capture to answer, `analysis_s` that of the model with resizing. The rates are those of the last 100 frames,
    `captured_per_s` where a newer frame may replace an older one; `dropped` counts those.
    """

    time: float
    number: int
    name: str
    picture: NDArray[np.uint8] = field(repr=False, compare=False)
    size: tuple[int, int]
    latency_s: float
    analysis_s: float
    analyzed_per_s: float | None
    captured_per_s: float | None
    dropped: int


@dataclass(frozen=True)
class Unusable:
    """A frame that could not be analyzed; the loop goes on."""

    time: float
    number: int
    name: str
    message: str


@dataclass(frozen=True)
class Ended:
    """The last event, of a source that is over or a loop that was told to stop."""

    time: float
    summary: Summary


if TYPE_CHECKING:
    LoopEvent = Analyzed | Unusable | Lost | Back | Notice | Ended


@dataclass(frozen=True)
class LoopOptions:
    """How frames are taken: `rotate` turns them clockwise by degrees, and the loop ends after `count` (0: never).

    Raises UsageError for values that cannot be meant.
    """

    rotate: int = 0
    count: int = 0

    def __post_init__(self) -> None:
        if self.rotate not in TURNS:
            raise UsageError(f"rotate is {self.rotate}: give 0, 90, 180 or 270 degrees, clockwise")
        if self.count < 0:
            raise UsageError(f"the count of frames is {self.count}: give 1 or more, or 0 for no end")


def never() -> bool:
    """Returns False: the loop goes on."""
    return False


class SourceHangs(ImageError):
    """A source whose driver neither gives a frame nor fails (exit code 3): only the end of the process frees it."""


def analyze_frames(
    source: Source,
    analyze: Callable[[NDArray[np.uint8]], Any],
    options: LoopOptions,
    *,
    stop: Callable[[], bool] = never,
    retry: Retry | None = None,
) -> Generator[LoopEvent, None, None]:
    """Yields an event for each frame of `source` that was analyzed, and for what happens to the source.

    `analyze` gets the frame as a contiguous uint8 array, RGB, and returns any result. `stop` is called at least five
    times a second. Raises the error of a source that cannot be opened at all, and SourceHangs.
    """
    slot = Slot()
    capture = Capture(source, slot, retry or Retry())
    loop = _Loop(source, analyze, options)
    capture.start()
    try:
        while not stop() and not loop.is_over:
            if capture.check_stall():
                raise SourceHangs(
                    f"{source.name} hangs in its driver, which only a new process gets over: check its cable, and "
                    "start this again"
                )
            wait_s = loop.wait_s()
            item = slot.take(min(wait_s, _TICK_S) if wait_s > 0 else _TICK_S, frames=wait_s <= 0)
            if isinstance(item, End):
                if item.error is not None:
                    raise item.error
                break
            if isinstance(item, Frame):
                yield loop.analyze(item)
            elif item is not None:
                yield loop.note(item)
        yield Ended(time.time(), loop.summarize(capture.count))
    finally:
        capture.close(_FAREWELL_S)


class _Loop:
    """Analyzes one frame after the other and counts."""

    def __init__(self, source: Source, analyze: Callable[[NDArray[np.uint8]], Any], options: LoopOptions) -> None:
        self._source, self._analyze, self._options = source, analyze, options
        self._meter = RateMeter()
        self._start = time.monotonic()
        self._next = self._start  # when the next frame may be analyzed
        self._frames = self._unusable = self._dropped = self._losses = 0

    @property
    def is_over(self) -> bool:
        """Whether as many frames were taken as are asked for."""
        return 0 < self._options.count <= self._frames

    def wait_s(self) -> float:
        """How long no frame may be taken."""
        return self._next - time.monotonic()

    def analyze(self, frame: Frame) -> Analyzed | Unusable:
        """Analyzes a frame; one that the model cannot take becomes an Unusable."""
        start = time.monotonic()
        self._next = start + self._source.pause_s
        self._frames += 1
        if frame.shot.is_live:
            self._dropped = frame.number - self._frames
        try:
            pixels = self._upright(frame)
            result = self._analyze(pixels)
        except (ImageError, NotFoundError) as error:
            self._unusable += 1
            return Unusable(frame.time, frame.number, frame.shot.name, one_line(error))
        end = time.monotonic()
        return Analyzed(
            frame=frame,
            pixels=pixels,
            result=result,
            latency_s=end - frame.shot.clock,
            analysis_s=end - start,
            rates=self._meter.add(analyzed=end, captured=frame.shot.clock, number=frame.number),
            dropped=self._dropped,
            is_live=frame.shot.is_live,
            is_turned=self._options.rotate % 180 != 0,
        )

    def note(self, message: Lost | Back | Notice) -> Lost | Back | Notice:
        """Takes note of a message, and returns it."""
        if isinstance(message, Lost):
            self._losses += 1
            self._meter.clear()
        return message

    def summarize(self, captured: int) -> Summary:
        """The Summary of the run, in which the source gave `captured` frames."""
        return Summary(
            seconds=time.monotonic() - self._start,
            captured=captured,
            analyzed=self._frames - self._unusable,
            dropped=self._dropped,
            unusable=self._unusable,
            losses=self._losses,
            latency_median_s=self._meter.latency_s(0.5),
            latency_p95_s=self._meter.latency_s(0.95),
        )

    def _upright(self, frame: Frame) -> NDArray[np.uint8]:
        """The frame's pixels, turned; raises the error of a file that cannot be used."""
        pixels = frame.shot.pixels
        if pixels is None:
            raise frame.shot.error or ImageError(f"{frame.shot.name} holds no image")
        return np.ascontiguousarray(np.rot90(pixels, -self._options.rotate // 90))
