"""Rules on data types, charged to the op at which a wrong type enters the graph."""

from __future__ import annotations

import math
from collections.abc import Iterator

from edgeready.readiness.evidence import FILE, LOG, UNDATED, V16, Evidence, Observation
from edgeready.readiness.operators import VERSIONS
from edgeready.readiness.place import BIAS, EIGHT_BITS, Place, op_text, tensor_text
from edgeready.readiness.rule import Reason, rule
from edgeready_device.tflite.graph import Op, Tensor

_CALIBRATE = (
    "convert to full integer: converter.optimizations = [tf.lite.Optimize.DEFAULT], a representative_dataset, and "
    "target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]; or use `edgeready convert`"
)
_FEED_BYTES = "take it out of the model, feed uint8 and set converter.inference_input_type = tf.uint8"
_OTHER_TYPES = Evidence(
    mapped=Observation(what="ops on int8 or uint8 only", compiler=UNDATED, source=FILE),
    refused=Observation(what="ops on float32, int32 or int64 operands: 78 rows", compiler=V16, source=LOG),
)
_DEQUANTIZE = Evidence(
    refused=Observation(what="DEQUANTIZE, 50 of 50", compiler=UNDATED, source=FILE),
)
_CONVERSIONS = ("CAST", "DEQUANTIZE", "QUANTIZE")
_WEIGHED = tuple(BIAS)
_EIGHT_BIT_OPS = tuple(sorted(set(VERSIONS) - {"QUANTIZE"}))


def _entering_tensor(place: Place) -> Tensor | None:
    """The operand of a wrong type that no earlier op has a finding for, or a result of a wrong type."""
    wrong = [tensor for tensor in place.data_inputs() if tensor.dtype not in EIGHT_BITS]
    producers = [place.flow.producer(tensor, place.op) for tensor in wrong]
    if wrong:
        answered = any(producer is not None and producer.name not in _CONVERSIONS for producer in producers)
        computed = (tensor for tensor, producer in zip(wrong, producers, strict=True) if producer is not None)
        return None if answered else next(computed, wrong[0])
    return next((tensor for tensor in place.outputs if tensor.dtype not in EIGHT_BITS), None)


@rule(*_EIGHT_BIT_OPS, evidence=_OTHER_TYPES)
def data_type(place: Place) -> Iterator[Reason]:
    """Activations and weights are int8 or uint8."""
    tensor = _entering_tensor(place)
    if tensor is None:
        return
    producer = place.flow.producer(tensor, place.op)
    if producer is not None and producer.name == "DEQUANTIZE":
        yield Reason(
            f"the converter left {place.op.name} in float: it works on {tensor_text(tensor)}",
            "try another layer in place of the one that it comes from; " + _CALIBRATE,
        )
    elif tensor.dtype == "int16":
        yield Reason(
            f"{place.op.name} works on {tensor_text(tensor)}: 16-bit activations do not run on an Edge TPU",
            "try TFLITE_BUILTINS_INT8 in place of the 16x8 mode",
        )
    elif tensor.dtype == "int4":
        yield Reason(f"{place.op.name} works on {tensor_text(tensor)}: weights of 4 bits", "try weights of 8 bits")
    else:
        yield Reason(f"{place.op.name} works on {tensor_text(tensor)}, not on 8-bit integers", _CALIBRATE)


@rule(*_WEIGHED, evidence=Evidence(), effect="notes")
def bias_type(place: Place) -> Iterator[Reason]:
    """A bias is int32."""
    bias = place.input(BIAS[place.op.name])
    if bias is not None and bias.dtype != "int32" and _entering_tensor(place) is None:
        yield Reason(
            f"the bias {tensor_text(bias)} is not int32, and no compiled file with such a bias is known", _CALIBRATE
        )


