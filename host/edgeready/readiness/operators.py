"""Rules on the kind of op: which ones the Edge TPU has, in which versions, and from which runtime on.

The last Edge TPU compiler, 16.0 of 2021, knows the op versions of TensorFlow 2.6.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgeready.readiness.place import Place, name_text, tensor_text
from edgeready.readiness.rule import Reason, rule
from edgeready_device.tflite.schema import BUILTIN_OPERATORS

COMPILED = "edgetpu-custom-op"
# Both are left on the CPU in public compiled models: the compiler reads past them.
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

# About the last operator of TensorFlow 2.6's schema. 150 (GELU) is refused as "out of range" in reports to Google
# (edgetpu #667, #818); no observation of 147 to 149 is known.
LAST_BUILTIN = 146

VERSIONS: dict[str, tuple[int, int]] = {
    "ADD": (2, 4),
    "AVERAGE_POOL_2D": (2, 3),
    "CONCATENATION": (2, 3),
    "CONV_2D": (3, 5),
    "DEPTHWISE_CONV_2D": (3, 6),
    "EXPAND_DIMS": (1, 1),
    "FULLY_CONNECTED": (4, 9),
    "L2_NORMALIZATION": (2, 2),
    "LOGISTIC": (2, 3),
    "MAXIMUM": (2, 4),
    "MAX_POOL_2D": (2, 3),
    "MEAN": (2, 3),
    "MINIMUM": (2, 4),
    "MUL": (2, 5),
    "PACK": (2, 3),
    "PAD": (2, 4),
    "PRELU": (1, 1),
    "QUANTIZE": (2, 2),
    "REDUCE_MAX": (2, 3),
    "REDUCE_MIN": (2, 3),
    "RELU": (2, 2),
    "RELU6": (2, 3),
    "RELU_N1_TO_1": (1, 1),
    "RESHAPE": (1, 1),
    "RESIZE_BILINEAR": (3, 4),
    "RESIZE_NEAREST_NEIGHBOR": (3, 4),
    "RSQRT": (2, 2),
    "SLICE": (2, 5),
    "SOFTMAX": (2, 3),
    "SPACE_TO_DEPTH": (2, 2),
    "SPLIT": (2, 4),
    "SQUARED_DIFFERENCE": (2, 2),
    "SQUEEZE": (1, 2),
    "STRIDED_SLICE": (2, 6),
    "SUB": (2, 5),
    "SUM": (2, 2),
    "TANH": (2, 3),
    "TILE": (1, 2),
    "TRANSPOSE": (2, 5),
    "TRANSPOSE_CONV": (3, 3),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (1, 3),
}
"""The ops that the Edge TPU runs: the newest version that it maps, and the newest that its compiler can read.

The first number is the newest seen in a public compiled model, or the newest 8-bit one where no such model is known.
No observation is known of EXPAND_DIMS, MINIMUM, SPACE_TO_DEPTH, SQUEEZE and TRANSPOSE_CONV: they come from Coral's
table of operations. The second is the newest of TensorFlow 2.6 in its table of op versions (lite/tools/versioning).
"""

_READ_ONLY: dict[str, int] = {  # the newest version of ops that are read and left on the CPU, from the same table
    "ARG_MAX": 2,
    "ARG_MIN": 2,
    "BATCH_MATMUL": 4,
    "BATCH_TO_SPACE_ND": 3,
    "CAST": 1,
    "DEPTH_TO_SPACE": 2,
    "DEQUANTIZE": 4,
    "DIV": 2,
    "EXP": 1,
    "LEAKY_RELU": 2,
    "MIRROR_PAD": 2,
    "PADV2": 4,
    "SPACE_TO_BATCH_ND": 3,
    "SPLIT_V": 2,
    "UNPACK": 4,
    "WHERE": 1,
}

RUNTIMES: dict[str, int] = {
    "EXPAND_DIMS": 13,
    "PACK": 13,
    "PRELU": 13,
    "QUANTIZE": 13,
    "REDUCE_MAX": 14,
    "REDUCE_MIN": 14,
    "RSQRT": 14,
    "SQUARED_DIFFERENCE": 14,
    "SUM": 13,
    "TRANSPOSE": 14,
    "TRANSPOSE_CONV": 13,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 14,
}
"""The oldest Edge TPU runtime that runs an op, where that is not any: the limits of Coral's table of operations.

Stamps in compiled files speak against some: files that ask for runtime 12 hold a mapped QUANTIZE and a mapped LSTM.
"""

_NEWER: dict[str, str] = {
    "CONV_2D": "version 6 is the grouped convolution: use Conv2D with groups=1, or a Concatenate of ordinary ones",
    "TILE": "Keras' UpSampling2D with interpolation='nearest' makes it: use interpolation='bilinear', factor 2 to 4",
    "GELU": "use ReLU, ReLU6 or swish (x * sigmoid(x)) and train again",
    "FULLY_CONNECTED": "give Dense a 2-D input (Flatten or GlobalAveragePooling2D before it)",
    "TRANSPOSE": "drop the Permute, or keep it to four dimensions",
    "ADD": "add tensors of one shape and of at most four dimensions",
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


def _remedy(name: str) -> str:
    other = "convert with `edgeready convert`, or with a converter of TensorFlow 2.6 or older"
    return _NEWER.get(name, other)


@rule(fatal=True)
def unknown_op(place: Place) -> Iterator[Reason]:
    """The op was known to TensorFlow 2.6; the compiler cannot read a file with a newer one."""
    name = place.op.name
    if name.startswith("BUILTIN_") or (name in BUILTIN_OPERATORS and BUILTIN_OPERATORS.index(name) > LAST_BUILTIN):
        yield Reason(f"{name} came to TFLite after 2021: the compiler stops at it", _remedy(name))


@rule(fatal=True)
def op_too_new(place: Place) -> Iterator[Reason]:
    """The op's version is one of TensorFlow 2.6 or older; the compiler cannot read a newer one."""
    op = place.op
    newest = VERSIONS[op.name][1] if op.name in VERSIONS else _READ_ONLY.get(op.name, op.version)
    if op.version > newest:
        yield Reason(
            f"{op.name} has version {op.version}; the compiler reads up to {newest} and stops here", _remedy(op.name)
        )


@rule(*VERSIONS)
def op_version(place: Place) -> Iterator[Reason]:
    """The op's version is one that the Edge TPU has been seen to run."""
    op = place.op
    newest = VERSIONS[op.name][0]
    if op.version > newest:
        yield Reason(
            f"{op.name} has version {op.version}; no version above {newest} is known to be mapped", _remedy(op.name)
        )


@rule(*RUNTIMES)
def old_runtime(place: Place) -> Iterator[Reason]:
    """The op is one that the asked-for Edge TPU runtime already has."""
    needed = RUNTIMES[place.op.name]
    if place.runtime < needed:
        yield Reason(
            f"{place.op.name} needs Edge TPU runtime {needed}, asked for is {place.runtime}",
            f"update libedgetpu on the device to runtime {needed} or newer, and check for that",
        )
