"""The live loop of a detector: the objects in frames as they come, and labels that do not flicker, as events."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgeready_device.detection.boxes import Detection
from edgeready_device.detection.detector import MOST, THRESHOLD, Detector, check_limits
from edgeready_device.errors import UsageError
from edgeready_device.watching.capture import Retry
from edgeready_device.watching.frame import Back, Lost, Notice
from edgeready_device.watching.loop import Analyzed, Ended, FrameFacts, LoopOptions, Unusable, analyze_frames, never
from edgeready_device.watching.source import Source, SourceLike, SourceOptions, choose_source

if TYPE_CHECKING:
    from edgeready_device.images.camera import Size

STREAM_HOLD = 3  # chosen: as for labels of frames; a tenth of a second at 30 frames a second
_MOST_HOLD = 10_000  # chosen: minutes of frames


@dataclass(frozen=True)
class Appearance:
    """A label that appeared, with the best score of its objects; or (`label` None) `previous`, which is gone."""

    time: float
    number: int
    label: str | None
    score: float | None
    previous: str | None


@dataclass(frozen=True)
class Detected(FrameFacts):
    """A frame and its objects, best first.

    `labels` are those that are there steadily, in alphabetical order; `appearances` tells which of them are new with
    this frame, and which are gone.
    """

    detections: tuple[Detection, ...]
    labels: tuple[str, ...]
    appearances: tuple[Appearance, ...]

    @property
    def changed(self) -> bool:
        """Whether a label appeared or is gone with this frame."""
        return bool(self.appearances)


if TYPE_CHECKING:
    ObjectEvent = Detected | Unusable | Lost | Back | Notice | Ended


@dataclass(frozen=True)
class DetectOptions:
    """How objects are chosen, and how many frames in a row a label must be there to appear, or not to be gone.

    With `independent`, each frame starts without a label. `threshold`, `iou` and `most` are those of
    `Detector.detect`. Raises UsageError for values that cannot be meant.
    """

    threshold: float = THRESHOLD
    iou: float | None = None
    most: int = MOST
    hold: int = STREAM_HOLD
    independent: bool = False

    def __post_init__(self) -> None:
        check_limits(self.threshold, self.iou, self.most)
        if not 1 <= self.hold <= _MOST_HOLD:
            raise UsageError(f"hold is {self.hold}: give 1 to {_MOST_HOLD} frames")


class SteadyLabels:
    """The labels that are there: one appears when it was in `hold` frames in a row, and goes when it was in none."""

    def __init__(self, hold: int) -> None:
        self._hold = hold
        self._present: set[str] = set()
        self._counts: dict[str, int] = {}  # frames in a row in which a label was not as it is held to be

    @property
    def labels(self) -> tuple[str, ...]:
        """Those that are there, in alphabetical order."""
        return tuple(sorted(self._present))

    def update(self, labels: Iterable[str]) -> tuple[list[str], list[str]]:
        """Takes note of the labels of a frame; returns those that appeared and those that are gone, sorted."""
        differing = set(labels) ^ self._present
        self._counts = {label: self._counts.get(label, 0) + 1 for label in differing}
        changes = sorted(label for label, count in self._counts.items() if count >= self._hold)
        arrivals = [label for label in changes if label not in self._present]
        departures = [label for label in changes if label in self._present]
        self._present = self._present.union(arrivals).difference(departures)
        for label in changes:
            del self._counts[label]
        return arrivals, departures

    def clear(self) -> None:
        """Forgets all labels."""
        self._present.clear()
        self._counts.clear()


def choose_detect_options(
    source: Source, *, threshold: float | None, iou: float | None, most: int | None, hold: int | None
) -> DetectOptions:
    """Returns the DetectOptions for `source`: each file of a folder stands for itself; None is the default."""
    return DetectOptions(
        threshold=THRESHOLD if threshold is None else threshold,
        iou=iou,
        most=MOST if most is None else most,
        hold=hold if hold is not None else STREAM_HOLD if source.is_dense else 1,
        independent=not source.is_stream and hold is None,
    )


def watch_objects(
    detector: Detector,
    source: SourceLike = "auto",
    *,
    threshold: float | None = None,
    iou: float | None = None,
    most: int | None = None,
    hold: int | None = None,
    rotate: int = 0,
    size: Size | None = None,
    interval_s: float = 0.0,
    realtime: bool = False,
    loop: bool = False,
    new_only: bool = False,
    count: int = 0,
    stop: Callable[[], bool] = never,
    retry: Retry | None = None,
) -> Generator[ObjectEvent, None, None]:
    """Returns a generator of events: the objects that `detector` finds in the frames of `source`.

    `source` and the arguments from `rotate` on are those of `watch`; `hold` is how many frames in a row a label must
    be there to appear (3, of a folder 1). Raises as `watch` does.
    """
    place = choose_source(
        source,
        SourceOptions(size=size, realtime=realtime, loop=loop, interval_s=interval_s, new_only=new_only),
    )
    options = choose_detect_options(place, threshold=threshold, iou=iou, most=most, hold=hold)
    return detect_frames(
        place, detector, options, loop=LoopOptions(rotate=rotate, count=count), stop=stop, retry=retry
    )


def detect_frames(
    source: Source,
    detector: Detector,
    options: DetectOptions,
    *,
    loop: LoopOptions,
    stop: Callable[[], bool] = never,
    retry: Retry | None = None,
) -> Generator[ObjectEvent, None, None]:
    """Yields a Detected for each frame of `source`, and the other events as they come."""

    def find(picture: NDArray[np.uint8]) -> tuple[Detection, ...]:
        return tuple(detector.detect(picture, threshold=options.threshold, iou=options.iou, most=options.most))

    steady = SteadyLabels(options.hold)
    # Closed with this generator, and not when memory is tidied up: the camera is free at once.
    with closing(analyze_frames(source, find, loop, stop=stop, retry=retry)) as events:
        for event in events:
            if isinstance(event, Analyzed):
                if options.independent:
                    steady.clear()
                yield _describe(event, steady)
            else:
                yield event


def _describe(event: Analyzed, steady: SteadyLabels) -> Detected:
    """The Detected of a frame whose result is its objects."""
    time, number = event.frame.time, event.frame.number
    arrivals, departures = steady.update(detection.label for detection in event.result)
    scores = {detection.label: detection.score for detection in reversed(event.result)}  # the best of each label
    return Detected(
        **event.facts,
        detections=event.result,
        labels=steady.labels,
        appearances=(
            *(Appearance(time, number, label=name, score=scores[name], previous=None) for name in arrivals),
            *(Appearance(time, number, label=None, score=None, previous=name) for name in departures),
        ),
    )