@rule(
    "QUANTIZE",
    evidence=Evidence(refused=Observation(what="QUANTIZE of float32, 121 of 121", compiler=UNDATED, source=FILE)),
)
def float_input(place: Place) -> Iterator[Reason]:
    """The model's input is uint8 or int8, so that no op has to quantize it first."""
    tensor = place.input(0)
    if tensor is None or tensor.dtype in EIGHT_BITS:
        return
    producer = place.flow.producer(tensor, place.op)
    while producer is not None and producer.name == "CAST":
        above = next(iter(place.graph.of(producer.inputs)), None)
        producer = None if above is None else place.flow.producer(above, producer)
    if producer is None:
        yield Reason(
            f"{tensor_text(tensor)} is quantized on the CPU at each inference",
            "converter.inference_input_type = tf.uint8, or use `edgeready convert`",
        )


@rule(
    "QUANTIZE",
    evidence=Evidence(
        mapped=Observation(what="244 QUANTIZE, all between int8 and uint8", compiler=UNDATED, source=FILE),
        refused=_OTHER_TYPES.refused,
    ),
)
def quantize_type(place: Place) -> Iterator[Reason]:
    """What QUANTIZE makes is 8-bit."""
    tensor = next((tensor for tensor in place.outputs if tensor.dtype not in EIGHT_BITS), None)
    source = place.input(0)
    if tensor is not None and source is not None and source.dtype in EIGHT_BITS:
        yield Reason(f"QUANTIZE makes {tensor_text(tensor)} out of 8-bit integers", _CALIBRATE)


@rule("DEQUANTIZE", evidence=_DEQUANTIZE)
def float_output(place: Place) -> Iterator[Reason]:
    """The model's output is uint8 or int8, so that no op has to dequantize it."""
    tensor = next(iter(place.outputs), None)
    if tensor is not None and not place.flow.readers(tensor.index):
        yield Reason(
            f"{tensor_text(tensor)} is dequantized on the CPU at each inference",
            "converter.inference_output_type = tf.uint8, or use `edgeready convert`",
        )


@rule("DEQUANTIZE", evidence=_DEQUANTIZE)
def float_island(place: Place) -> Iterator[Reason]:
    """Between input and output everything is 8-bit: no op turns integers back into floats."""
    tensor = next(iter(place.outputs), None)
    readers: tuple[Op, ...] = () if tensor is None else place.flow.readers(tensor.index)
    if tensor is None or readers:
        for_whom = f" for {op_text(place.graph, readers[0])}" if readers else ""
        what = "" if tensor is None else f" to {tensor_text(tensor)}"
        yield Reason(
            f"DEQUANTIZE goes back{what}{for_whom}, which has no 8-bit form in this file",
            "try another layer in place of the one that reads it (ReLU for ELU, BatchNormalization for "
            "LayerNormalization)",
        )


@rule(
    "CAST",
    evidence=Evidence(refused=Observation(what="every CAST", compiler=UNDATED, source=FILE)),
)
def cast(place: Place) -> Iterator[Reason]:
    """No op converts between types."""
    enters = all(place.flow.producer(tensor, place.op) is None for tensor in place.activations())
    conversion = " to ".join(tensor_text(tensor) for tensor in (*place.activations()[:1], *place.outputs[:1]))
    yield Reason(
        f"CAST of {conversion} runs on the CPU",
        _FEED_BYTES if enters else "take it out of the model",
    )


@rule(evidence=Evidence(), effect="notes")
def quantization(place: Place) -> Iterator[Reason]:
    """An 8-bit activation has one scale, which is a positive number."""
    if place.op.name not in VERSIONS:
        return
    for tensor in (*place.activations(), *place.outputs):
        if tensor.dtype not in EIGHT_BITS:
            continue
        producer = place.flow.producer(tensor, place.op)
        if producer is not None and producer.name in VERSIONS:
            continue  # said at the op that makes it
        if len(tensor.scales) != 1 or not (math.isfinite(tensor.scales[0]) and tensor.scales[0] > 0):
            scales = ", ".join(f"{scale:g}" for scale in tensor.scales[:4]) or "none"
            yield Reason(
                f"{tensor_text(tensor)} has the scales: {scales}; no compiled file with such an activation is known",
                _CALIBRATE,
            )
            return


RULES = (
    data_type,
    bias_type,
    float_input,
    quantize_type,
    float_output,
    float_island,
    cast,
    quantization,
)
FORGIVEN = frozenset({float_input.name, cast.name})
"""Refusals at the entrance of the graph that do not keep what follows off the Edge TPU."""
