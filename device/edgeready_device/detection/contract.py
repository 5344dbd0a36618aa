"""How an object detector is read: what its file promises, and what a caller says in place of it."""

from __future__ import annotations

from dataclasses import dataclass

from edgeready_device.detection.class_labels import count_labels, label_classes
from edgeready_device.detection.decoding import UNITS, check_step
from edgeready_device.detection.frame_input import FrameInput, read_frame_input
from edgeready_device.detection.head import read_head
from edgeready_device.detection.kinds import KINDS, SSD, Head
from edgeready_device.detection.placement import LETTERBOX, RULES, STRETCH
from edgeready_device.errors import ModelFileError, UsageError
from edgeready_device.model_file.contract import Description
from edgeready_device.model_file.labels import Labels
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.model_file.tensor_spec import TensorSpec


@dataclass(frozen=True)
class HeadDescription:
    """How to read a detector's outputs; what is None is found in the file, or told by the values.

    `kind` is "ssd", "yolov5" (x, y, width, height, objectness, classes), "yolov8" (the same without objectness) or
    "end-to-end" (x, y, x, y, score, class). `boxes` says whether YOLO boxes are in "fractions" of the frame or in
    "pixels", `label_offset` (0 or 1) which label the first class has.
    """

    kind: str | None = None
    boxes: str | None = None
    label_offset: int | None = None

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in KINDS:
            raise UsageError(f"the head is {self.kind!r}: choose {', '.join(KINDS)}")
        if self.boxes is not None and self.boxes not in UNITS:
            raise UsageError(f"the boxes are in {self.boxes!r}: choose {' or '.join(UNITS)}")
        if self.label_offset not in (None, 0, 1):
            raise UsageError(
                f"the label offset is {self.label_offset}: give 0, or 1 where the list starts with the background"
            )


AS_FOUND = HeadDescription()
_TASKS = ("", "detect")  # of the notes of an exporter
_TASK_REMEDIES = {"classify": "use classify"}


@dataclass(frozen=True)
class DetectorContract:
    """How pictures go in and objects come out.

    `resize` is "stretch" or "letterbox", `outputs` are the specs of the outputs that `head` names, in its order.
    `labels` has one entry a class; it is empty where neither the file nor the labels say how many there are.
    """

    input: FrameInput
    head: Head
    outputs: tuple[TensorSpec, ...]
    labels: tuple[str, ...]
    resize: str
    boxes: str | None = None


def read_detector(file: TfliteModel, description: Description, reading: HeadDescription) -> DetectorContract:
    """Returns the DetectorContract of `file`, `description` and `reading` going before it.

    Raises ModelFileError when it is no detector that can be read, or can be read in two ways.
    """
    try:
        return _contract(file, description, reading)
    except ModelFileError as error:
        raise ModelFileError(f"{file.path}: {error}") from error


def _contract(file: TfliteModel, description: Description, reading: HeadDescription) -> DetectorContract:
    description = description.with_preset()
    resize = description.resize
    if resize not in (None, *RULES):
        raise UsageError(f"the resize rule is {resize!r}: detectors take {' or '.join(RULES)}")
    labels: Labels | None = description.labels or file.labels or None
    if file.notes is not None and file.notes.task not in _TASKS and reading.kind is None:
        raise ModelFileError(
            f"its exporter says that its task is {file.notes.task!r}, and detect reads models for the task 'detect': "
            f"{_TASK_REMEDIES.get(file.notes.task, 'export one for that')}"
        )
    frame = read_frame_input(file, description)
    head = read_head(file.graph, (frame.height, frame.width), kind=reading.kind, labels=count_labels(labels))
    if frame.pixels.refusal:
        raise ModelFileError(frame.pixels.refusal)
    outputs = tuple(TensorSpec.of(file.graph.tensors[file.graph.outputs[place]]) for place in head.outputs)
    for spec in outputs:
        if spec.dtype not in ("float32", "float16") and spec.quant is None:
            raise ModelFileError(
                f"the output {spec.name!r} is {spec.dtype} without one scale: a detector's are quantized or float"
            )
        if spec.quant is not None and head.kind != SSD:
            check_step(spec.quant.scale, spec.name)
    return DetectorContract(
        input=frame,
        head=head,
        outputs=outputs,
        labels=label_classes(labels, head.classes or count_labels(labels, gaps=True), reading.label_offset),
        resize=resize or (STRETCH if head.kind == SSD else LETTERBOX),
        boxes=reading.boxes,
    )
