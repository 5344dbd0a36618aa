"""What kind of model a graph seems to be, by its ends and its last ops, and which command takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeready_device.tflite.graph import Graph, Tensor

_TOKENS = ("int32", "int64")
_SOUND_OPS = ("AudioSpectrogram", "Mfcc")
_SUPPRESSION_OPS = ("NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5")
_LEAST_SAMPLES = 1000  # of a row that is sound; chosen: 1/16 s at 16 kHz, and more than the features of usual tables
_LEAST_BOXES = 100  # of a YOLO head; chosen: one of 96x96 pixels has 189
_LEAST_ATTRIBUTES = 5  # of a YOLO head: a box and one class
# Ops that pass on values: what a model computes last stands before them.
_PASSES_ON = ("QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE")
_POOLS = ("MEAN", "AVERAGE_POOL_2D", "MAX_POOL_2D")
_ANY_MODEL = "info, benchmark, compare, tune and verify take it"


@dataclass(frozen=True)
class Kind:
    """What a model seems to be, as "an object detector", and the commands that take it in a sentence.

    `classifier` says that nothing speaks against an image classifier, and `features` that its row of numbers may as
    well be features, and no scores.
    """

    name: str
    commands: str = _ANY_MODEL
    classifier: bool = False
    features: bool = False

    @property
    def sentence(self) -> str:
        """The kind and its commands, for the end of a refusal."""
        return f"it seems to be {self.name}; {self.commands}"


_DETECTS = "detect takes it"
CLASSIFIER = Kind("an image classifier", "classify and evaluate take it", classifier=True)


def kind_of(graph: Graph) -> Kind:
    """Returns the Kind of the model that `graph` is."""
    inputs, outputs = graph.of(graph.inputs), graph.of(graph.outputs)
    names = {op.custom_code or op.name for op in graph.ops}
    shapes = [tensor.shape for tensor in outputs]
    if "TFLite_Detection_PostProcess" in names:
        return Kind("an object detector (SSD with TFLite_Detection_PostProcess)", _DETECTS)
    if len(inputs) == 1 and _is_image(inputs[0]):
        if names.intersection(_SUPPRESSION_OPS) or _are_detections(shapes):
            return Kind("an object detector that suppresses overlapping boxes itself")
        return _kind_of_vision(graph, inputs[0], outputs)
    return _kind_of_other(inputs, names)


def _kind_of_other(inputs: Sequence[Tensor], names: set[str]) -> Kind:
    """Returns the Kind of a model that takes no picture."""
    first = inputs[0] if inputs else None
    if first is None:
        return Kind("a model without inputs")
    if first.dtype == "string" or all(tensor.dtype in _TOKENS and len(tensor.shape) <= 2 for tensor in inputs):
        return Kind("a text model, which takes numbers of tokens")
    if len(inputs) > 1:
        return Kind(f"a model with {len(inputs)} inputs")
    row = sum(size > 1 for size in first.shape) <= 1
    if names.intersection(_SOUND_OPS) or (row and (first.elements >= _LEAST_SAMPLES or first.open)):
        return Kind("a model of sound, of a series or of flattened features, which takes one row of numbers")
    if len(first.shape) <= 2:
        return Kind(f"a model of {first.elements} features")
    return Kind(f"a model of tensors {list(first.shape)}")


def _kind_of_vision(graph: Graph, image: Tensor, outputs: Sequence[Tensor]) -> Kind:
    """Returns the Kind of a model that takes one picture."""
    shape = outputs[0].shape if outputs else ()
    rows = [tensor for tensor in outputs if _is_row(tensor.shape, image.shape[0])]
    if len(outputs) > 1:
        heads = [tensor for tensor in outputs if len(tensor.shape) >= 4]
        if len(heads) == len(outputs):
            return Kind(f"a detector or a network with {len(outputs)} maps as outputs, which need its own decoding")
        return Kind(f"a model with {len(outputs)} outputs" + (", of which some are rows of scores" if rows else ""))
    if rows and not outputs[0].open:
        return _kind_of_row(graph, shape)
    if len(shape) == 3 and shape[0] == 1 and _is_yolo_head(shape[1], shape[2]):
        return Kind(f"a detector with a YOLO head ({list(shape)})", _DETECTS)
    if shape[-2:] == (17, 3):
        return Kind("a pose model with 17 key points")
    sides = _sides(image)
    if len(shape) == 4 and min(shape[1:3]) > 1 and shape[3] in (1, 3) and shape[1] >= sides[0]:
        return Kind(f"a model that gives a picture or a map ({list(shape)})")
    if len(shape) in (3, 4) and (min(shape[1:3]) > 1 or outputs[0].open):
        return Kind(f"a segmentation or feature map ({list(shape)})")
    return Kind(f"a model whose output is {list(shape)}")


def _kind_of_row(graph: Graph, shape: Sequence[int]) -> Kind:
    if shape[-1] == 1:
        return Kind("a model with one number as output: a regression, or a yes or no", classifier=True)
    name = graph.tensors[graph.outputs[0]].name.lower()
    last = _last_op(graph)
    if "embedding" in name or "feature" in name or last == "L2_NORMALIZATION":
        return Kind(f"an embedding (a vector of {shape[-1]} features)")
    if last in _POOLS:
        return Kind("an embedding, or an image classifier that ends with a pool", classifier=True, features=True)
    return CLASSIFIER


def _last_op(graph: Graph) -> str:
    """Returns the name of the op that computes the first output, past those that pass values on."""
    makers = {output: op for op in graph.ops for output in op.outputs}
    op = makers.get(graph.outputs[0])
    for _ in graph.ops:
        if op is None or op.name not in _PASSES_ON or not op.inputs:
            break
        op = makers.get(op.inputs[0])
    return "" if op is None else op.name


def _is_image(tensor: Tensor) -> bool:
    shape = tensor.shape
    if tensor.dtype in ("bool", "int64", "string") or len(shape) not in (3, 4):
        return False
    picture = len(shape) == 3 or 1 <= shape[3] <= 4 or 1 <= shape[1] <= 4
    return picture and (tensor.open or min(_sides(tensor)) > 1 or max(_sides(tensor)) < _LEAST_SAMPLES)


def _sides(image: Tensor) -> tuple[int, int]:
    shape = image.shape
    channels_first = len(shape) == 4 and shape[1] <= 4 < shape[3]
    return (shape[2], shape[3]) if channels_first else (shape[1], shape[2])


def _is_row(shape: Sequence[int], batch: int) -> bool:
    """Whether an output is a row of numbers, one for each frame of a batch."""
    rows = shape[1:-1] if len(shape) > 1 and shape[0] == batch else shape[:-1]
    return bool(shape) and all(size == 1 for size in rows)


def _is_yolo_head(first: int, second: int) -> bool:
    """Whether an output [1, first, second] has boxes along one dimension and their attributes along the other."""
    boxes, attributes = max(first, second), min(first, second)
    return boxes >= _LEAST_BOXES and attributes >= _LEAST_ATTRIBUTES and boxes > attributes


def _are_detections(shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether the outputs are boxes [1, n, 4] beside classes and scores [1, n]."""
    boxes = [shape for shape in shapes if len(shape) == 3 and shape[2] == 4]
    return len(boxes) == 1 and sum(shape == boxes[0][:2] for shape in shapes) >= 2
