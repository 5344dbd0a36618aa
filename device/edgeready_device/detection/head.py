"""What kind of head a detector's graph ends in: found by its operators and shapes, never by names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeready_device.detection.channels import read_channel_parts
from edgeready_device.detection.refusals import describe_other_head, is_map
from edgeready_device.errors import ModelFileError
from edgeready_device.tflite.flexbuffer import Number, read_number_map
from edgeready_device.tflite.graph import Graph, Op

SSD, YOLO_OBJECTNESS, YOLO, END_TO_END = "ssd", "yolov5", "yolov8", "end-to-end"
KINDS = (SSD, YOLO_OBJECTNESS, YOLO, END_TO_END)
_SSD_OUTPUTS = ("boxes", "classes", "scores", "count")  # of the operator, in its order
POSTPROCESS = "TFLite_Detection_PostProcess"
_PASSES_ON = ("QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "CAST")
# Chosen: a thousand times what exports ask for (10 to 100); more is a damaged file, and the memory of the outputs.
_MOST_DETECTIONS = 100_000
_STRIDES = ((8, 16, 32), (8, 16, 32, 64), (16, 32))  # of YOLO's usual heads, the P6 ones, and the tiny ones
_ANCHORS = 3  # boxes at each place of a head with objectness, in YOLOv3 to v7
_COORDINATES = 4  # of a box
# Rows of COCO's networks: four coordinates, an objectness and 80 classes; four coordinates, a score and 17 points of
# a body. No network is known that has 81 or 52 classes, as which they would be read otherwise.
_COCO_ROW, _POSE_ROW = 85, 56
# Ops of heads that choose their best boxes themselves.
_CHOOSES = ("TOPK_V2", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5")
_END_TO_END_ROWS = 300  # what Ultralytics' end-to-end exports give (max_det)
_END_TO_END_VALUES = 6  # x, y, x, y, score, class


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
        return _read_ssd(graph, op)
    if kind == SSD:
        raise ModelFileError(f"the model has no {POSTPROCESS}, which an SSD head ends in: leave out --head")
    for tensor in graph.of(graph.outputs):
        if tensor.open:
            raise ModelFileError(
                f"the size of its output {tensor.name!r:.60} is open ({list(tensor.shape_signature)}): export the "
                "model with a fixed size"
            )
    readings = _yolo_readings(graph, frame) if len(graph.outputs) == 1 else []
    if kind is not None:
        readings = [reading for reading in readings if reading.kind == kind]
    if not readings:
        raise ModelFileError(describe_other_head(graph))
    if kind is None:
        _refuse_other_rows(graph, readings, frame, labels=labels)
    return _choose_reading(graph, readings, frame, labels=labels)


# -- SSD ---------------------------------------------------------------------------------------------------------


def _read_ssd(graph: Graph, op: Op) -> Head:
    """The head of a model with the post-processing `op`, whose outputs may stand in any order in the model's."""
    options = read_number_map(op.custom_options or b"")
    _check_postprocess(graph, op, options)
    makers = {output: maker for maker in graph.ops for output in maker.outputs}
    places: dict[int, int] = {}
    for place, tensor in enumerate(graph.outputs):
        maker = makers.get(tensor)
        while maker is not None and maker.name in _PASSES_ON and maker.inputs:
            tensor = maker.inputs[0]
            maker = makers.get(tensor)
        places.setdefault(tensor, place)
    missing = [
        name for name, tensor in zip(("boxes", "classes", "scores", "count"), op.outputs) if tensor not in places
    ]
    if missing:
        raise ModelFileError(
            f"the model gives no {' and no '.join(missing)} of its {POSTPROCESS}: export all four of its outputs"
        )
    return Head(
        SSD,
        tuple(places[tensor] for tensor in op.outputs),
        classes=int(options["num_classes"]),
        classes_per_box=_classes_per_box(options),
    )


def _classes_per_box(options: dict[str, Number]) -> int:
    """How many rows a box has in the outputs: the kernels' fast suppression counts boxes, the regular one rows."""
    return 1 if options.get("use_regular_nms") else int(options.get("max_classes_per_detection", 1))


def _check_postprocess(graph: Graph, op: Op, options: dict[str, Number]) -> None:
    """Raises ModelFileError unless the op's operands and options fit each other, which the kernels hardly check."""
    missing = [name for name in ("num_classes", "max_detections") if name not in options]
    if missing:
        raise ModelFileError(f"its {POSTPROCESS} states no {' and no '.join(missing)}: export the model again")
    classes, most = int(options["num_classes"]), int(options["max_detections"])
    if len(op.inputs) != 3 or len(op.outputs) != 4 or min(op.inputs) < 0:
        raise ModelFileError(
            f"its {POSTPROCESS} has {len(op.inputs)} inputs and {len(op.outputs)} outputs, not 3 and 4: damaged file"
        )
    boxes, scores, anchors = (graph.tensors[index].shape for index in op.inputs)
    count = boxes[1] if len(boxes) == 3 else -1
    if (
        boxes[:1] != (1,)
        or boxes[2:] < (4,)
        or scores[:2] != (1, count)
        or len(scores) != 3
        or anchors != (count, 4)
        or scores[2] - classes not in (0, 1)
        or classes < 1
        or min(most, _classes_per_box(options)) < 1
        or most * _classes_per_box(options) > _MOST_DETECTIONS
    ):
        raise ModelFileError(
            f"its {POSTPROCESS} takes boxes {list(boxes)}, scores {list(scores)} and anchors {list(anchors)} for "
            f"{classes} classes and {most} detections, which do not fit: export the model again"
        )


