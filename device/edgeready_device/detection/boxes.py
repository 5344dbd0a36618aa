"""Objects in a picture: their boxes in pixels, and the removal of boxes that stand for the same object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

# Boxes that suppression looks at, the best ones. Ultralytics' default (max_nms), above what a head gives at any
# useful threshold; it bounds the time at a threshold of 0.
_MOST_CANDIDATES = 30_000


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the picture, from its left upper corner; it lies within the picture."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Detection:
    """One object: the label and the index of its class, its score from 0 to 1, and its box in the picture."""

    label: str
    index: int
    score: float
    box: Box


def scale_detections(detections: Sequence[Detection], shape: Sequence[int], size: Sequence[int]) -> list[Detection]:
    """Returns objects of a picture of the `shape` (height, width, ...) in the same picture of another `size`."""
    if tuple(shape[:2]) == tuple(size[:2]):
        return list(detections)
    down, across = size[0] / shape[0], size[1] / shape[1]
    return [
        replace(
            detection,
            box=Box(
                left=detection.box.left * across,
                top=detection.box.top * down,
                right=detection.box.right * across,
                bottom=detection.box.bottom * down,
            ),
        )
        for detection in detections
    ]


@dataclass(frozen=True)
class Candidates:
    """What a head says of a frame, before a threshold: n boxes with a class and a score each.

    `corners` is float64 (n, 4): left, top, right, bottom as fractions of the frame's width and height. `classes` is
    int64 (n,), `scores` float64 (n,) from 0 to 1.
    """

    corners: NDArray[np.float64]
    classes: NDArray[np.int64]
    scores: NDArray[np.float64]

    def select(self, order: NDArray[np.int64] | NDArray[np.bool_]) -> Candidates:
        """Returns the candidates at `order`, or those where it is True."""
        return Candidates(self.corners[order], self.classes[order], self.scores[order])


def sort_candidates(candidates: Candidates, threshold: float) -> Candidates:
    """Returns those that score at least `threshold`, best first; equal scores keep their order."""
    passing = candidates.select(candidates.scores >= threshold)
    return passing.select(np.argsort(-passing.scores, kind="stable"))


def suppress_overlaps(candidates: Candidates, iou: float, most: int) -> Candidates:
    """Returns the `most` best of sorted `candidates` that overlap no better one of their class by more than `iou`.

    This is greedy non-maximum suppression, class by class. The overlap is the area that two boxes share over the
    area that they cover.
    """
    candidates = candidates.select(np.arange(min(len(candidates.scores), _MOST_CANDIDATES)))
    waiting = np.arange(len(candidates.scores))
    order: list[int] = []
    while len(waiting) and len(order) < most:
        best, waiting = int(waiting[0]), waiting[1:]
        order.append(best)
        overlaps = intersection_over_union(candidates.corners[best], candidates.corners[waiting])
        same = candidates.classes[waiting] == candidates.classes[best]
        waiting = waiting[~(same & (overlaps > iou))]
    return candidates.select(np.array(order, np.int64))


def intersection_over_union(box: NDArray[np.float64], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns how much of what `box` (4,) and each of `boxes` (n, 4) cover they share, from 0 to 1; (n,)."""
    shared = np.maximum(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    covered = (box[2:] - box[:2]).prod() + areas - shared
    return np.asarray(np.divide(shared, covered, out=np.zeros_like(shared), where=covered > 0))
