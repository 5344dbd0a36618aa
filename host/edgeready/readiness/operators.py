"""Rules on the kind of op: which ones the Edge TPU has, in which versions, and from which runtime on.

The last Edge TPU compiler, 16.0 of 2021, knows the op versions of TensorFlow 2.6.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgeready.readiness.evidence import (
    FILE,
    LOG,
    UNDATED,
    V15,
    V16,
    Evidence,
    Observation,
    report_number,
)
from edgeready.readiness.negation import remedy_for_negation
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
    "DIV": "divide by a number with keras.layers.Rescaling(1 / d); by a positive tensor: x * rsqrt(d) * rsqrt(d)",
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
    "SQRT": "write the root of a positive x as x * keras.ops.rsqrt(x), which is RSQRT",
    "WHILE": "unroll the loop, or use Conv1D in place of recurrent layers",
    "SHAPE": "try shapes that are known when the model is built, for every layer; " + _FIXED_BATCH,
    "BROADCAST_TO": "add or multiply without it: ADD and MUL broadcast [1, 1, 1, c] by themselves",
}

_OTHERWISE = "try ReLU or another layer in its place, or move it to the end of the model"

_ONE_SCALE = (
    "try one scale: converter._experimental_disable_per_channel_quantization_for_dense_layers = True, or "
    "`edgeready convert`"
)

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

The first number is the newest seen in a public compiled model, or the newest 8-bit one where no such model is known
(WITHOUT_FILE). The second is the newest of TensorFlow 2.6 in its table of op versions (lite/tools/versioning).
"""

WITHOUT_FILE: dict[str, str] = {
    "EXPAND_DIMS": "",
    "L2_NORMALIZATION": LOG,
    "MINIMUM": "",
    "REDUCE_MAX": LOG,
    "REDUCE_MIN": "",
    "RELU": LOG,
    "RELU6": "",
    "RELU_N1_TO_1": "",
    "SLICE": LOG,
    "SPACE_TO_DEPTH": "",
    "SQUEEZE": "",
    "SUM": LOG,
    "TRANSPOSE_CONV": LOG,
}
"""The ops that no public compiled file shows, with the record that does; "" where only Coral's table names the op."""

REFUSED_VERSIONS: dict[str, int] = {"ADD": 4, "TRANSPOSE": 4}
"""The oldest version of an op that compiler 16.0 was seen to read and leave on the CPU, in public compiled models.

ADD of version 4 kept 473 of the 492 ops of a YOLOv10n off the Edge TPU. Between these and the newest that was mapped,
and up to the newest that is read where no refusal is known, it is not known what the compiler does.
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
    "QUANTIZE": 12,
    "REDUCE_MAX": 12,
    "REDUCE_MIN": 14,
    "RSQRT": 14,
    "SQUARED_DIFFERENCE": 14,
    "SUM": 13,
    "TRANSPOSE": 14,
    "TRANSPOSE_CONV": 13,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 12,
}
"""The oldest Edge TPU runtime that runs an op, where that is not any.

