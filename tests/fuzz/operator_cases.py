"""A sound network, or several, for each operator that the runtimes register, for operator-wise mutation.

Each runs on the runtimes that register the operator: tests hold that, and that the verifier has nothing against one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from flatbuffers import flexbuffers
from operator_networks import IMAGE, QUANTIZED, Case, c, ramp, sparse_weights, text, x, y
from tflite_models import G, O, T


def cases() -> Iterator[Case]:
    """One or more cases for each operator."""
    yield from value_by_value()
    yield from windows_and_products()
    yield from moves()
    yield from choices()
    yield from recurrent()
    yield from resources()
    yield from texts_and_sparse()
    yield from stablehlo()


def value_by_value() -> Iterator[Case]:
    for op in ("FLOOR RELU RELU_N1_TO_1 RELU6 RELU_0_TO_1 EXP NEG SIN COS ABS CEIL SQUARE ZEROS_LIKE ROUND ELU SIGN "
               "TANH LOGISTIC HARD_SWISH SQRT RSQRT LOG").split():  # fmt: skip
        yield Case(op, [x(1, 4, 8, 1)], [y(1, 4, 8, 1)])
    for op in ("RELU", "RELU6", "TANH", "LOGISTIC", "HARD_SWISH", "ABS"):
        scales = {"TANH": (1 / 128, 0), "LOGISTIC": (1 / 256, -128)}.get(op, QUANTIZED["int8"])
        version = 1 if op == "HARD_SWISH" else 2
        yield Case(op, [x(1, 4, 8, 1, dtype="int8")], [T("y", IMAGE, "int8", *scales)], {}, version, suffix="_INT8")
    yield Case("LOGICAL_NOT", [x(4, 8, dtype="bool")], [y(4, 8, dtype="bool")])
    yield Case("LEAKY_RELU", [x(4, 8)], [y(4, 8)], {"alpha": 0.1})
    yield Case("GELU", [x(4, 8)], [y(4, 8)], {"approximate": True})
    yield Case("FAKE_QUANT", [x(4, 8)], [y(4, 8)], {"min": -1.0, "max": 1.0, "numBits": 8})
    yield Case("L2_NORMALIZATION", [x(1, 4, 2, 4)], [y(1, 4, 2, 4)])
    options = {"radius": 1, "bias": 1.0, "alpha": 1.0, "beta": 0.5}
    yield Case("LOCAL_RESPONSE_NORMALIZATION", [x(1, 4, 2, 4)], [y(1, 4, 2, 4)], options)
    for op in ("SOFTMAX", "LOG_SOFTMAX"):
        yield Case(op, [x(4, 8)], [y(4, 8)], {"beta": 1.0} if op == "SOFTMAX" else {})
    yield Case(
        "SOFTMAX", [x(4, 8, dtype="int8")], [T("y", (4, 8), "int8", 1 / 256, -128)], {"beta": 1.0}, 2, suffix="_INT8"
    )
    for op in "ADD SUB MUL DIV MAXIMUM MINIMUM SQUARED_DIFFERENCE POW FLOOR_DIV FLOOR_MOD ATAN2".split():
        yield Case(op, [x(4, 8), c("other", np.full((1, 8), 2.0), "float32")], [y(4, 8)])
    for op in ("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"):
        other = c("other", np.ones((1, 8)), "int8", 1 / 128)
        yield Case(op, [x(4, 8, dtype="int8"), other], [y(4, 8, dtype="int8")], version=2, suffix="_INT8")
    for op in ("FLOOR_DIV", "FLOOR_MOD", "DIV", "BITWISE_XOR", "RIGHT_SHIFT"):
        yield Case(
            op, [x(4, 8, dtype="int32"), c("other", np.full((4, 8), 2))], [y(4, 8, dtype="int32")], suffix="_INT32"
        )
    for op in ("LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL", "EQUAL", "NOT_EQUAL"):
        yield Case(op, [x(4, 8), c("other", np.zeros((1, 8)), "float32")], [y(4, 8, dtype="bool")])
    for op in ("LOGICAL_AND", "LOGICAL_OR"):
        yield Case(op, [x(4, 8, dtype="bool"), c("other", np.ones((4, 8)), "bool")], [y(4, 8, dtype="bool")])
    yield Case("PRELU", [x(1, 4, 2, 4), ramp("slope", 1, 1, 4)], [y(1, 4, 2, 4)])
    yield Case("ADD_N", [x(4, 8), x(4, 8)], [y(4, 8)])
    yield Case("CAST", [x(4, 8)], [y(4, 8, dtype="int32")])
    yield Case("QUANTIZE", [x(4, 8)], [y(4, 8, dtype="int8")])
    yield Case("DEQUANTIZE", [x(4, 8, dtype="int8")], [y(4, 8)], version=2)
    yield Case("BITCAST", [x(4, 8)], [y(4, 8, dtype="int32")])
    yield Case("BUCKETIZE", [x(4, 8)], [y(4, 8, dtype="int32")], {"boundaries": [-0.5, 0.0, 0.5]})
    yield Case("RFFT2D", [x(1, 4, 8), c("sizes", [4, 8])], [y(1, 4, 5, dtype="complex64")])
    spectrum, sizes = T("spectrum", (1, 4, 5), "complex64"), c("sizes", [4, 8])
    for op in ("REAL", "IMAG", "COMPLEX_ABS"):
        before = [O("RFFT2D", ["source", "sizes"], ["spectrum"])]
        source = T("source", (1, 4, 8), "float32")
        shape = c("source/shape", [1, 4, 8])
        before = [O("RESHAPE", ["image", shape.name], ["source"]), *before]
        yield Case(op, [spectrum], [y(1, 4, 5)], before=before, more=[source, shape, sizes, spectrum])


def windows_and_products() -> Iterator[Case]:
    stride = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}
    weights, bias = ramp("weights", 3, 3, 3, 1), ramp("bias", 3)
    yield Case("CONV_2D", [x(1, 4, 8, 1), weights, bias], [y(1, 4, 8, 3)], stride)
    quantized = [
        c("weights", np.ones((3, 3, 3, 1)), "int8", [0.01] * 3),
        c("bias", [1, 2, 3], "int32", [0.01 / 128] * 3),
    ]
    yield Case(
        "CONV_2D", [x(1, 4, 8, 1, dtype="int8"), *quantized], [y(1, 4, 8, 3, dtype="int8")], stride, 3, suffix="_INT8"
    )
    hybrid = c("weights", np.ones((3, 3, 3, 1)), "int8", [0.01] * 3)
    yield Case("CONV_2D", [x(1, 4, 8, 1), hybrid, bias], [y(1, 4, 8, 3)], stride, 5, suffix="_HYBRID")
    depth = {**stride, "depthMultiplier": 2}
    yield Case(
        "DEPTHWISE_CONV_2D", [x(1, 4, 4, 2), ramp("weights", 1, 3, 3, 4), ramp("bias", 4)], [y(1, 4, 4, 4)], depth
    )
    deep = [T("weights", data=np.ones((1, 3, 3, 4), np.int8), scale=[0.01] * 4, axis=3)]
    deep.append(c("bias", [1, 2, 3, 4], "int32", [0.01 / 128] * 4))
    yield Case(
        "DEPTHWISE_CONV_2D",
        [x(1, 4, 4, 2, dtype="int8"), *deep],
        [y(1, 4, 4, 4, dtype="int8")],
        depth,
        3,
        suffix="_INT8",
    )
    back = [c("shape", [1, 8, 16, 2]), ramp("weights", 2, 2, 2, 1), x(1, 4, 8, 1)]
    yield Case("TRANSPOSE_CONV", back, [y(1, 8, 16, 2)], {"strideW": 2, "strideH": 2})
    solid = {
        "strideD": 1,
        "strideW": 1,
        "strideH": 1,
        "dilationDFactor": 1,
        "dilationWFactor": 1,
        "dilationHFactor": 1,
    }
    yield Case("CONV_3D", [x(1, 2, 4, 4, 1), ramp("weights", 2, 2, 2, 1, 2)], [y(1, 2, 4, 4, 2)], solid)
    back = [c("shape", [1, 2, 4, 4, 2]), ramp("weights", 2, 2, 2, 2, 1), x(1, 2, 4, 4, 1)]
    yield Case("CONV_3D_TRANSPOSE", back, [y(1, 2, 4, 4, 2)], solid)
    yield Case("FULLY_CONNECTED", [x(1, 32), ramp("weights", 4, 32), ramp("bias", 4)], [y(1, 4)])
    dense = [c("weights", np.ones((4, 32)), "int8", 0.01), c("bias", [1, 2, 3, 4], "int32", 0.01 / 128)]
    yield Case(
        "FULLY_CONNECTED", [x(1, 32, dtype="int8"), *dense], [T("y", (1, 4), "int8", 0.05, 0)], {}, 4, suffix="_INT8"
    )
    yield Case("FULLY_CONNECTED", [x(1, 32), dense[0], ramp("bias", 4)], [y(1, 4)], {}, 3, suffix="_HYBRID")
    yield Case("BATCH_MATMUL", [x(2, 4, 4), ramp("other", 2, 4, 3)], [y(2, 4, 3)])
    window = {"strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}
    for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"):
        yield Case(op, [x(1, 4, 8, 1)], [y(1, 2, 4, 1)], window)
    for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        yield Case(op, [x(1, 4, 8, 1, dtype="int8")], [y(1, 2, 4, 1, dtype="int8")], window, 2, suffix="_INT8")
    reduce = [x(4, 8), c("zero", 0, "float32"), c("size", [2, 2], "int64"), c("step", [2, 2], "int64"),
              c("spread", [1, 1], "int64")]  # fmt: skip
    yield Case("REDUCE_WINDOW", reduce, [y(2, 4)], {"reduceFunction": 1})
    yield Case("DILATE", [x(4, 8), c("spread", [2, 1]), c("zero", 0, "float32")], [y(7, 8)])


def moves() -> Iterator[Case]:
    axis, rows = c("axis", 1), c("axes", [1])
    yield Case("RESHAPE", [x(4, 8), c("shape", [2, 16])], [y(2, 16)])
    yield Case("SQUEEZE", [x(1, 4, 8, 1)], [y(4, 8)], {"squeezeDims": [0, 3]})
    yield Case("EXPAND_DIMS", [x(4, 8), axis], [y(4, 1, 8)])
    yield Case("TRANSPOSE", [x(4, 8), c("order", [1, 0])], [y(8, 4)])
    yield Case("CONCATENATION", [x(4, 8), ramp("other", 4, 2)], [y(4, 10)], {"axis": 1})
    yield Case("PACK", [x(4, 8), ramp("other", 4, 8)], [y(4, 2, 8)], {"valuesCount": 2, "axis": 1})
    yield Case("UNPACK", [x(2, 16)], [y(16), y(16, name="z")], {"num": 2, "axis": 0})
    yield Case("SPLIT", [axis, x(4, 8)], [y(4, 4), y(4, 4, name="z")], {"numSplits": 2})
    yield Case("SPLIT_V", [x(4, 8), c("sizes", [3, 5]), axis], [y(4, 3), y(4, 5, name="z")], {"numSplits": 2})
    yield Case("SLICE", [x(4, 8), c("begin", [1, 2]), c("size", [2, -1])], [y(2, 6)])
    yield Case("STRIDED_SLICE", [x(4, 8), c("begin", [0, 1]), c("end", [4, 8]), c("strides", [1, 2])], [y(4, 4)])
    yield Case("GATHER", [x(4, 8), c("places", [0, 3, 5])], [y(4, 3)], {"axis": 1})
    yield Case("GATHER_ND", [x(4, 8), c("places", [[0, 3], [2, 5]])], [y(2)])
    yield Case("PAD", [x(4, 8), c("pads", [[1, 0], [0, 2]])], [y(5, 10)])
    yield Case("PADV2", [x(4, 8), c("pads", [[1, 0], [0, 2]]), c("value", 0.5, "float32")], [y(5, 10)])
    yield Case("MIRROR_PAD", [x(4, 8), c("pads", [[1, 0], [0, 2]])], [y(5, 10)])
    yield Case("TILE", [x(4, 8), c("times", [1, 2])], [y(4, 16)])
    yield Case("BROADCAST_TO", [x(1, 32), c("shape", [2, 32])], [y(2, 32)], version=2)
    yield Case("BROADCAST_ARGS", [c("a", [4, 1]), c("b", [1, 8])], [y(2, dtype="int32")])
    yield Case("SPACE_TO_DEPTH", [x(1, 4, 8, 1)], [y(1, 2, 4, 4)], {"blockSize": 2})
    yield Case("DEPTH_TO_SPACE", [x(1, 2, 4, 4)], [y(1, 4, 8, 1)], {"blockSize": 2})
    yield Case(
        "SPACE_TO_BATCH_ND", [x(1, 4, 8, 1), c("blocks", [2, 2]), c("pads", [[0, 0], [0, 0]])], [y(4, 2, 4, 1)]
    )
    yield Case(
        "BATCH_TO_SPACE_ND", [x(4, 2, 4, 1), c("blocks", [2, 2]), c("crops", [[0, 0], [0, 0]])], [y(1, 4, 8, 1)]
    )
    yield Case("RESIZE_BILINEAR", [x(1, 4, 8, 1), c("size", [2, 4])], [y(1, 2, 4, 1)], {"halfPixelCenters": True})
    yield Case("RESIZE_NEAREST_NEIGHBOR", [x(1, 4, 8, 1), c("size", [2, 4])], [y(1, 2, 4, 1)])
    for op in ("MEAN", "SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN"):
        yield Case(op, [x(4, 8), rows], [y(4)])
    for op in ("MEAN", "SUM", "REDUCE_MAX"):
        yield Case(op, [x(4, 8, dtype="int8"), rows], [y(4, dtype="int8")], {}, 2, suffix="_INT8")
    for op in ("REDUCE_ANY", "REDUCE_ALL"):
        yield Case(op, [x(4, 8, dtype="bool"), rows], [y(4, dtype="bool")])
    for op in ("ARG_MAX", "ARG_MIN"):
        yield Case(op, [x(4, 8), axis], [y(4, dtype="int32")], {"outputType": 2})
    yield Case("CUMSUM", [x(4, 8), axis], [y(4, 8)], {"exclusive": True})
    yield Case("REVERSE_V2", [x(4, 8), rows], [y(4, 8)])
    yield Case("REVERSE_SEQUENCE", [x(4, 8), c("lengths", [2, 3, 4, 8])], [y(4, 8)], {"seqDim": 1, "batchDim": 0})
    yield Case("MATRIX_DIAG", [x(4, 8)], [y(4, 8, 8)])
    yield Case("MATRIX_SET_DIAG", [x(2, 4, 4), ramp("diagonal", 2, 4)], [y(2, 4, 4)])
    yield Case("DYNAMIC_UPDATE_SLICE", [x(4, 8), ramp("update", 2, 2), c("begin", [1, 3])], [y(4, 8)])


def choices() -> Iterator[Case]:
    yield Case("SHAPE", [x(4, 8)], [y(2, dtype="int32")], {"outType": 2})
    yield Case("RANK", [x(4, 8)], [y(dtype="int32")])
    yield Case("WHERE", [c("mask", [[1, 0], [1, 1]], "bool")], [y(3, 2, dtype="int64", open_sizes=True)])
    mask = x(4, 8, dtype="bool", name="mask")
    yield Case("SELECT", [mask, x(4, 8), ramp("other", 4, 8)], [y(4, 8)])
    yield Case("SELECT_V2", [mask, x(4, 8), ramp("other", 1, 8)], [y(4, 8)])
    yield Case("FILL", [c("dims", [4, 2]), c("value", 0.5, "float32")], [y(4, 2)])
    yield Case("RANGE", [c("start", 0), c("end", 6), c("step", 2)], [y(3, dtype="int32")])
    yield Case("TOPK_V2", [x(4, 8), c("k", 2)], [y(4, 2), y(4, 2, dtype="int32", name="places")])
    one_hot = [x(32, dtype="int32"), c("depth", 3), c("on", 1, "float32"), c("off", 0, "float32")]
    yield Case("ONE_HOT", one_hot, [y(32, 3)], {"axis": -1})
    yield Case(
        "UNIQUE",
        [c("values", [1, 2, 2, 3], "int32")],
        [y(3, dtype="int32", open_sizes=True), y(4, dtype="int32", name="places")],
        {"idxOutType": 2},
    )
    yield Case("SCATTER_ND", [c("places", [[1], [3]]), ramp("updates", 2, 4), c("shape", [4, 4])], [y(4, 4)])
    dense = [
        c("places", [[0, 1], [2, 3]]),
        c("shape", [4, 4]),
        c("values", [1, 2], "float32"),
        c("rest", 0, "float32"),
    ]
    yield Case("SPARSE_TO_DENSE", dense, [y(4, 4)])
    yield Case("SEGMENT_SUM", [x(4, 8), c("segments", [0, 0, 1, 1])], [y(2, 8)])
    for op in ("UNSORTED_SEGMENT_PROD", "UNSORTED_SEGMENT_MAX", "UNSORTED_SEGMENT_SUM", "UNSORTED_SEGMENT_MIN"):
        yield Case(op, [x(4, 8), c("segments", [0, 1, 0, 1]), c("count", 2)], [y(2, 8)])
    boxes = c("boxes", [[0, 0, 1, 1], [0, 0, 1, 0.9], [0.5, 0.5, 1, 1]], "float32")
    limits = [c("most", 3), c("overlap", 0.5, "float32"), c("least", 0.1, "float32")]
    suppress = [boxes, c("scores_in", [0.9, 0.8, 0.7], "float32"), *limits]
    places, count = y(3, dtype="int32"), y(dtype="int32", name="count")
    yield Case("NON_MAX_SUPPRESSION_V4", suppress, [places, count])
    kept = y(3, name="kept")
    yield Case("NON_MAX_SUPPRESSION_V5", [*suppress, c("sigma", 0.5, "float32")], [places, kept, count])
    yield Case("EMBEDDING_LOOKUP", [c("places", [0, 3]), x(4, 8)], [y(2, 8)])
    sparse = [
        c("places", [0, 3, 1]),
        c("indices", [[0, 0], [0, 1], [1, 0]]),
        c("shape", [2, 2]),
        ramp("weights", 3),
        x(4, 8),
    ]
    yield Case("EMBEDDING_LOOKUP_SPARSE", sparse, [y(2, 8)], {"combiner": 0})
    table = [c("places", [3, 9]), c("keys", [1, 3, 5, 9]), x(4, 8)]
    yield Case("HASHTABLE_LOOKUP", table, [y(2, 8), y(2, dtype="uint8", name="hits")])
    yield Case("LSH_PROJECTION", [ramp("hash", 3, 2), x(4, 8, dtype="int32")], [y(3, dtype="int32")], {"type": 1})
    yield Case("RANDOM_UNIFORM", [c("shape", [2, 3])], [y(2, 3)], {"seed": 1, "seed2": 2})
    yield Case("RANDOM_STANDARD_NORMAL", [c("shape", [2, 3])], [y(2, 3)], {"seed": 1, "seed2": 2})
    yield Case("MULTINOMIAL", [x(4, 8), c("count", 2)], [y(4, 2, dtype="int64")], {"seed": 1, "seed2": 2})


def recurrent() -> Iterator[Case]:
    weights, state = (
        [ramp("weights", 3, 8), ramp("loop", 3, 3), ramp("bias", 3)],
        T("state", (4, 3), "float32", variable=True),
    )
    relu = {"fusedActivationFunction": 1}
    yield Case("RNN", [x(4, 8), *weights, state], [y(4, 3)], relu)
    state = T("state", (1, 3), "float32", variable=True)
    yield Case("UNIDIRECTIONAL_SEQUENCE_RNN", [x(1, 4, 8), *weights, state], [y(1, 4, 3)], relu)
    back = [T(f"{part.name}/back", data=part.data) for part in weights]
    both = [x(1, 4, 8), *weights, state, *back, T("state/back", (1, 3), "float32", variable=True), None, None, None]
    yield Case("BIDIRECTIONAL_SEQUENCE_RNN", both, [y(1, 4, 3), y(1, 4, 3, name="z")], relu)
    memory = T("memory", (4, 6), "float32", variable=True)
    yield Case(
        "SVDF",
        [x(4, 8), ramp("features", 3, 8), ramp("times", 3, 2), ramp("bias", 3), memory],
        [y(4, 3)],
        {"rank": 1, **relu},
    )
    options = {"fusedActivationFunction": 4, "cellClip": 0.0, "projClip": 0.0}
    yield Case("LSTM", [x(4, 8), *_gates(""), *_states("", 4)], [y(4, 3)], options, suffix="")
    yield Case("UNIDIRECTIONAL_SEQUENCE_LSTM", [x(1, 4, 8), *_gates(""), *_states("", 1)], [y(1, 4, 3)], options)
    both = [x(1, 4, 8), *_gates("f/"), *_gates("b/"), *_states("f/", 1), *_states("b/", 1), *[None] * 9]
    outputs = [y(1, 4, 3), y(1, 4, 3, name="z")]
    yield Case("BIDIRECTIONAL_SEQUENCE_LSTM", both, outputs, {**options, "timeMajor": False})


def _gates(name: str) -> list[T | None]:
    """Weights of an LSTM of 3 units on rows of 8, without peepholes and projection."""
    rows = [ramp(f"{name}in{i}", 3, 8) for i in range(4)]
    loops = [ramp(f"{name}loop{i}", 3, 3) for i in range(4)]
    biases = [ramp(f"{name}bias{i}", 3) for i in range(4)]
    return [*rows, *loops, None, None, None, *biases, None, None]


def _states(name: str, batch: int) -> list[T]:
    return [T(f"{name}{kind}", (batch, 3), "float32", variable=True) for kind in ("output", "cell")]


def resources() -> Iterator[Case]:
    same = G([T("a", (4, 8), "float32"), T("b", (4, 8), "float32")], [O("RELU", ["a"], ["b"])], ["a"], ["b"])
    yield Case(
        "IF",
        [c("choice", True, "bool"), x(4, 8)],
        [y(4, 8)],
        {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2},
        callees=[same, same],
    )
    count, row = T("i", (), "int32"), T("a", (4, 8), "float32")
    less = G(
        [count, row, c("three", 3), T("more", (), "bool")],
        [O("LESS", ["i", "three"], ["more"])],
        ["i", "a"],
        ["more"],
    )
    after = [T("next", (), "int32"), T("b", (4, 8), "float32")]
    body = G(
        [count, row, c("one", 1), *after],
        [O("ADD", ["i", "one"], ["next"]), O("RELU", ["a"], ["b"])],
        ["i", "a"],
        ["next", "b"],
    )
    loop = {"condSubgraphIndex": 1, "bodySubgraphIndex": 2}
    yield Case("WHILE", [c("zero", 0), x(4, 8)], [T("count", (), "int32"), y(4, 8)], loop, callees=[less, body])
    handle, value = T("handle", (), "resource"), y(4, 8)
    shared = {"container": "", "sharedName": "v"}
    make = O("VAR_HANDLE", [], ["handle"], options=shared)
    start = G(
        [T("h", (), "resource"), ramp("start", 4, 8)],
        [O("VAR_HANDLE", [], ["h"], options=shared), O("ASSIGN_VARIABLE", ["h", "start"], [])],
        [],
        [],
    )
    once = O("CALL_ONCE", [], [], options={"initSubgraphIndex": 1})
    yield Case("READ_VARIABLE", [handle], [value], callees=[start], before=[once, make], more=[handle])
    yield Case("VAR_HANDLE", [], [handle], shared)
    yield Case("ASSIGN_VARIABLE", [handle, x(4, 8)], [], before=[make], more=[handle])
    yield Case("CALL_ONCE", [], [], {"initSubgraphIndex": 1}, callees=[start])
    table = {"tableId": 7, "keyDtype": 4, "valueDtype": 5}
    make = O("HASHTABLE", [], ["handle"], options=table)
    yield Case("HASHTABLE", [], [handle], table)
    yield Case("HASHTABLE_SIZE", [handle], [y(1, dtype="int64")], before=[make], more=[handle])


def texts_and_sparse() -> Iterator[Case]:
    yield Case("SKIP_GRAM", [text("words", "a b c d", shape=())], [T("y", (1,), "string", signature=(-1,))],
               {"ngramSize": 2, "maxSkipSize": 1, "includeAllNgrams": True})  # fmt: skip
    handle, keys = T("handle", (), "resource"), text("keys", "a", "b", "c")
    values, unknown = c("values", [4, 5, 6], "int64"), c("unknown", [-1], "int64")
    make = O("HASHTABLE", [], ["handle"], options={"tableId": 9, "keyDtype": 5, "valueDtype": 4})
    fill = O("HASHTABLE_IMPORT", ["handle", "keys", "values"], [])
    yield Case("HASHTABLE_IMPORT", [handle, keys, values], [], before=[make], more=[handle])
    words = text("words", "c", "x", "a")
    yield Case(
        "HASHTABLE_FIND",
        [handle, words, unknown],
        [y(3, dtype="int64")],
        before=[make, fill],
        more=[handle, keys, values],
    )
    yield Case("DENSIFY", [sparse_weights()], [y(4, 4)])
    yield Case("FULLY_CONNECTED", [x(8, 4), sparse_weights(), None], [y(8, 4)], {}, 8, suffix="_SPARSE")


def stablehlo() -> Iterator[Case]:
    for op in ("ADD", "MULTIPLY", "MAXIMUM", "MINIMUM"):
        yield Case(f"STABLEHLO_{op}", [x(4, 8), ramp("other", 4, 8)], [y(4, 8)])
    yield Case("STABLEHLO_AND", [x(4, 8, dtype="bool"), c("other", np.ones((4, 8)), "bool")], [y(4, 8, dtype="bool")])
    yield Case(
        "STABLEHLO_SHIFT_LEFT", [x(4, 8, dtype="int32"), c("other", np.ones((4, 8)))], [y(4, 8, dtype="int32")]
    )
    pads = {"edgePaddingLow": [1, 0], "edgePaddingHigh": [0, 2], "interiorPadding": [0, 0]}
    yield Case("STABLEHLO_PAD", [x(4, 8), c("value", 0.5, "float32")], [y(5, 10)], pads)
    gather = {
        "offsetDims": [1],
        "collapsedSliceDims": [0],
        "startIndexMap": [0],
        "indexVectorDim": 1,
        "sliceSizes": [1, 8],
    }
    yield Case("STABLEHLO_GATHER", [x(4, 8), c("places", [[0], [3]])], [y(2, 8)], gather)
    add = G(
        [T("a", (), "float32"), T("b", (), "float32"), T("sum", (), "float32")],
        [O("STABLEHLO_ADD", ["a", "b"], ["sum"])],
        ["a", "b"],
        ["sum"],
    )
    scatter = {"updateWindowDims": [1], "insertedWindowDims": [0], "scatterDimsToOperandDims": [0]}
    scatter |= {"indexVectorDim": 1, "updateComputationSubgraphIndex": 1}
    yield Case(
        "STABLEHLO_SCATTER",
        [x(4, 8), c("places", [[0], [3]]), ramp("updates", 2, 8)],
        [y(4, 8)],
        scatter,
        callees=[add],
    )
    window = {"windowDimensions": [2, 2], "windowStrides": [2, 2], "baseDilations": [1, 1], "windowDilations": [1, 1],
              "padding": [0, 0, 0, 0], "bodySubgraphIndex": 1}  # fmt: skip
    yield Case("STABLEHLO_REDUCE_WINDOW", [x(4, 8), c("zero", 0, "float32")], [y(2, 4)], window, callees=[add])
    generated = [T("state", (2,), "uint64"), y(4, 2, dtype="int32")]
    seed = T("seed", (2,), "uint64", data=np.uint64([1, 2]))
    yield Case("STABLEHLO_RNG_BIT_GENERATOR", [seed], generated, {"algorithm": 1})
    same = G([T("a", (4, 8), "float32"), T("b", (4, 8), "float32")], [O("RELU", ["a"], ["b"])], ["a"], ["b"])
    attributes = np.frombuffer(flexbuffers.Dumps({}), np.uint8)
    composite = {"name": "a.relu", "decompositionSubgraphIndex": 1, "compositeAttributes": attributes}
    yield Case("STABLEHLO_COMPOSITE", [x(4, 8)], [y(4, 8)], composite, callees=[same])
    branches = {"branchSubgraphIndices": [1, 2]}
    yield Case("STABLEHLO_CASE", [c("choice", 1), x(4, 8)], [y(4, 8)], branches, callees=[same, same])
