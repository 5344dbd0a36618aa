"""Rules on op versions: the last Edge TPU compiler, 16.0 of 2021, knows those of TensorFlow 2.6."""

from __future__ import annotations

from collections.abc import Iterator

from edgeready.readiness.rule import Place, Reason, rule
from edgeready_device.tflite.schema import BUILTIN_OPERATORS

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

The first number is the newest seen in a compiled model, or the newest 8-bit one where no such model is known; the
second is the newest of TensorFlow 2.6 in its table of op versions (lite/tools/versioning).
"""

_READ_ONLY: dict[str, int] = {
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
"""The oldest Edge TPU runtime that runs an op, where that is not any."""

_NEWER: dict[str, str] = {
    "CONV_2D": "version 6 is the grouped convolution: use Conv2D with groups=1, or a Concatenate of ordinary ones",
    "TILE": "Keras' UpSampling2D with interpolation='nearest' makes it: use interpolation='bilinear', factor 2 to 4",
    "GELU": "use ReLU, ReLU6 or swish (x * sigmoid(x)) and train again",
    "FULLY_CONNECTED": "give Dense a 2-D input (Flatten or GlobalAveragePooling2D before it)",
    "TRANSPOSE": "drop the Permute, or keep it to four dimensions",
    "ADD": "add tensors of one shape and of at most four dimensions",
}


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


RULES = (unknown_op, op_too_new, op_version, old_runtime)
