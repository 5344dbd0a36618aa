"""The live loop of a classifier: the labels of frames as they come, smoothed, as frozen events."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import UsageError
from edgeready_device.images.decode import target_of
from edgeready_device.images.frames import fit_frame
from edgeready_device.model import Model
from edgeready_device.postprocess import Prediction, top_predictions
from edgeready_device.watching.capture import Retry
from edgeready_device.watching.frame import Back, Lost, Notice
from edgeready_device.watching.loop import Analyzed, Ended, FrameFacts, LoopOptions, Unusable, analyze_frames, never
from edgeready_device.watching.smoothing import MARGIN, STREAM_HOLD, STREAM_SMOOTH, ScoreMean, Steadiness, SteadyLabel
from edgeready_device.watching.source import Source, SourceLike, SourceOptions, choose_source

if TYPE_CHECKING:
    from edgeready_device.images.camera import Size
    from edgeready_device.watching.loop import LoopEvent


@dataclass(frozen=True)
class Labelled(FrameFacts):
    """A frame and its label, from smoothed scores; `label` and `score` are None where no score reaches the threshold.

    `changed` tells that the label is another one than `previous`, that of the frame before.
    """

    label: str | None
    score: float | None
    previous: str | None
    changed: bool
    predictions: tuple[Prediction, ...]


if TYPE_CHECKING:
    Event = Labelled | Unusable | Lost | Back | Notice | Ended


def watch(
    model: Model,
    source: SourceLike = "auto",
    *,
    top: int = 3,
    threshold: float = 0.0,
    smooth: int | None = None,
    hold: int | None = None,
    margin: float = MARGIN,
    rotate: int = 0,
    size: Size | None = None,
    interval_s: float = 0.0,
    realtime: bool = False,
    loop: bool = False,
    new_only: bool = False,
    count: int = 0,
    stop: Callable[[], bool] = never,
    retry: Retry | None = None,
) -> Generator[Event, None, None]:
    """Returns a generator of events: what `model` says of the frames of `source`, and what happens to the source.

    `source` is a camera ("auto", "0", "picamera2:1"), an address, a video file, a folder, or an iterable of uint8
    frames. SourceOptions describes `size`, `interval_s`, `realtime`, `loop` and `new_only`, LoopOptions `rotate` and
    `count`, Steadiness `smooth`, `hold`, `margin` and `threshold`; None is 5 and 3 frames, and 1 for a folder or an
    interval of a second or more. The loop ends when `stop()`, which is called five times a second, is true.

    Raises UsageError, NotFoundError or ImageError for a source or a value that cannot be meant, and later for a
    source that cannot be opened.
    """
    options = SourceOptions(size=size, realtime=realtime, loop=loop, interval_s=interval_s, new_only=new_only)
    place = choose_source(source, options)
    labelling = Labelling(
        model, choose_steadiness(place, smooth=smooth, hold=hold, margin=margin, threshold=threshold), top=top
    )
    return label_frames(place, labelling, LoopOptions(rotate=rotate, count=count), stop=stop, retry=retry)


def choose_steadiness(
    source: Source, *, smooth: int | None, hold: int | None, margin: float, threshold: float
) -> Steadiness:
    """The Steadiness of `source`: dense frames are smoothed, and each file of a folder stands for itself."""
    dense = source.is_dense
    return Steadiness(
        smooth=smooth if smooth is not None else STREAM_SMOOTH if dense else 1,
        hold=hold if hold is not None else STREAM_HOLD if dense else 1,
        margin=margin,
        threshold=threshold,
        independent=not source.is_stream and smooth is None and hold is None,
    )


def label_frames(
    source: Source,
    labelling: Labelling,
    options: LoopOptions,
    *,
    stop: Callable[[], bool] = never,
    retry: Retry | None = None,
) -> Generator[Event, None, None]:
    """Yields a Labelled for each frame of `source`, and the other events as they come."""
    source.reduce_to(labelling.target, options.rotate)
    with closing(analyze_frames(source, labelling.score, options, stop=stop, retry=retry)) as events:
        yield from label_events(events, labelling)


def label_events(events: Iterable[LoopEvent], labelling: Labelling) -> Iterator[Event]:
    """Yields `events` with a Labelled in place of each frame whose result is its scores."""
    for event in events:
        if isinstance(event, Analyzed):
            yield labelling.label(event)
        else:
            if isinstance(event, Lost):
                labelling.forget_frames()
            yield event


class Labelling:
    """Scores frames with a model, and turns the scores of frames that follow one another into a steady label."""

    def __init__(self, model: Model, steadiness: Steadiness, *, top: int = 3) -> None:
        if top < 1:
            raise UsageError(f"top is {top}: ask for at least 1 label")
        self._model, self._top, self._steadiness = model, top, steadiness
        self._mean, self._steady = ScoreMean(steadiness.smooth), SteadyLabel(steadiness)

    @property
    def target(self) -> tuple[int, int]:
        """The height and width that a whole picture is resized to."""
        return target_of(self._model.contract.frame)

    def score(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The scores (classes,) of a picture of any size, from 0 to 1."""
        return self._model.scores(fit_frame(picture, self._model.contract.frame))

    def label(self, event: Analyzed) -> Labelled:
        """The Labelled of a frame whose result is its scores."""
        if self._steadiness.independent:
            self._steady.clear()
        scores = self._mean.add(event.result)
        previous = self._steady.index
        changed = self._steady.update(scores)
        index, labels = self._steady.index, self._model.labels
        best = top_predictions(scores, labels, self._top)
        return Labelled(
            **event.facts,
            label=None if index is None else labels[index],
            score=None if index is None else float(scores[index]),
            previous=None if previous is None else labels[previous],
            changed=changed,
            predictions=tuple(item for item in best if item.score >= self._steadiness.threshold),
        )

    def forget_frames(self) -> None:
        """Forgets the frames before, as the source stood still: the mean starts anew, and a recurrent model, too."""
        self._mean.clear()
        if self._model.session.keep_state:
            self._model.reset_state()
