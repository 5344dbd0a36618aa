"""The ends of an image classifier: which input takes a picture, and which output holds the scores."""

from __future__ import annotations

from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.tensor_spec import FLOAT_TYPES, TensorSpec
from edgeready_device.tflite.graph import Graph, Tensor

_CLASSIFIER = "an image classifier"
_CHANNELS = (1, 3)
_FRAME_TYPES = ("uint8", "int8", "int16", "float32", "uint16", "uint32", "int32", "int64")
_NEED_A_SCALE = ("int8", "int16")  # without one it is open whether pixels go in from 0 or from -128 on
_PASSES_SCORES_ON = ("QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE")
_SQUASHES = ("SOFTMAX", "LOGISTIC")
# What the kernels of SOFTMAX and LOGISTIC demand of an 8-bit output, and no logits happen to have.
_SQUASHED_SCALE = 1 / 256
_MOST_LISTED = 8  # chosen: what fits a line
_SQUASHED_ZERO_POINTS = {"uint8": 0, "int8": -128}


def input_end(graph: Graph, kind: str = _CLASSIFIER) -> TensorSpec:
    """Returns the one input of a model of a `kind`; raises ModelFileError for more, or one that takes no pictures."""
    if len(graph.inputs) != 1:
        raise ModelFileError(f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs: {kind} has one input")
    tensor = graph.tensors[graph.inputs[0]]
    spec = _spec(tensor)
    read_picture_shape(spec, None, kind)
    if spec.quant is None and spec.dtype in _NEED_A_SCALE:
        raise ModelFileError(
            f"{tensor.name!r} is {tensor.dtype} without a scale: {kind}'s input of that type has one"
        )
    return spec


def read_picture_shape(spec: TensorSpec, layout: str | None, kind: str = _CLASSIFIER) -> tuple[int, int, int, str]:
    """Returns height, width, channels and layout ("nhwc" or "nchw") of an input.

    `layout` None: "nchw" where only that reading makes a picture. Raises ModelFileError where there is none.
    """
    shape = spec.shape
    if spec.dtype in _FRAME_TYPES and shape and shape[0] >= 1:
        if len(shape) == 3 and layout != "nchw":
            return shape[1], shape[2], 1, "nhwc"
        last, first = len(shape) == 4 and shape[3] in _CHANNELS, len(shape) == 4 and shape[1] in _CHANNELS
        if last and layout != "nchw":
            return shape[1], shape[2], shape[3], "nhwc"
        if first and layout != "nhwc":
            return shape[2], shape[3], shape[1], "nchw"
    raise ModelFileError(
        f"the input {spec.name!r} is {spec.dtype} {list(shape)}{f', read as {layout}' if layout else ''}: {kind} "
        "takes [1, height, width], [1, height, width, 1 or 3] or [1, 1 or 3, height, width]"
    )


def score_output(graph: Graph, number: int | None) -> tuple[TensorSpec, int]:
    """Returns the output with the scores and its number; raises ModelFileError where it must be chosen."""
    if not graph.outputs:
        raise ModelFileError("it has no output: an image classifier has one")
    if number is None:
        if len(graph.outputs) > 1:
            raise ModelFileError(
                f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs ({_list_outputs(graph)}): say which "
                "output holds the scores with --output N (Description(output=N)), if it is an image classifier"
            )
        number = 0
    if number >= len(graph.outputs):
        raise ModelFileError(
            f"there is no output {number}: it has {len(graph.outputs)}, counted from 0 ({_list_outputs(graph)})"
        )
    tensor = graph.tensors[graph.outputs[number]]
    spec = _spec(tensor)
    if spec.quant is None and spec.dtype not in FLOAT_TYPES:
        raise ModelFileError(
            f"{tensor.name!r} is {tensor.dtype} without a scale: an image classifier's scores are quantized or float"
        )
    return spec, number


def class_count(spec: TensorSpec, batch: int) -> int:
    """Returns the classes of a row of scores, 2 for a single number; raises ModelFileError for another shape."""
    shape = spec.shape
    classes = shape[-1] if shape else 0
    rows = shape[:-1]
    fits = all(size == 1 for size in rows[1:]) and (not rows or rows[0] == batch) and (rows or batch == 1)
    if classes < 1 or not fits:
        raise ModelFileError(
            f"the output {spec.name!r} has the shape {list(shape)}: an image classifier gives one row of scores"
            + (f" for each of its {batch} frames" if batch > 1 else "")
        )
    return max(classes, 2)


def probable_scores(graph: Graph, spec: TensorSpec) -> tuple[str, str]:
    """Returns what the scores are by the graph, and why that cannot be known."""
    if scores_of(graph, spec.index) == "probabilities" or _is_squashed(spec):
        return "probabilities", ""
    if spec.shape[-1] == 1:
        return "logits", (
            f"the output {spec.name!r} is one number and not a sigmoid's: if it scores the second of two classes, "
            "say --scores logits or --scores probabilities (Description(scores=...)); else it is no classifier"
        )
    return "logits", ""


def scores_of(graph: Graph, output: int | None = None) -> str:
    """ "probabilities" when the last op that computes `output` is SOFTMAX or LOGISTIC, else "logits".

    `output` is the number of a tensor; None is that of the first output.
    """
    makers = {tensor: op for op in graph.ops for tensor in op.outputs}
    op = makers.get(graph.outputs[0] if output is None else output)
    for _ in graph.ops:
        if op is None or op.name not in _PASSES_SCORES_ON or not op.inputs:
            break
        op = makers.get(op.inputs[0])
    return "probabilities" if op is not None and op.name in _SQUASHES else "logits"


def _is_squashed(spec: TensorSpec) -> bool:
    quant = spec.quant
    zero_point = _SQUASHED_ZERO_POINTS.get(spec.dtype)
    return quant is not None and quant.scale == _SQUASHED_SCALE and quant.zero_point == zero_point


def _list_outputs(graph: Graph) -> str:
    tensors = [graph.tensors[index] for index in graph.outputs]
    entries = [
        f"{number}: {tensor.name!r} {list(tensor.shape)}" for number, tensor in enumerate(tensors[:_MOST_LISTED])
    ]
    return ", ".join([*entries, *(["..."] if len(tensors) > _MOST_LISTED else [])])


def _spec(tensor: Tensor) -> TensorSpec:
    if tensor.per_axis:
        raise ModelFileError(f"{tensor.name!r} has {len(tensor.scales)} scales: an end has one")
    return TensorSpec.of(tensor)
