"""Proves from a file's own bytes that it is what its mode promises: the ends, the inside, the weights, the shapes."""

from __future__ import annotations

from edgeready.config.engine import TRY_LITERT
from edgeready.config.modes import FALLBACK, Mode
from edgeready.errors import ConversionError, ModelFileError
from edgeready.readiness.negation import remedy_for_negation
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.tflite.graph import Graph, Op, Tensor
from edgeready_device.tflite.structure.node import DAMAGE

_REMEDIES = {
    "ELU": "use ReLU or ReLU6 in its place",
    "GELU": "try ReLU, ReLU6 or swish in its place",
    "EXP": "try ReLU in place of exp, softplus and selu",
    "BATCH_MATMUL": "try convolutions in place of attention layers",
    "DEQUANTIZE": "an op near it has no 8-bit kernel: replace the layer after it",
}
"""What replaces an op that stays in float.

Current TensorFlow gives GELU, EXP and BATCH_MATMUL an integer form, so that what replaces them is only proposed.
"""
_INDEX_TYPES = ("int32", "int64", "bool")
_BRIDGES = ("DEQUANTIZE", "QUANTIZE", "CAST")
_ANY_REMEDY = "replace the layer that makes it (Conv2D, DepthwiseConv2D, Dense, ReLU, pooling and Add are safe)"
_FLEX = "Flex"
# Ops whose kernels compute with the first scale of an operand, however many it has. Measured with TensorFlow 2.21: a
# constant that is the weights of a convolution and is multiplied, too, gets the convolution's scales in both places,
# and the file answers the same to everything.
_ONE_SCALE = ("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "PRELU", "CONCATENATION", "PADV2")


def check_convertible(graph: Graph, mode: Mode) -> None:
    """Raises ConversionError when the float32 `graph` has an op that `mode` cannot have.

    TensorFlow's own ops (Flex) and custom ops have no integer form.
    """
    for op in graph.ops if mode.name not in ("float32", "dynamic") else ():
        if op.custom_code.startswith(_FLEX):
            raise ConversionError(
                f"op {op.index} {op.custom_code.removeprefix(_FLEX)} is TensorFlow's own and has no {mode.name} "
                "form: replace the layer that makes it, or write --mode float32 or dynamic"
            )
        if op.custom_code and mode.calibrated:
            raise ConversionError(
                f"op {op.index} {op.custom_code} is a custom op and has no integer form: leave it out of the model, "
                "or write --mode float32, dynamic or float16"
            )


def check_sound(model: TfliteModel, name: str) -> None:
    """Raises ConversionError where the board half refuses what the converter wrote; `name` says what that is."""
    try:
        _ = model.graph  # reads and verifies it, once
    except ModelFileError as error:
        fault = str(error).replace(f": {DAMAGE}", "")
        raise ConversionError(
            f"the converter wrote a {name} that no board opens, and it is not kept ({fault}): replace the layer that "
            "makes this op, or take another --mode"
        ) from error


def prove(graph: Graph, mode: Mode) -> None:
    """Raises ConversionError naming op, tensor and remedy unless `graph` is what `mode` promises."""
    if mode.calibrated and graph.subgraphs > 1:
        raise ConversionError(
            f"the model has {graph.subgraphs} subgraphs (loops, branches): an integer file has one; use Conv1D in "
            "place of recurrent layers, write loops out in Python, leave branches out, and convert one signature"
        )
    _prove_ends(graph, mode)
    pairs = _tensors_with_ops(graph)
    outside = [
        (tensor, op)
        for tensor, op in pairs
        if (tensor.dtype not in mode.holds and not _is_index(graph, tensor, op)) or _leaks(tensor, op, mode)
    ]
    if outside:
        tensor, op = min(outside, key=lambda pair: _blame(pair[1]))
        raise _no_form(tensor, op, mode, remedy=_remedy(graph, op))
    if mode.calibrated:
        _prove_static(pairs)
        _prove_scales(graph)
    if mode.ends == "float32" != mode.weights and not any(tensor.dtype == mode.weights for tensor, _ in pairs):
        raise ConversionError(
            f"nothing became {mode.weights}, so the file would be float32 under the name {mode.name}"
            f"{': ' + mode.note if mode.name == 'dynamic' else ''}; use float32"
        )


def _prove_ends(graph: Graph, mode: Mode) -> None:
    for tensor in graph.of((*graph.inputs, *graph.outputs)):
        scaled = bool(tensor.scales) or mode.ends == "float32"
        if (tensor.dtype != mode.ends or not scaled) and not _holds_indices(tensor):
            raise ConversionError(
                f"the end {tensor.name!r} is {tensor.dtype}{'' if tensor.scales else ' without a scale'}, not "
                f"{'' if mode.ends == 'float32' else 'quantized '}{mode.ends}: the converter ignored what was asked "
                "for; report this model"
            )


def _holds_indices(tensor: Tensor) -> bool:
    """Whether `tensor` may hold token ids, class numbers or a mask, whose meaning a scale would change."""
    return tensor.dtype in _INDEX_TYPES and not tensor.scales


def _is_index(graph: Graph, tensor: Tensor, op: Op) -> bool:
    """Whether `tensor` holds indices as the float32 model has them: at an end, or computed from indices alone."""
    if not _holds_indices(tensor):
        return False
    operands = graph.of(op.inputs)
    return tensor.index in (*graph.inputs, *graph.outputs) or all(map(_holds_indices, operands))


def _tensors_with_ops(graph: Graph) -> list[tuple[Tensor, Op]]:
    """Every tensor that an op touches, with the op that makes it, else the first that takes it."""
    makers = {output: op for op in graph.ops for output in op.outputs}
    users = {used: op for op in reversed(graph.ops) for used in op.inputs}
    pairs = [(tensor, makers.get(tensor.index) or users.get(tensor.index)) for tensor in graph.tensors]
    return [(tensor, op) for tensor, op in pairs if op is not None]


def _leaks(tensor: Tensor, op: Op, mode: Mode) -> bool:
    """Whether a float tensor of a mode with float ends is more than the bridge to them."""
    return mode.integer_only and tensor.dtype == "float32" and op.name not in _BRIDGES


def _prove_scales(graph: Graph) -> None:
    for op in graph.ops:
        for tensor in graph.of(op.inputs) if op.name in _ONE_SCALE else ():
            if tensor.per_axis:
                raise ConversionError(
                    f"op {op.index} {op.name}: it computes with one scale, and {tensor.name!r} has "
                    f"{len(tensor.scales)}, those of the convolution that uses it, too: {TRY_LITERT}, or give "
                    "each layer weights of its own"
                )


def _prove_static(pairs: list[tuple[Tensor, Op]]) -> None:
    for tensor, op in pairs:
        if not tensor.static:
            raise ConversionError(
                f"op {op.index} {op.custom_code or op.name}: tensor {tensor.name!r} has the open shape "
                f"{list(tensor.shape_signature)}: give the model an input of fixed height and width"
            )


def _blame(op: Op) -> tuple[bool, bool, int]:
    """Orders ops with a float tensor: those with a known remedy first, those that only lead there last."""
    return op.name in _BRIDGES, op.name not in _REMEDIES and op.name != "NEG", op.index


def _remedy(graph: Graph, op: Op) -> str:
    if op.name == "NEG":
        return remedy_for_negation(graph, op)
    return _REMEDIES.get(op.custom_code or op.name, _ANY_REMEDY)


def _no_form(tensor: Tensor, op: Op, mode: Mode, *, remedy: str) -> ConversionError:
    width = "integer" if mode.ends == "int16" or not mode.calibrated else "8-bit"
    way_out = f", or write --mode {FALLBACK}" if mode.ends != "uint8" and mode.calibrated else ""
    return ConversionError(
        f"op {op.index} {op.custom_code or op.name} stays {tensor.dtype} (tensor {tensor.name!r} "
        f"{list(tensor.shape)}): it has no {width} form; {remedy}{way_out}"
    )