# -- YOLO --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Reading:
    """One way to read a YOLO output: `count` boxes of `size` values."""

    kind: str
    count: int
    size: int
    channels_first: bool

    @property
    def classes(self) -> int:
        return {YOLO: self.size - 4, YOLO_OBJECTNESS: self.size - 5, END_TO_END: 0}[self.kind]


def _yolo_readings(graph: Graph, frame: tuple[int, int]) -> list[_Reading]:
    """Every way in which the shape of the only output can be that of a YOLO head."""
    shape = graph.tensors[graph.outputs[0]].shape
    if len(shape) < 3 or shape[0] != 1:
        return []
    sides = [size for size in shape[1:] if size != 1] if len(shape) > 3 else list(shape[1:])
    if len(sides) != 2 or (is_map((sides[0], sides[1]), frame) and not _grid_counts(frame, YOLO) & {*sides}):
        return []
    readings = []
    for channels_first in (False, True):
        count, size = (sides[1], sides[0]) if channels_first else (sides[0], sides[1])
        if size > _COORDINATES:
            readings.append(_Reading(YOLO, count, size, channels_first))
        # No exporter is known that writes objectness in a row of its own for one box at each place.
        if size > _COORDINATES + 1 and (not channels_first or count in _anchored_counts(frame)):
            readings.append(_Reading(YOLO_OBJECTNESS, count, size, channels_first))
        if size == _END_TO_END_VALUES and not channels_first:
            readings.append(_Reading(END_TO_END, count, size, channels_first))
    return readings


def _choose_reading(graph: Graph, readings: list[_Reading], frame: tuple[int, int], *, labels: int) -> Head:
    """The Head of the reading that evidence leaves; raises ModelFileError when it leaves more than one."""
    shape = list(graph.tensors[graph.outputs[0]].shape)
    if labels:
        counts = sorted({reading.classes for reading in readings if reading.count >= reading.size})
        readings = [reading for reading in readings if reading.classes in (0, labels)]
        if not readings:
            raise ModelFileError(
                f"{labels} labels for an output {shape}, which has {' or '.join(map(str, counts))} classes: give the "
                "file that belongs to the model (--labels)"
            )
    chooses = any(op.name in _CHOOSES for op in graph.ops)
    evidence: tuple[Callable[[_Reading], bool], ...] = (
        lambda reading: reading.count in _grid_counts(frame, reading.kind),
        lambda reading: reading.count >= reading.size,
        lambda reading: reading.size != _COCO_ROW or reading.kind == YOLO_OBJECTNESS or reading.channels_first,
        lambda reading: _fits_parts(graph, reading),
        lambda reading: reading.kind == END_TO_END and (chooses or reading.count == _END_TO_END_ROWS),
        lambda reading: reading.kind == YOLO and reading.count in _grid_counts(frame, YOLO),
    )
    for fits in evidence:
        readings = [reading for reading in readings if fits(reading)] or readings
    if len(readings) > 1:
        ways = ", ".join(f"--head {reading.kind} ({_classes_text(reading)})" for reading in readings)
        raise ModelFileError(
            f"the output {shape} can be read in {len(readings)} ways: say which with {ways}, or give the labels"
        )
    reading = readings[0]
    return Head(reading.kind, (0,), classes=reading.classes, channels_first=reading.channels_first)


def _classes_text(reading: _Reading) -> str:
    if reading.kind == END_TO_END:
        return "x, y, x, y, score and class of each box"
    return f"{reading.classes} classes"


def _grid_counts(frame: tuple[int, int], kind: str) -> set[int]:
    """How many boxes a head of this kind has for a `frame` (height, width) with the usual strides."""
    places = {sum((frame[0] // stride) * (frame[1] // stride) for stride in strides) for strides in _STRIDES}
    if kind == YOLO:
        return places
    return places | _anchored_counts(frame) if kind == YOLO_OBJECTNESS else set()


def _anchored_counts(frame: tuple[int, int]) -> set[int]:
    """How many boxes a head with several at each place has."""
    return {_ANCHORS * count for count in _grid_counts(frame, YOLO)}


def _fits_parts(graph: Graph, reading: _Reading) -> bool:
    """Whether the tensors that the output's rows are put together from fit the reading."""
    parts = read_channel_parts(graph, reading.size)
    boxes = next((i for i in range(1, len(parts)) if sum(parts[:i]) == _COORDINATES), 0)
    rest = parts[boxes:]
    if boxes == 1 and len(rest) == 1:
        return reading.kind == YOLO
    if boxes and len(rest) > 1 and rest[0] == 1:
        return reading.kind in (YOLO_OBJECTNESS, END_TO_END)
    return True


def _refuse_other_rows(graph: Graph, readings: list[_Reading], frame: tuple[int, int], *, labels: int) -> None:
    """Raises ModelFileError where the rows hold more than boxes and classes: points of a body, or an angle."""
    for reading in readings:
        parts = read_channel_parts(graph, reading.size)
        is_joined = len(parts) > 1 and parts[0] > _COORDINATES
        pose = reading.size == _POSE_ROW and labels != reading.classes
        anchored = reading.count in _anchored_counts(frame)
        if reading.kind == YOLO and reading.count >= reading.size and (is_joined or pose) and not anchored:
            text = " + ".join(map(str, parts)) if is_joined else str(reading.size)
            raise ModelFileError(
                f"its rows are of {text} values: it looks like a YOLO head for poses or rotated boxes, which detect "
                f"does not read; if it finds upright boxes of {reading.classes} classes, say --head {YOLO}"
            )
