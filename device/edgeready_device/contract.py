"""How an image classifier is read: what its file promises, and what a caller says in place of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from edgeready_device.errors import ModelFileError, NotFoundError, UsageError
from edgeready_device.model_file.manifest import RESIZE_RULES, SCORES, InputSpec
from edgeready_device.model_file.reader import ModelFile, parse_labels
from edgeready_device.preprocess import FrameTable, Normalization
from edgeready_device.quantization import QuantParams
from edgeready_device.tflite.graph import Graph, Tensor

_PIXEL_TYPES = ("uint8", "int8")
_FRAME_TYPES = (*_PIXEL_TYPES, "int16", "float32")
_PASSES_SCORES_ON = ("QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE")
_MAX_LABEL_BYTES = 16 << 20

Labels = Union["tuple[str, ...]", Mapping[int, str]]


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


NOTHING_SAID = Description()


@dataclass(frozen=True)
class TensorSpec:
    """An input or output: name, shape with batch 1, dtype, and its quantization, None for float."""

    name: str
    index: int
    shape: tuple[int, ...]
    dtype: str
    quant: QuantParams | None


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


def read_contract(file: ModelFile, said: Description = NOTHING_SAID) -> Contract:
    """The Contract of `file`, `said` going before it; raises ModelFileError when it is no image classifier.

    What a foreign file does not say: stretch to size; 8-bit pixels go in as they are, wider ones
    divided by 255; scores are probabilities if the last op is SOFTMAX or LOGISTIC; labels are the class numbers.
    """
    try:
        return _contract(file, said)
    except ModelFileError as error:
        raise ModelFileError(f"{file.path}: {error}") from error


def _contract(file: ModelFile, said: Description) -> Contract:
    graph = file.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelFileError(
            f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs: an image classifier has one of each"
        )
    taken, given = (_spec(graph.tensors[index]) for index in (graph.inputs[0], graph.outputs[0]))
    own = file.manifest.input.normalization if file.manifest else file.metadata.normalization
    normalization = said.normalization or own
    resize = said.resize or (file.manifest.input.resize if file.manifest else "stretch")
    frame = _frame(taken, resize, normalization or Normalization())
    classes = _classes(given)
    named = file.labels or tuple(str(i) for i in range(classes))
    labels = named if said.labels is None else labels_for(said.labels, classes)
    if len(labels) != classes:
        raise ModelFileError(f"{len(labels)} labels for {classes} classes: give the file that belongs to the model")
    scores = said.scores or (file.manifest.scores if file.manifest else scores_of(graph))
    raw = normalization is None and taken.dtype in _PIXEL_TYPES
    table = _table(taken, None if raw else frame.normalization)
    return Contract(taken, given, frame, table, scores, labels, raw)


def _spec(tensor: Tensor) -> TensorSpec:
    if tensor.per_axis:
        raise ModelFileError(f"{tensor.name!r} has {len(tensor.scales)} scales: an end has one")
    integer = tensor.dtype not in ("float32", "float16")
    if integer and not tensor.scales:
        raise ModelFileError(
            f"{tensor.name!r} is {tensor.dtype} without a scale: an image classifier's ends are quantized or float32"
        )
    quant = QuantParams(tensor.scales[0], tensor.zero_points[0]) if integer else None
    return TensorSpec(tensor.name, tensor.index, tensor.shape, tensor.dtype, quant)


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


def labels_for(given: Labels, classes: int) -> tuple[str, ...]:
    """One label for each of the `classes`, the number where none is given; raises ModelFileError for too many."""
    if not isinstance(given, Mapping):
        return tuple(given)
    beyond = max(given)
    if beyond >= classes:
        raise ModelFileError(
            f"a label for class {beyond}, of {classes} classes from 0 on: give the file that belongs to the model"
        )
    return tuple(given.get(index, str(index)) for index in range(classes))


def read_labels(path: Path) -> Labels:
    """The labels in a text file: one a line, or PyCoral's lines of number and label, as `17 cat` or `17: cat`.

    Raises NotFoundError, or UsageError for a file without labels or with more than a classifier has.
    """
    try:
        with path.open("rb") as stream:
            lines = parse_labels(stream.read(_MAX_LABEL_BYTES))
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: no such file; name a text file with one label a line") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if not lines:
        raise UsageError(f"{path} holds no labels: write one label a line")
    return _numbered(lines) or lines


def _numbered(lines: Sequence[str]) -> dict[int, str] | None:
    """Class numbers and their labels where every line has both and no number comes twice, else None."""
    found: dict[int, str] = {}
    for line in filter(None, lines):
        number, _, label = line.replace(":", " ", 1).partition(" ")
        if not (number.isascii() and number.isdigit()) or int(number) in found or not label.strip():
            return None
        found[int(number)] = label.strip()
    return found


def normalization_from(mean: str | None, std: str | None) -> Normalization | None:
    """The Normalization of two texts, a number or one per channel with commas; None when neither is given.

    Raises UsageError for texts that hold no such numbers.
    """
    if mean is None and std is None:
        return None
    means, stds = _numbers("mean", mean or "0"), _numbers("std", std or "255")
    count = max(len(means), len(stds))
    means, stds = (values * count if len(values) == 1 else values for values in (means, stds))
    try:
        return Normalization(means, stds)
    except ModelFileError as error:
        raise UsageError(
            f"{error}: give finite numbers, as many means as deviations, and no deviation of 0"
        ) from error


def _numbers(name: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"{name} is {text!r}: write 127.5, or one number a channel: 123.7,116.3,103.5") from error
