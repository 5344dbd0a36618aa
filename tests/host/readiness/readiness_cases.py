"""For each rule the files that pass and those that it refuses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from readiness_models import (
    bias,
    boxes,
    concatenation,
    conv,
    dense,
    depthwise,
    elu_island,
    flatten,
    i8,
    ints,
    lstm,
    mean,
    pack,
    pad,
    pool,
    prelu,
    reshape,
    resize,
    split,
    strided_slice,
    tile,
    transpose,
    transpose_conv,
    unary,
    weights,
)
from tflite_models import T, one_op, tflite


@dataclass(frozen=True)
class Case:
    """Files that pass, and those that the rule refuses (with the op of the finding), doubts or notes."""

    accepted: tuple[bytes, ...]
    refused: tuple[tuple[bytes, int | None], ...] = ()
    doubted: tuple[bytes, ...] = ()
    noted: tuple[bytes, ...] = ()


def case(
    accepted: bytes | list[bytes],
    refused: bytes | list[bytes] = (),
    op: int | None = 0,
    *,
    doubted: bytes | list[bytes] = (),
    noted: bytes | list[bytes] = (),
) -> Case:
    good, bad, unknown, remarked = (
        (files,) if isinstance(files, bytes) else tuple(files) for files in (accepted, refused, doubted, noted)
    )
    return Case(good, tuple((data, op) for data in bad), unknown, remarked)


RELU = unary("RELU", i8("x", 1, 4), i8("y", 1, 4))
FLOAT_X, FLOAT_Y = T("x", (1, 4), "float32"), T("y", (1, 4), "float32")
POSTPROCESS = "TFLite_Detection_PostProcess"
CASES: dict[str, Case] = {
    "no-ops": case(RELU, tflite(tensors=[i8("x", 1)], ops=[], inputs=["x"], outputs=["x"]), None),
    "one-subgraph": case(RELU, noted=one_op("RELU", [i8("x", 1, 4)], [i8("y", 1, 4)], subgraphs=2)),
    "not-quantized": case(
        RELU,
        [
            unary("RELU", FLOAT_X, FLOAT_Y),
            one_op("FULLY_CONNECTED", [FLOAT_X, weights("w", 4, 4)], [FLOAT_Y], version=3),
        ],
        None,
    ),
    "already-compiled": case(
        RELU, one_op("CUSTOM", [i8("x", 1, 4)], [i8("y", 1, 4)], custom_code="edgetpu-custom-op")
    ),
    "custom-op": case(
        RELU,
        [
            one_op("CUSTOM", [i8("x", 1, 4)], [i8("y", 1, 4)], custom_code="FlexErf"),
            one_op("CUSTOM", [i8("x", 1, 4)], [i8("y", 1, 4)], custom_code="MyOwnOp"),
        ],
    ),
    "open-batch": case(flatten(1), flatten(-1)),
    "computed-shape": case([reshape(ints("to", 1, 8)), reshape(None)], reshape(T("to", (2,), "int32"))),
    "unknown-op": case(RELU, [unary(name, i8("x", 1, 4), i8("y", 1, 4)) for name in ("GELU", "BUILTIN_250")]),
    "op-too-new": case(tile(1), [tile(1, version=3), unary("CAST", FLOAT_X, i8("y", 1, 4), version=2)]),
    "op-version": case(
        transpose(2),
        transpose(2, version=4),
        doubted=[transpose(2, version=3), dense(weights("w", 4, 8), version=5)],
    ),
    "old-runtime": case(transpose(2), []),
    "unsupported-op": case(
        RELU,
        [
            *(unary(name, i8("x", 1, 4), i8("y", 1, 4)) for name in ("LEAKY_RELU", "HARD_SWISH", "ARG_MAX", "SHAPE")),
            one_op("CUSTOM", [i8("x", 1, 4)], [i8("y", 1, 4)], custom_code=POSTPROCESS),
        ],
    ),
    "rank": case(
        [
            unary("RELU", i8("x", 4, 4, 4), i8("y", 4, 4, 4)),
            unary("RELU", i8("x", 1, 1, 4, 4, 4), i8("y", 1, 1, 4, 4, 4)),
        ],
        [
            unary("RELU", i8("x", 8, 4, 4, 4), i8("y", 8, 4, 4, 4)),
            unary("QUANTIZE", T("x", (8, 4, 4, 4), "float32"), i8("y", 8, 4, 4, 4)),
            one_op("RESHAPE", [i8("x", 1, 4, 4, 4), ints("s", 1, 2, 2, 4, 4)], [i8("y", 1, 2, 2, 4, 4)]),
        ],
    ),
    "empty-tensor": case(RELU, noted=unary("RELU", i8("x", 0, 4), i8("y", 0, 4))),
    "data-type": case(
        one_op("ADD", [i8("x", 1, 4), weights("c", 1, 4)], [T("y", (1, 4), "uint8", 0.1)], version=2),
        [
            one_op("ADD", [i8("x", 1, 4), T("c", data=np.ones((1, 4), np.float32))], [i8("y", 1, 4)], version=2),
            one_op("ADD", [T("x", (1, 4), "int16", 0.1), weights("c", 1, 4)], [i8("y", 1, 4)], version=2),
            one_op("SPLIT", [ints("axis", 1), i8("x", 1, 4)], [i8("y", 1, 2), T("z", (1, 2), "int32")]),
        ],
    ),
    "bias-type": case(
        dense(weights("w", 4, 8), bias(4)), noted=dense(weights("w", 4, 8), T("b", data=np.zeros(4, np.int64)))
    ),
    "float-input": case(
        unary("QUANTIZE", T("x", (1, 4), "uint8", 0.1), i8("y", 1, 4)), unary("QUANTIZE", FLOAT_X, i8("y", 1, 4))
    ),
    "quantize-type": case(
        unary("QUANTIZE", i8("x", 1, 4), i8("y", 1, 4)),
        unary("QUANTIZE", i8("x", 1, 4), T("y", (1, 4), "int16", 0.1)),
    ),
    "float-output": case(RELU, unary("DEQUANTIZE", i8("x", 1, 4), FLOAT_Y, version=2)),
    "float-island": case(elu_island(in_float=False), elu_island(in_float=True)),
    "cast": case(RELU, unary("CAST", T("x", (1, 4), "uint8"), FLOAT_Y)),
    "quantization": case(
        RELU,
        noted=[
            unary("RELU", T("x", (1, 4), "int8"), i8("y", 1, 4)),
            unary("RELU", i8("x", 1, 4), T("y", (1, 4), "int8", [0.1, 0.2], axis=1)),
            unary("RELU", i8("x", 1, 4), T("y", (1, 4), "int8", float("nan"))),
            unary("RELU", i8("x", 1, 4), T("y", (1, 4), "int8", 0.0)),
        ],
    ),
    "constant-weights": case(
        [conv(i8("x", 1, 4, 4, 2), weights("w", 3, 1, 1, 2), i8("y", 1, 4, 4, 3), bias(3)), dense(i8("w", 4, 8))],
        [
            conv(i8("x", 1, 4, 4, 2), i8("w", 1, 1, 1, 2), i8("y", 1, 4, 4, 1), bias(1)),
            dense(weights("w", 4, 8), T("b", (4,), "int32")),
        ],
    ),
    "dense-per-axis": case(dense(weights("w", 4, 8)), noted=dense(weights("w", 4, 8, scale=[0.1, 0.2, 0.3, 0.4]))),
    "dense-format": case(dense(weights("w", 4, 8)), doubted=dense(weights("w", 4, 8), weightsFormat=1)),
    "grouped-convolution": case(
        conv(i8("x", 1, 4, 4, 4), weights("w", 2, 1, 1, 4, scale=[0.1, 0.2]), i8("y", 1, 4, 4, 2)),
        conv(i8("x", 1, 4, 4, 4), weights("w", 2, 1, 1, 2), i8("y", 1, 4, 4, 2)),
    ),
    "depthwise-dilation": case([depthwise(1, 1), depthwise(2, 2)], doubted=depthwise(2, 1)),
    "transpose-conv-size": case(
        [transpose_conv(8), transpose_conv(32, 8, side=150), transpose_conv(512, 256)],
        [transpose_conv(512, 1024), transpose_conv(1024, 1024)],
        doubted=[transpose_conv(512, 257), transpose_conv(512, 1023)],
    ),
    "prelu-alpha": case([prelu(8), prelu(1, 1, 8)], doubted=[prelu(4, 4, 8), prelu(1, 4, 8)]),
    "lstm-size": case(lstm(5, 900), lstm(5, 1000), doubted=[lstm(5, 901), lstm(5, 999)]),
    "fused-activation": case(pool(0), doubted=[pool(1), pool(-3)]),
    "reduced-batch": case(
        [mean(i8("x", 1, 8, 8, 4), i8("y", 1, 4), 1, 2), mean(i8("x", 1, 8, 8, 4), i8("y", 1, 4), -3, -2)],
        doubted=[mean(i8("x", 1, 8, 8, 4), i8("y", 8, 8, 4), 0), mean(i8("x", 1, 8, 8, 4), i8("y", 8, 8, 4), -4)],
    ),
    "mean-channels": case(
        mean(i8("x", 1, 8, 8, 4), i8("y", 1, 8, 8), 3), doubted=mean(i8("x", 1, 8, 8, 6), i8("y", 1, 8, 8), 3)
    ),
    "mean-size": case(
        mean(i8("x", 1, 64, 128, 3), i8("y", 1, 3), 1, 2),
        mean(i8("x", 1, 256, 128, 3), i8("y", 1, 3), 1, 2),
        doubted=[
            mean(i8("x", 1, 65, 128, 3), i8("y", 1, 3), 1, 2),
            mean(i8("x", 1, 255, 128, 3), i8("y", 1, 3), 1, 2),
        ],
    ),
    "softmax-size": case(
        unary("SOFTMAX", i8("x", 1, 16384), i8("y", 1, 16384), 2),
        doubted=unary("SOFTMAX", i8("x", 1, 16385), i8("y", 1, 16385), 2),
    ),
    "concatenated-constant": case(concatenation(0), concatenation(1)),
    "padded-batch": case(pad(0), doubted=pad(1)),
    "packed-batch": case([pack(2), pack(-1)], doubted=[pack(0), pack(-3)]),
    "split-batch": case([split(2), split(-1), split(0, pieces=1)], [split(0), split(-3)]),
    "slice-strides": case(strided_slice(1), strided_slice(2), doubted=strided_slice(1, new_axis=2)),
    "tile-broadcast": case(tile(1), doubted=tile(2)),
    "transpose-size": case(transpose(22), transpose(28), doubted=[transpose(23), transpose(27)]),
    "resize-size": case(
        [resize(64, 128), resize(33, 33, 19)],
        [resize(33, 513, 21), resize(33, 513, 19), resize(128, 256, 64)],
        doubted=[resize(64, 128, 256), resize(112, 224, 32), resize(128, 256, 4)],
    ),
    "resize-factor": case(
        [resize(33, 33), resize(16, 32)], resize(1, 33, 256), doubted=[resize(8, 32), resize(1, 32), resize(32, 16)]
    ),
    "concatenation-size": case([boxes("CONCATENATION", 896, 16)], doubted=boxes("CONCATENATION", 897, 16)),
    "logistic-size": case(
        [boxes("LOGISTIC", 1917, 2), unary("LOGISTIC", i8("x", 1, 112, 112, 96), i8("y", 1, 112, 112, 96))],
        doubted=boxes("LOGISTIC", 1918, 2),
    ),
    "reshape-size": case([boxes("RESHAPE", 512, 16)], doubted=boxes("RESHAPE", 513, 16)),
}
