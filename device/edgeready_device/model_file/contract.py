"""How an image classifier is read: what its file promises, and what a caller says in place of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgeready_device.errors import ModelFileError, UsageError
from edgeready_device.model_file.labels import Labels, labels_for
from edgeready_device.model_file.manifest import RESIZE_RULES, SCORES, InputSpec, Manifest
from edgeready_device.model_file.tensor_spec import TensorSpec
from edgeready_device.normalization import Normalization
from edgeready_device.preprocess import FrameTable
from edgeready_device.tflite.graph import Graph, Tensor
from edgeready_device.tflite.metadata import TfliteMetadata

_PIXEL_TYPES = ("uint8", "int8")
_FRAME_TYPES = (*_PIXEL_TYPES, "int16", "float32")
_PASSES_SCORES_ON = ("QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE")


@dataclass(frozen=True)
class Description:
    """How to read a model; what is None stays as the file has it.

    `labels` has one entry a class, or maps class numbers to labels; `resize` is "stretch", "crop" or "letterbox";
    `scores` is "logits" or "probabilities".
    """

    labels: Labels | None = None
    normalization: Normalization | None = None
    resize: str | None = None
    scores: str | None = None

    def __post_init__(self) -> None:
        if self.resize is not None and self.resize not in RESIZE_RULES:
            raise UsageError(f"the resize rule is {self.resize!r}: choose {', '.join(RESIZE_RULES)}")
        if self.scores is not None and self.scores not in SCORES:
            raise UsageError(f"the scores are {self.scores!r}: choose {' or '.join(SCORES)}")


AS_THE_FILE_SAYS = Description()


class Described(Protocol):
    """What a contract is read from: a graph, and what the file around it says."""

    @property
    def path(self) -> Path:
        """Where it was read from."""

    @property
    def graph(self) -> Graph:
        """The main subgraph."""

    @property
    def manifest(self) -> Manifest | None:
        """edgeready.json, where there is one."""

    @property
    def metadata(self) -> TfliteMetadata:
        """The standard metadata."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the file; empty where it has none."""


@dataclass(frozen=True)
class Contract:
    """How frames go in and scores come out.

    `table` is None for a float model; `raw_pixels` says that 8-bit pixels go in without normalization;
    `scores` is "logits" or "probabilities"; `labels` has one entry a class.
    """

    input: TensorSpec
    output: TensorSpec
    frame: InputSpec
    table: FrameTable | None
    scores: str
    labels: tuple[str, ...]
    raw_pixels: bool = False


def read_contract(file: Described, description: Description = AS_THE_FILE_SAYS) -> Contract:
    """The Contract of `file`, `description` going before it; raises ModelFileError when it is no image classifier.

    What a foreign file does not say: stretch to size; 8-bit pixels go in as they are, wider ones
    divided by 255; scores are probabilities if the last op is SOFTMAX or LOGISTIC; labels are the class numbers.
    """
    try:
        return _contract(file, description)
    except ModelFileError as error:
        raise ModelFileError(f"{file.path}: {error}") from error


def _contract(file: Described, description: Description) -> Contract:
    graph = file.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelFileError(
            f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs: an image classifier has one of each"
        )
    input_spec, output_spec = (_spec(graph.tensors[index]) for index in (graph.inputs[0], graph.outputs[0]))
    in_file = file.manifest.input.normalization if file.manifest else file.metadata.normalization
    normalization = description.normalization or in_file
    resize = description.resize or (file.manifest.input.resize if file.manifest else "stretch")
    frame = _frame(input_spec, resize, normalization or Normalization())
    classes = _classes(output_spec)
    labels = file.labels or tuple(str(i) for i in range(classes))
    if description.labels is not None:
        labels = labels_for(description.labels, classes)
    if len(labels) != classes:
        raise ModelFileError(f"{len(labels)} labels for {classes} classes: give the file that belongs to the model")
    raw_pixels = normalization is None and input_spec.dtype in _PIXEL_TYPES
    return Contract(
        input=input_spec,
        output=output_spec,
        frame=frame,
        table=_table(input_spec, None if raw_pixels else frame.normalization),
        scores=description.scores or (file.manifest.scores if file.manifest else scores_of(graph)),
        labels=labels,
        raw_pixels=raw_pixels,
    )


def _spec(tensor: Tensor) -> TensorSpec:
    if tensor.per_axis:
        raise ModelFileError(f"{tensor.name!r} has {len(tensor.scales)} scales: an end has one")
    integer = tensor.dtype not in ("float32", "float16")
    if integer and not tensor.scales:
        raise ModelFileError(
            f"{tensor.name!r} is {tensor.dtype} without a scale: an image classifier's ends are quantized or float32"
        )
    return TensorSpec.of(tensor)


def _frame(spec: TensorSpec, resize: str, normalization: Normalization) -> InputSpec:
    shape = spec.shape
    image = (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))) and shape[0] == 1
    if not image or spec.dtype not in _FRAME_TYPES:
        raise ModelFileError(
            f"the input {spec.name!r} is {spec.dtype} {list(shape)}: an image classifier takes "
            "[1, height, width] or [1, height, width, 1 or 3]"
        )
    return InputSpec(shape[1], shape[2], shape[3] if len(shape) == 4 else 1, resize, normalization)


def _classes(spec: TensorSpec) -> int:
    classes = spec.shape[-1] if spec.shape else 0
    if classes < 2 or any(size != 1 for size in spec.shape[:-1]):
        raise ModelFileError(
            f"the output {spec.name!r} has the shape {list(spec.shape)}: an image classifier "
            "gives one row of at least 2 scores"
        )
    return classes


def _table(spec: TensorSpec, normalization: Normalization | None) -> FrameTable | None:
    if spec.quant is None:
        return None
    if normalization is None:
        return FrameTable.raw(spec.dtype)
    return FrameTable.exact(normalization, spec.quant, spec.dtype)


def scores_of(graph: Graph) -> str:
    """ "probabilities" when the last op that computes is SOFTMAX or LOGISTIC, else "logits"."""
    makers = {output: op for op in graph.ops for output in op.outputs}
    op = makers.get(graph.outputs[0])
    for _ in graph.ops:
        if op is None or op.name not in _PASSES_SCORES_ON or not op.inputs:
            break
        op = makers.get(op.inputs[0])
    return "probabilities" if op is not None and op.name in ("SOFTMAX", "LOGISTIC") else "logits"
