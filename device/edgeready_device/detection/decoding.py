"""The outputs of a detector as boxes, classes and scores; what cannot be so is an error, not an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.detection.boxes import Candidates
from edgeready_device.detection.kinds import END_TO_END, SSD, YOLO_OBJECTNESS, Head
from edgeready_device.errors import ModelFileError

FRACTIONS, PIXELS = "fractions", "pixels"
UNITS = (FRACTIONS, PIXELS)
# A score may lie so far outside 0 to 1. Chosen: two steps of an 8-bit output, and the error of a float32 sigmoid.
_TOLERANCE = 2 / 255
# The centre of a box reaches so far in fractions of the frame: a head predicts centres near its own places, which lie
# within it. A head in pixels reaches far beyond: the last place of a frame of 32 pixels is at 16. In between the unit
# cannot be told.
_MOST_FRACTION, _LEAST_PIXELS = 2.0, 4.0
# The largest step of a quantized output whose scores are of use; chosen: 20 steps from 0 to 1. A head in pixels with
# one scale for boxes and scores has steps of 1 and more: every score is 0 or 1.
_LARGEST_STEP = 0.05


def decode(head: Head, outputs: Sequence[NDArray[Any]], frame: tuple[int, int], unit: str | None) -> Candidates:
    """Returns the candidates in the real values of the `outputs` that `head` names, in its order.

    `frame` is the frame's height and width, `unit` that of YOLO boxes: "fractions" of the frame, "pixels", or None
    to tell it by the values. Raises ModelFileError when the values cannot be those of such a head.
    """
    if head.kind == SSD:
        return _decode_ssd(head, outputs)
    rows = _rows(head, outputs[0])
    _check_finite(rows)
    if head.kind == END_TO_END:
        corners, scores = rows[:, :4].astype(np.float64), rows[:, 4]
        classes = _whole_numbers(rows[:, 5], head.classes)
    else:
        corners = _corners_of_centres(rows[:, :4].astype(np.float64))
        class_scores = rows[:, 5:] * rows[:, 4:5] if head.kind == YOLO_OBJECTNESS else rows[:, 4:]
        _check_scores(rows[:, 4:], head)
        classes = class_scores.argmax(axis=1)
        scores = class_scores[np.arange(len(classes)), classes]
    _check_scores(scores, head)
    if (corners[:, 2:] - corners[:, :2] < -_slack(corners)).any():
        raise ModelFileError(
            f"a box has a width or height below 0, which a head of the kind {head.kind} never gives: its boxes are "
            "not decoded, or it is of another kind; see --head"
        )
    sides = np.array([frame[1], frame[0]] * 2, np.float64)
    if _choose_unit(head, corners, unit) == PIXELS:
        corners = corners / sides
    return Candidates(corners, classes, _clip_scores(scores))


def check_step(step: float, name: str) -> None:
    """Raises ModelFileError when a quantized YOLO output has steps too large for scores."""
    if step > _LARGEST_STEP:
        raise ModelFileError(
            f"the output {name!r} has steps of {step:.3g} for boxes and scores alike, so that scores are lost: "
            "export the model with boxes as fractions of the frame, or with a float32 output"
        )


def _decode_ssd(head: Head, outputs: Sequence[NDArray[Any]]) -> Candidates:
    boxes, classes, scores, counts = (values.reshape(-1) for values in outputs)
    most = min(len(boxes) // 4, len(classes), len(scores)) // head.classes_per_box
    if len(counts) != 1 or counts[0] != np.floor(counts[0]) or not 0 <= counts[0] <= most:
        raise ModelFileError(
            f"the model says that it found {', '.join(f'{count:g}' for count in counts[:3])} objects, and has room "
            f"for {most}: export it again"
        )
    rows = np.arange(int(counts[0]) * head.classes_per_box)
    # Of more classes than there are, and behind the last box, the kernels leave what was in memory.
    rows = rows[rows % head.classes_per_box < head.classes]
    boxes, classes, scores = boxes[: len(boxes) // 4 * 4].reshape(-1, 4)[rows], classes[rows], scores[rows]
    for values in (boxes, classes, scores):
        _check_finite(values)
    corners = boxes.astype(np.float64)[:, [1, 0, 3, 2]]  # y comes first
    _check_scores(scores, head)
    return Candidates(corners, _whole_numbers(classes, head.classes), _clip_scores(scores))


def _rows(head: Head, values: NDArray[Any]) -> NDArray[Any]:
    """One row for each box."""
    sides = [size for size in values.shape[1:] if size != 1] if values.ndim > 3 else list(values.shape[1:])
    rows = values.reshape(sides)
    return rows.T if head.channels_first else rows


def _corners_of_centres(rows: NDArray[Any]) -> NDArray[Any]:
    """Left, top, right, bottom of x and y of the centre, width and height."""
    half = rows[:, 2:] / 2
    return np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)


def _whole_numbers(values: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """Class numbers, of `classes` where those are known; raises ModelFileError for others."""
    most = classes or np.iinfo(np.int32).max
    wrong = (values != np.floor(values)) | (values < 0) | (values >= most)
    if wrong.any():
        raise ModelFileError(
            f"the model gives the class {values[wrong][0]:g}, of {classes or 'whole numbers'} from 0 on: it is of "
            "another kind, or damaged"
        )
    return values.astype(np.int64)


def _check_finite(values: NDArray[Any]) -> None:
    if not np.isfinite(values).all():
        raise ModelFileError(
            "the model gives NaN or infinite values: it was damaged in training or conversion; convert it again"
        )


def _check_scores(scores: NDArray[Any], head: Head) -> None:
    if scores.size and not (scores.min() >= -_TOLERANCE and scores.max() <= 1 + _TOLERANCE):
        raise ModelFileError(
            f"the scores go from {scores.min():.3g} to {scores.max():.3g}, not from 0 to 1 as those of a head of the "
            f"kind {head.kind}: it lacks its sigmoid, or is of another kind; see --head"
        )


def _clip_scores(scores: NDArray[Any]) -> NDArray[np.float64]:
    return np.clip(scores.astype(np.float64), 0.0, 1.0)


def _choose_unit(head: Head, corners: NDArray[Any], unit: str | None) -> str:
    if unit is not None:
        return unit
    centres = np.abs(corners[:, :2] + corners[:, 2:]) / 2
    most = float(centres.max(initial=0.0))
    if most <= _MOST_FRACTION:
        return FRACTIONS
    if most >= _LEAST_PIXELS:
        return PIXELS
    raise ModelFileError(
        f"the centres of its boxes reach {most:.3g}: too far for fractions of the frame, too near for pixels; say "
        "--boxes fractions or --boxes pixels"
    )


def _slack(corners: NDArray[Any]) -> float:
    """How far below 0 a width may be: quantization rounds, and a step is a small part of the largest value."""
    return 0.01 * float(np.abs(corners).max(initial=0.0))
