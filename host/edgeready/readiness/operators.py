"""Rules on the kind of op: what the Edge TPU has no form for, and custom ops."""

from __future__ import annotations

from collections.abc import Iterator

from edgeready.readiness.rule import Place, Reason, rule
from edgeready.readiness.versions import VERSIONS
from edgeready.readiness.wording import name_text, tensor_text

COMPILED = "edgetpu-custom-op"
KNOWN_CUSTOM = frozenset({"TFLite_Detection_PostProcess", "PosenetDecoderOp"})
CASTS = frozenset({"CAST", "DEQUANTIZE"})

_FIXED_BATCH = "fix the batch: keras.Input(shape, batch_size=1), or convert with `edgeready convert`"
_SWISH = "use ReLU6 or swish (x * sigmoid(x)), and train again"
_INSTEAD: dict[str, str] = {
    "LEAKY_RELU": "use keras.layers.ReLU() in place of LeakyReLU (or PReLU(shared_axes=[1, 2])), and train again",
    "ELU": "use keras.layers.ReLU() in place of ELU, and train again",
    "HARD_SWISH": _SWISH,
    "GELU": _SWISH,
    "EXP": "leave it to the program that reads the output, or use sigmoid or softmax",
    "ARG_MAX": "end the model with the scores and take the largest in the program",
    "ARG_MIN": "end the model with the scores and take the smallest in the program",
    "TOPK_V2": "end the model with the scores and sort them in the program",
    "DIV": "multiply by the reciprocal: keras.layers.Rescaling(1 / d)",
    "BATCH_MATMUL": "attention does not run on an Edge TPU: use convolutions",
    "UNPACK": "use slices: x[:, :, :, a:b]",
    "GATHER": "use slices: x[:, :, :, a:b]",
    "GATHER_ND": "use slices: x[:, :, :, a:b]",
    "SPLIT_V": "split into equal parts, or use slices: x[:, :, :, a:b]",
    "SPACE_TO_BATCH_ND": "a dilated convolution with an open batch becomes this; " + _FIXED_BATCH,
    "BATCH_TO_SPACE_ND": "a dilated convolution with an open batch becomes this; " + _FIXED_BATCH,
    "DEPTH_TO_SPACE": "use Conv2DTranspose or UpSampling2D(interpolation='bilinear')",
    "MIRROR_PAD": "pad with zeros: keras.layers.ZeroPadding2D()",
    "PADV2": "pad with zeros: keras.layers.ZeroPadding2D()",
    "SQRT": "use RSQRT (1 / sqrt(x)) or leave it out",
    "SHAPE": "give every layer a shape that is known when the model is built; " + _FIXED_BATCH,
    "NEG": "LayerNormalization makes it: use BatchNormalization, which is folded into the layer ahead of it",
    "BROADCAST_TO": "give both operands the same shape when the model is built",
}


@rule("CUSTOM", fatal=True)
def already_compiled(place: Place) -> Iterator[Reason]:
    """The model is one for the CPU, not one that went through edgetpu_compiler."""
    if place.op.custom_code == COMPILED:
        yield Reason(
            f"{COMPILED} holds a compiled model: this file is the compiler's output, ready to run on an Edge TPU",
            "check the .tflite that was given to edgetpu_compiler; this file needs no further compilation",
        )


@rule("CUSTOM", fatal=True)
def custom_op(place: Place) -> Iterator[Reason]:
    """A custom op is one that the compiler knows; at any other it stops."""
    code = place.op.custom_code
    if code.startswith("Flex"):
        yield Reason(
            f"{name_text(code)} is TensorFlow's own op (SELECT_TF_OPS): no TFLite runtime without Flex runs it",
            "take tf.lite.OpsSet.SELECT_TF_OPS out of target_spec.supported_ops and replace the layer behind it",
        )
    elif code not in KNOWN_CUSTOM:
        yield Reason(
            f"the custom op {name_text(code)} is not known to the compiler",
            "cut the model ahead of it and do this step in the program",
        )


@rule()
def unsupported_op(place: Place) -> Iterator[Reason]:
    """The op is in the Edge TPU's table of operations."""
    op = place.op
    if op.name in VERSIONS or op.name in CASTS:
        return
    results = next((tensor_text(tensor) for tensor in place.outputs), "nothing")
    if op.name == "CUSTOM":
        yield Reason(
            f"{op.custom_code} runs on the CPU always (it makes {results})",
            "for a classifier, end the model ahead of it; a detector keeps it there, as the last op",
        )
    else:
        yield Reason(
            f"the Edge TPU has no {op.name} (it makes {results})",
            _INSTEAD.get(op.name, "replace the layer that it comes from, or move it to the end of the model"),
        )


RULES = (already_compiled, custom_op, unsupported_op)
