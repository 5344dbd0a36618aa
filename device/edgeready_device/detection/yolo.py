"""The heads of YOLO: one output with a row for each box, whose layout shapes, operators and labels tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeready_device.detection.channels import read_channel_parts
from edgeready_device.detection.kinds import END_TO_END, YOLO, YOLO_OBJECTNESS, Head
from edgeready_device.detection.refusals import describe_other_head, is_map
from edgeready_device.errors import ModelFileError
from edgeready_device.tflite.graph import Graph

_STRIDES = ((8, 16, 32), (8, 16, 32, 64), (16, 32))  # of YOLO's usual heads, the P6 ones, and the tiny ones
_ANCHORS = 3  # boxes at each place of a head with objectness, in YOLOv3 to v7
_COORDINATES = 4  # of a box
# Rows of COCO: those of 80 classes and their kind; and four coordinates, a score and 17 points of a body.
# No network is known that has 79, 81 or 52 classes, as which they would be read otherwise.
_COCO_ROWS = {84: YOLO, 85: YOLO_OBJECTNESS}
_POSE_ROW = 56
# What moves or squashes values, but decodes no box.
_MOVES = (
    *("CONCATENATION", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "PACK", "UNPACK", "TRANSPOSE", "SLICE", "STRIDED_SLICE"),
    *("SPLIT", "SPLIT_V", "LOGISTIC", "QUANTIZE", "DEQUANTIZE", "CAST"),
)
# Ops of heads that choose their best boxes themselves.
_CHOOSES = ("TOPK_V2", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5")
_END_TO_END_ROWS = 300  # what Ultralytics' end-to-end exports give (max_det)
_END_TO_END_VALUES = 6  # x, y, x, y, score, class


def read_yolo(graph: Graph, frame: tuple[int, int], *, kind: str | None, labels: int) -> Head:
    """Returns the Head of a `graph` with a YOLO head; the arguments and errors are those of `read_head`."""
    for tensor in graph.of(graph.outputs):
        if tensor.open:
            raise ModelFileError(
                f"the size of its output {tensor.name!r:.60} is open ({list(tensor.shape_signature)}): export the "
                "model with a fixed size"
            )
    readings = _yolo_readings(graph, frame)
    if kind is not None:
        readings = [reading for reading in readings if reading.kind == kind]
    if not readings:
        raise ModelFileError(describe_other_head(graph))
    if _is_undecoded(graph, readings[0].output):
        raise ModelFileError(
            "its values come straight from convolutions: it looks like a YOLO head without its decoding, as YOLOX is "
            "exported; export the model with it (YOLOX: --decode_in_inference)"
        )
    if kind is None:
        _refuse_other_rows(graph, readings, frame, labels=labels)
    return _choose_reading(graph, readings, frame, labels=labels)


@dataclass(frozen=True)
class _Reading:
    """One way to read a YOLO output: `count` boxes of `size` values."""

    kind: str
    count: int
    size: int
    channels_first: bool
    output: int = 0

    @property
    def classes(self) -> int:
        return {YOLO: self.size - 4, YOLO_OBJECTNESS: self.size - 5, END_TO_END: 0}[self.kind]


def _yolo_readings(graph: Graph, frame: tuple[int, int]) -> list[_Reading]:
    """Every way in which the shape of the output with the boxes can be that of a YOLO head."""
    output = _decoded_output(graph)
    if output is None:
        return []
    shape = graph.tensors[graph.outputs[output]].shape
    if len(shape) < 3 or shape[0] != 1:
        return []
    sides = [size for size in shape[1:] if size != 1] if len(shape) > 3 else list(shape[1:])
    if len(sides) != 2 or (is_map((sides[0], sides[1]), frame) and not _grid_counts(frame, YOLO) & {*sides}):
        return []
    readings = []
    for channels_first in (False, True):
        count, size = (sides[1], sides[0]) if channels_first else (sides[0], sides[1])
        if size > _COORDINATES:
            readings.append(_Reading(YOLO, count, size, channels_first, output))
        # No exporter is known that writes objectness in a row of its own for one box at each place.
        if size > _COORDINATES + 1 and (not channels_first or count in _anchored_counts(frame)):
            readings.append(_Reading(YOLO_OBJECTNESS, count, size, channels_first, output))
        if size == _END_TO_END_VALUES and not channels_first:
            readings.append(_Reading(END_TO_END, count, size, channels_first, output))
    return readings


def _is_undecoded(graph: Graph, output: int) -> bool:
    """Whether all values of an output are results of convolutions, moved at most: boxes take arithmetic to decode."""
    makers = {tensor: op for op in graph.ops for tensor in op.outputs}
    pending, visited, sources = [graph.outputs[output]], set[int](), set[str]()
    while pending:
        tensor = pending.pop()
        op = makers.get(tensor)
        if op is None or tensor in visited:
            continue
        visited.add(tensor)
        if op.name in _MOVES:
            pending.extend(op.inputs)
        else:
            sources.add(op.name)
    return sources == {"CONV_2D"}


def _decoded_output(graph: Graph) -> int | None:
    """The number of the output with the boxes: the only one, or that beside which the others are its raw scales."""
    shapes = [tensor.shape for tensor in graph.of(graph.outputs)]
    if len(shapes) == 1:
        return 0
    rows = [number for number, shape in enumerate(shapes) if len(shape) == 3]
    if len(rows) != 1:
        return None
    sizes = {factor * size for size in shapes[rows[0]][1:] for factor in (1, _ANCHORS)}
    scales = [shape for number, shape in enumerate(shapes) if number != rows[0]]
    raw = all(len(shape) in (4, 5) and sizes.intersection((shape[1], shape[2], shape[-1])) for shape in scales)
    return rows[0] if raw else None


def _choose_reading(graph: Graph, readings: list[_Reading], frame: tuple[int, int], *, labels: int) -> Head:
    """The Head of the reading that evidence leaves; raises ModelFileError when it leaves more than one."""
    shape = list(graph.tensors[graph.outputs[readings[0].output]].shape)
    if labels:
        counts = sorted({reading.classes for reading in readings if reading.count >= reading.size})
        readings = [reading for reading in readings if reading.classes in (0, labels)]
        if not readings:
            raise ModelFileError(
                f"{labels} labels for an output {shape}, which has {' or '.join(map(str, counts))} classes: give the "
                "file that belongs to the model (--labels)"
            )
    # YOLOX has x and y, width and height, and all else put together so, and so have some conversions of v8.
    apart = any(read_channel_parts(graph, reading.output, reading.size)[:2] == (2, 2) for reading in readings)
    chooses = any(op.name in _CHOOSES for op in graph.ops)
    evidence: tuple[Callable[[_Reading], bool], ...] = (
        lambda reading: reading.count in _grid_counts(frame, reading.kind),
        lambda reading: reading.count >= reading.size,
        lambda reading: _COCO_ROWS.get(reading.size, reading.kind) == reading.kind or reading.channels_first,
        lambda reading: _fits_parts(graph, reading),
        lambda reading: reading.kind == END_TO_END and (chooses or reading.count == _END_TO_END_ROWS),
        lambda reading: reading.kind == YOLO and reading.count in _grid_counts(frame, YOLO) and not apart,
    )
    for fits in evidence:
        readings = [reading for reading in readings if fits(reading)] or readings
    if len(readings) > 1:
        ways = ", ".join(f"--head {reading.kind} ({_classes_text(reading)})" for reading in readings)
        raise ModelFileError(
            f"the output {shape} can be read in {len(readings)} ways: say which with {ways}, or give the labels"
        )
    reading = readings[0]
    return Head(reading.kind, (reading.output,), classes=reading.classes, channels_first=reading.channels_first)


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
    parts = read_channel_parts(graph, reading.output, reading.size)
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
        parts = read_channel_parts(graph, reading.output, reading.size)
        is_joined = len(parts) > 1 and parts[0] > _COORDINATES
        pose = reading.size == _POSE_ROW and labels != reading.classes
        anchored = reading.count in _anchored_counts(frame)
        if reading.kind == YOLO and reading.count >= reading.size and (is_joined or pose) and not anchored:
            text = " + ".join(map(str, parts)) if is_joined else str(reading.size)
            raise ModelFileError(
                f"its rows are of {text} values: it looks like a YOLO head for poses or rotated boxes, which detect "
                f"does not read; if it finds upright boxes of {reading.classes} classes, say --head {YOLO}"
            )
