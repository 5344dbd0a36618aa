"""Float32 .tflite networks written by hand, and samples for them: to try quantization without TensorFlow."""

from __future__ import annotations

import numpy as np
from tflite_models import O, T, tflite

from edgeready.quantization.samples import Samples

LINEAR, RELU, RELU6 = 0, 1, 3
SIZE, CHANNELS, CLASSES = 6, 4, 3
UNIT_STRIDE = {"strideW": 1, "strideH": 1}


def samples(count=8, seed=0):
    """`count` images of random values from 0 to 1."""
    values = np.random.default_rng(seed).random((count, SIZE, SIZE, 1), np.float32)
    return Samples((values,))


def blocks(*, scales=None, activation=RELU, biases=2.0, pool="MAX_POOL_2D", outputs=("scores",)):
    """Convolution, depthwise, pooling, convolution, flatten, dense: all inner channels are free to be rescaled.

    `scales` multiplies the channels behind the first convolution, and divides them again in the depthwise one.
    With `biases` of 2 no channel is dead behind its ReLU.
    """
    draw = np.random.default_rng(3)
    scales = np.ones(CHANNELS, np.float32) if scales is None else np.asarray(scales, np.float32)

    def weights(*shape):
        return draw.normal(0, 0.5, shape).astype(np.float32)

    def bias(count):
        return np.asarray(biases * draw.normal(1, 0.05, count), np.float32)

    half = SIZE // 2
    maps, small = (1, SIZE, SIZE, CHANNELS), (1, half, half, CHANNELS)
    first, first_bias = weights(CHANNELS, 3, 3, 1), bias(CHANNELS)
    tensors = [
        T("image", (1, SIZE, SIZE, 1), "float32"),
        T("first/weights", data=first * scales.reshape(-1, 1, 1, 1)),
        T("first/bias", data=first_bias * scales),
        T("first", maps, "float32"),
        T("depthwise/weights", data=weights(1, 3, 3, CHANNELS) / scales),
        T("depthwise/bias", data=bias(CHANNELS)),
        T("depthwise", maps, "float32"),
        T("pool", small, "float32"),
        T("last/weights", data=np.abs(weights(CHANNELS, 1, 1, CHANNELS))),
        T("last/bias", data=bias(CHANNELS)),
        T("last", small, "float32"),
        T("flat/shape", data=np.array([1, half * half * CHANNELS], np.int32)),
        T("flat", (1, half * half * CHANNELS), "float32"),
        T("dense/weights", data=weights(CLASSES, half * half * CHANNELS)),
        T("dense/bias", data=bias(CLASSES)),
        T("scores", (1, CLASSES), "float32"),
    ]
    fused = {**UNIT_STRIDE, "fusedActivationFunction": activation}
    window = {"strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}
    ops = [
        O("CONV_2D", ["image", "first/weights", "first/bias"], ["first"], options=fused),
        O(
            "DEPTHWISE_CONV_2D",
            ["first", "depthwise/weights", "depthwise/bias"],
            ["depthwise"],
            options={**fused, "depthMultiplier": 1},
        ),
        O(pool, ["depthwise"], ["pool"], options=window),
        O("CONV_2D", ["pool", "last/weights", "last/bias"], ["last"], options=fused),
        O("RESHAPE", ["last", "flat/shape"], ["flat"]),
        O("FULLY_CONNECTED", ["flat", "dense/weights", "dense/bias"], ["scores"]),
    ]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=outputs)


def residual(*, shared=False, scales=(1, 1, 1, 1), activation=LINEAR):
    """Two convolutions whose results are added and read by a third; `shared` gives the two the same weights.

    `activation` is that of the addition.
    """
    draw = np.random.default_rng(5)
    factors = np.asarray(scales, np.float32)

    def weights(*shape):
        return draw.normal(0, 0.5, shape).astype(np.float32)

    maps = (1, SIZE, SIZE, CHANNELS)
    one, other = (weights(CHANNELS, 3, 3, 1) * factors.reshape(-1, 1, 1, 1) for _ in range(2))
    tensors = [
        T("image", (1, SIZE, SIZE, 1), "float32"),
        T("one/weights", data=one),
        T("other/weights", data=other),
        T("bias", data=np.zeros(CHANNELS, np.float32)),
        T("one", maps, "float32"),
        T("other", maps, "float32"),
        T("sum", maps, "float32"),
        T("last/weights", data=weights(CLASSES, SIZE, SIZE, CHANNELS) / factors),
        T("last/bias", data=np.zeros(CLASSES, np.float32)),
        T("scores", (1, 1, 1, CLASSES), "float32"),
    ]
    second = "one/weights" if shared else "other/weights"
    valid = {**UNIT_STRIDE, "padding": 1}
    ops = [
        O("CONV_2D", ["image", "one/weights", "bias"], ["one"], options=UNIT_STRIDE),
        O("CONV_2D", ["image", second, "bias"], ["other"], options=UNIT_STRIDE),
        O("ADD", ["one", "other"], ["sum"], options={"fusedActivationFunction": activation}),
        O("CONV_2D", ["sum", "last/weights", "last/bias"], ["scores"], options=valid),
    ]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])
