"""Labels that do not flicker: the mean score of the last frames, and a label that stays until another one leads."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import UsageError

STREAM_SMOOTH = 5  # chosen: a sixth of a second at 30 frames a second, below what people take for a delay
STREAM_HOLD = 3  # chosen: one wrong frame in five moves the mean for five frames, but leads for fewer than three
MARGIN = 0.1  # chosen: two labels that share a scene differ by less
_MOST_FRAMES = 10_000  # chosen: minutes of frames; scores of 1000 labels then take 40 MB


@dataclass(frozen=True)
class Steadiness:
    """How labels are kept from flickering.

    Scores are the mean of the last `smooth` frames. The label changes when another one has led by `margin` in `hold`
    frames in a row; below the score `threshold` there is no label. With `independent`, each frame starts without a
    label. Raises UsageError for values that cannot be meant.
    """

    smooth: int = STREAM_SMOOTH
    hold: int = STREAM_HOLD
    margin: float = MARGIN
    threshold: float = 0.0
    independent: bool = False

    def __post_init__(self) -> None:
        for name, value in (("smooth", self.smooth), ("hold", self.hold)):
            if not 1 <= value <= _MOST_FRAMES:
                raise UsageError(f"{name} is {value}: give 1 to {_MOST_FRAMES} frames")
        for name, share in (("margin", self.margin), ("threshold", self.threshold)):
            if not 0 <= share <= 1:
                raise UsageError(f"the {name} is {share:g}: give a score from 0 to 1")


class ScoreMean:
    """The mean scores of the last `count` frames, each of them with the same weight."""

    def __init__(self, count: int) -> None:
        self._rows: deque[NDArray[np.float32]] = deque(maxlen=count)

    def add(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Adds the scores (classes,) of a frame and returns the mean."""
        self._rows.append(scores)
        if len(self._rows) == 1:
            return scores
        return np.asarray(np.mean(self._rows, axis=0, dtype=np.float64), np.float32)

    def clear(self) -> None:
        """Forgets the frames."""
        self._rows.clear()


class SteadyLabel:
    """The index of the label that is shown; None where no score reaches the threshold."""

    def __init__(self, steadiness: Steadiness) -> None:
        self._rule = steadiness
        self._index: int | None = None
        self._challenger: int | None = None
        self._lead = 0  # frames in a row in which the challenger led

    @property
    def index(self) -> int | None:
        """The index of the label, None for none."""
        return self._index

    def update(self, scores: Sequence[float] | NDArray[np.float32]) -> bool:
        """Takes the smoothed `scores` of the next frame, and returns whether the label changed."""
        challenger = self._find_challenger(np.asarray(scores, np.float64))
        if challenger == self._index:
            self._challenger, self._lead = None, 0
            return False
        self._lead = self._lead + 1 if self._lead and challenger == self._challenger else 1
        self._challenger = challenger
        if self._lead < self._rule.hold:
            return False
        self._index, self._challenger, self._lead = challenger, None, 0
        return True

    def clear(self) -> None:
        """Forgets the label."""
        self._index, self._challenger, self._lead = None, None, 0

    def _find_challenger(self, scores: NDArray[np.float64]) -> int | None:
        """The label that leads by the margin, the present one where none does."""
        best = int(scores.argmax())
        threshold, margin = self._rule.threshold, self._rule.margin
        if self._index is None:
            return best if scores[best] >= threshold else None
        present = float(scores[self._index])
        if scores[best] < threshold:  # none is good enough, and the present one not by a hair only
            return None if _leads(threshold, present, margin) else self._index
        return best if best != self._index and _leads(float(scores[best]), present, margin) else self._index


def _leads(score: float, other: float, margin: float) -> bool:
    return score > other and (score - other >= margin or math.isclose(score - other, margin, rel_tol=1e-6))
