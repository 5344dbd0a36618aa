"""Objects in a picture as text and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeready_device.detection.boxes import Detection
from edgeready_device.text import plain, table

_HEADER = ("object", "score", "left", "top", "right", "bottom")


def detections_text(path: Path | str, detections: Sequence[Detection]) -> str:
    """Returns a line for a picture and a table of its objects, best first, boxes in whole pixels."""
    if not detections:
        return f"{path}: no object reaches the threshold"
    count = f"{len(detections)} object{'s' * (len(detections) > 1)}"
    lines = [
        [plain(detection.label), f"{100 * detection.score:.1f} %", *(f"{side:.0f}" for side in _sides(detection))]
        for detection in detections
    ]
    return f"{path}: {count}\n{table(_HEADER, lines)}"


def detections_json(path: Path | str, shape: Sequence[int], detections: Sequence[Detection]) -> dict[str, Any]:
    """Returns the objects of a picture called `path`, of the `shape` (height, width, ...), as plain data."""
    return {"image": str(path), **objects_json(shape, detections)}


def objects_json(shape: Sequence[int], detections: Sequence[Detection]) -> dict[str, Any]:
    """Returns the size of a picture and its objects as plain data, boxes in pixels and as fractions of its sides."""
    height, width = shape[:2]
    return {
        "width": width,
        "height": height,
        "detections": [
            {
                "label": detection.label,
                "index": detection.index,
                "score": detection.score,
                "box": _named(_sides(detection)),
                "fractions": _named([side / most for side, most in zip(_sides(detection), (width, height) * 2)]),
            }
            for detection in detections
        ],
    }


def _sides(detection: Detection) -> list[float]:
    return [detection.box.left, detection.box.top, detection.box.right, detection.box.bottom]


def _named(sides: Sequence[float]) -> dict[str, float]:
    return dict(zip(("left", "top", "right", "bottom"), sides))