The stamp in a compiled file, the runtime that it asks for, is what was observed: QUANTIZE, LSTM and REDUCE_MAX were
mapped in files that ask for runtime 12, where Coral's table of operations says 13, 14 and 14. The other limits are
that table's; no stamp speaks against them.
"""

_NEWER: dict[str, str] = {
    "CONV_2D": "version 6 is the grouped convolution: use Conv2D with groups=1, or a Concatenate of ordinary ones",
    "STRIDED_SLICE": "slice tensors of at most four dimensions: x[:, a:b, c:d, :]",
    "TILE": "Keras' UpSampling2D with interpolation='nearest' makes it: use interpolation='bilinear', factor 2",
    "GELU": "use ReLU, ReLU6 or swish (x * sigmoid(x)) and train again",
    "FULLY_CONNECTED": "give Dense a 2-D input (Flatten or GlobalAveragePooling2D before it)",
    "TRANSPOSE": "drop the Permute, or keep it to four dimensions",
    "ADD": "try to add tensors of one shape and of at most four dimensions",
}


@rule(
    "CUSTOM",
    effect="stops",
    evidence=Evidence(
        refused=Observation(what="a compiled model as input: unsupported data type", compiler=UNDATED, source=LOG)
    ),
)
def already_compiled(place: Place) -> Iterator[Reason]:
    """The model is one for the CPU, not one that went through edgetpu_compiler."""
    if place.op.custom_code == COMPILED:
        yield Reason(
            f"{COMPILED} holds a compiled model: this file is the compiler's output, ready to run on an Edge TPU",
            "check the .tflite that was given to edgetpu_compiler; this file needs no further compilation",
        )


@rule(
    "CUSTOM",
    effect="stops",
    evidence=Evidence(
        mapped=Observation(
            what=f"{' and '.join(sorted(KNOWN_CUSTOM))} are read, and left on the CPU", compiler=UNDATED, source=FILE
        ),
        refused=Observation(what="Flex ops: unresolved custom op", compiler=UNDATED, source=report_number(718)),
    ),
)
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


@rule(
    evidence=Evidence(
        refused=Observation(what="LEAKY_RELU: operation not supported", compiler=V16, source=f"{FILE}, {LOG}"),
        documented="the table of supported operations",
    )
)
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
            remedy_for_negation(place.graph, op) if op.name == "NEG" else _INSTEAD.get(op.name, _OTHERWISE),
        )


def _has_scales(place: Place) -> bool:
    """Whether the op is a dense layer with a scale for each output: newer converters write it as version 12."""
    weights = place.input(1)
    return place.op.name == "FULLY_CONNECTED" and weights is not None and weights.per_axis


def _remedy(name: str) -> str:
    other = "try tensors of at most four dimensions, `edgeready convert`, or a converter of TensorFlow 2.6 or older"
    return _NEWER.get(name) or _INSTEAD.get(name, other)


@rule(
    effect="stops",
    evidence=Evidence(
        refused=Observation(what="GELU, builtin code 150: out of range", compiler=V16, source=report_number(667, 818))
    ),
)
def unknown_op(place: Place) -> Iterator[Reason]:
    """The op was known to TensorFlow 2.6; the compiler cannot read a file with a newer one."""
    name = place.op.name
    if name.startswith("BUILTIN_") or (name in BUILTIN_OPERATORS and BUILTIN_OPERATORS.index(name) > LAST_BUILTIN):
        yield Reason(f"{name} came to TFLite after 2021: the compiler stops at it", _remedy(name))


@rule(
    effect="stops",
    evidence=Evidence(
        refused=Observation(
            what="CONV_2D of version 6, TRANSPOSE_CONV of 4 and QUANTIZE of 3: did not find op",
            compiler=V16,
            source=report_number(631, 845, 879),
        )
    ),
)
def op_too_new(place: Place) -> Iterator[Reason]:
    """The op's version is one of TensorFlow 2.6 or older; the compiler cannot read a newer one."""
    op = place.op
    newest = VERSIONS[op.name][1] if op.name in VERSIONS else _READ_ONLY.get(op.name, op.version)
    if op.version > newest:
        yield Reason(
            f"{op.name} has version {op.version}; the compiler reads up to {newest} and stops here",
            _ONE_SCALE if _has_scales(place) else _remedy(op.name),
        )


@rule(
    *VERSIONS,
    evidence=Evidence(
        mapped=Observation(what="the versions in the table below", compiler=UNDATED, source=FILE),
        refused=Observation(what="ADD and TRANSPOSE of version 4", compiler=V16, source=FILE),
    ),
)
def op_version(place: Place) -> Iterator[Reason]:
    """The op's version is at most the newest in the table of operations below."""
    op = place.op
    newest, readable = VERSIONS[op.name]
    refused = REFUSED_VERSIONS.get(op.name)
    if op.version > newest:
        limit = f"version {readable + 1} is not read" if refused is None else f"version {refused} was refused"
        yield Reason(
            f"{op.name} has version {op.version}; no version above {newest} is known to be mapped, {limit}",
            _remedy(op.name),
            uncertain=refused is None or op.version < refused,
        )


@rule(
    *RUNTIMES,
    evidence=Evidence(
        mapped=Observation(
            what="QUANTIZE, LSTM and REDUCE_MAX in files stamped for runtime 12",
            compiler=UNDATED,
            source=f"{FILE}, {LOG}",
        ),
        refused=Observation(
            what="TRANSPOSE by a compiler for runtime 13: not supported", compiler=V15, source=report_number(342)
        ),
        documented="the oldest runtime of each operation",
    ),
)
def old_runtime(place: Place) -> Iterator[Reason]:
    """The op is one that the asked-for Edge TPU runtime already has."""
    needed = RUNTIMES[place.op.name]
    if place.runtime < needed:
        yield Reason(
            f"{place.op.name} needs Edge TPU runtime {needed}, asked for is {place.runtime}",
            f"update libedgetpu on the device to runtime {needed} or newer, and check for that",
        )
