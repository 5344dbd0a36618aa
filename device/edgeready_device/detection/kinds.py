"""The kinds of heads that are read, and how the outputs of one are read."""

from __future__ import annotations

from dataclasses import dataclass

SSD, YOLO_OBJECTNESS, YOLO, END_TO_END = "ssd", "yolov5", "yolov8", "end-to-end"
KINDS = (SSD, YOLO_OBJECTNESS, YOLO, END_TO_END)


@dataclass(frozen=True)
class Head:
    """How the outputs are read.

    `outputs` are the places among the model's outputs: boxes, classes, scores and count for "ssd", else the one.
    `classes` is 0 where the file does not say. `channels_first` says that a YOLO output holds a row for each value
    rather than for each box, `classes_per_box` that an SSD gives each box it counts in so many rows, a class each.
    """

    kind: str
    outputs: tuple[int, ...]
    classes: int
    channels_first: bool = False
    classes_per_box: int = 1
