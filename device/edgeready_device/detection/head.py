"""What kind of head a detector's graph ends in: found by its operators and shapes, never by names."""

from __future__ import annotations

from edgeready_device.detection.kinds import SSD, Head
from edgeready_device.detection.ssd import POSTPROCESS, read_ssd
from edgeready_device.detection.yolo import read_yolo
from edgeready_device.errors import ModelFileError
from edgeready_device.tflite.graph import Graph


def gives_boxes(graph: Graph) -> bool:
    """Returns whether the outputs of `graph` are rather those of a detector, of any kind, than rows of scores."""
    if any(op.custom_code == POSTPROCESS for op in graph.ops):
        return True
    return any(sum(size > 1 for size in tensor.shape[1:]) > 1 for tensor in graph.of(graph.outputs))


def read_head(graph: Graph, frame: tuple[int, int], *, kind: str | None = None, labels: int = 0) -> Head:
    """Returns the Head of `graph`, whose input is a `frame` (height, width).

    `kind` is what a caller knows better, one of KINDS; `labels` is the number of labels, 0 where it is not known.
    Raises ModelFileError for a head of another kind, and for one that can be read in two ways.
    """
    op = next((op for op in graph.ops if op.custom_code == POSTPROCESS), None)
    if op is not None and kind in (None, SSD):
        return read_ssd(graph, op)
    if kind == SSD:
        raise ModelFileError(f"the model has no {POSTPROCESS}, which an SSD head ends in: leave out --head")
    return read_yolo(graph, frame, kind=kind, labels=labels)
