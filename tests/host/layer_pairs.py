"""A float32 .tflite and its integer model, made by hand, with one thing wrong at a time; no TensorFlow."""

from __future__ import annotations

import numpy as np
from tflite_models import O, T, tflite

SIZE, CHANNELS, CLASSES = 8, 4, 3
_FLAT = (SIZE // 2) ** 2 * CHANNELS
_CONV = {"strideW": 1, "strideH": 1, "fusedActivationFunction": 1}
_POOL = {"strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}
_RESULT = "net_1/conv_1/Relu;net_1/conv_1/convolution"


def weights(seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """A kernel [4, 3, 3, 1] and dense weights [3, 64], float32."""
    random = np.random.default_rng(seed)
    return (
        random.normal(0, 0.3, (CHANNELS, 3, 3, 1)).astype(np.float32),
        random.normal(0, 0.2, (CLASSES, _FLAT)).astype(np.float32),
    )


def float_model(kernel: np.ndarray, dense: np.ndarray, name: str = _RESULT) -> bytes:
    """Convolution with ReLU, pooling, reshape, dense: [1, 8, 8, 1] to [1, 3]."""
    image, half = (1, SIZE, SIZE, 1), SIZE // 2
    tensors = [
        T("image", image, "float32"),
        T("net_1/conv_1/kernel", data=kernel),
        T("net_1/conv_1/bias", data=np.zeros(CHANNELS, np.float32)),
        T(name, (1, SIZE, SIZE, CHANNELS), "float32"),
        T("net_1/pool_1/MaxPool2d", (1, half, half, CHANNELS), "float32"),
        T("shape", data=np.array([1, _FLAT], np.int32)),
        T("net_1/flatten_1/Reshape", (1, _FLAT), "float32"),
        T("net_1/head_1/MatMul", data=dense),
        T("net_1/head_1/bias", data=np.zeros(CLASSES, np.float32)),
        T("Identity", (1, CLASSES), "float32"),
    ]
    ops = [
        O("CONV_2D", ["image", "net_1/conv_1/kernel", "net_1/conv_1/bias"], [name], 1, _CONV),
        O("MAX_POOL_2D", [name], ["net_1/pool_1/MaxPool2d"], 1, _POOL),
        O("RESHAPE", ["net_1/pool_1/MaxPool2d", "shape"], ["net_1/flatten_1/Reshape"]),
        O(
            "FULLY_CONNECTED",
            ["net_1/flatten_1/Reshape", "net_1/head_1/MatMul", "net_1/head_1/bias"],
            ["Identity"],
        ),
    ]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["Identity"])


def integer_model(
    kernel: np.ndarray, dense: np.ndarray, *, conv_scale: float = 0.0015, head_scale: float = 0.002
) -> bytes:
    """The same with uint8 ends: `kernel` rounded per channel, `dense` per tensor; `conv_scale` is their grid."""
    image, half = (1, SIZE, SIZE, 1), SIZE // 2
    kernel_scales = np.abs(kernel).max(axis=(1, 2, 3)) / 127
    dense_scale = float(np.abs(dense).max()) / 127
    tensors = [
        T("image", image, "uint8", 1 / 255),
        T("tfl.quantize", image, "int8", 1 / 255, -128),
        T(
            "net_1/conv_1/kernel",
            data=np.rint(kernel / kernel_scales[:, None, None, None]).astype(np.int8),
            scale=kernel_scales,
        ),
        T("net_1/conv_1/bias", data=np.zeros(CHANNELS, np.int32), scale=kernel_scales / 255),
        T(_RESULT, (1, SIZE, SIZE, CHANNELS), "int8", conv_scale, -128),
        T("net_1/pool_1/MaxPool2d", (1, half, half, CHANNELS), "int8", conv_scale, -128),
        T("shape", data=np.array([1, _FLAT], np.int32)),
        T("net_1/flatten_1/Reshape", (1, _FLAT), "int8", conv_scale, -128),
        T("net_1/head_1/MatMul", data=np.rint(dense / dense_scale).astype(np.int8), scale=[dense_scale]),
        T("net_1/head_1/bias", data=np.zeros(CLASSES, np.int32), scale=[conv_scale * dense_scale]),
        T("Identity1", (1, CLASSES), "int8", head_scale, 0),
        T("Identity", (1, CLASSES), "uint8", head_scale, 128),
    ]
    ops = [
        O("QUANTIZE", ["image"], ["tfl.quantize"]),
        O("CONV_2D", ["tfl.quantize", "net_1/conv_1/kernel", "net_1/conv_1/bias"], [_RESULT], 3, _CONV),
        O("MAX_POOL_2D", [_RESULT], ["net_1/pool_1/MaxPool2d"], 2, _POOL),
        O("RESHAPE", ["net_1/pool_1/MaxPool2d", "shape"], ["net_1/flatten_1/Reshape"]),
        O(
            "FULLY_CONNECTED",
            ["net_1/flatten_1/Reshape", "net_1/head_1/MatMul", "net_1/head_1/bias"],
            ["Identity1"],
            4,
        ),
        O("QUANTIZE", ["Identity1"], ["Identity"]),
    ]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["Identity"])


def depthwise_pair() -> tuple[bytes, bytes]:
    """A depthwise convolution [1, 8, 8, 1] to [1, 8, 8, 4] and the mean of each channel, float32 and integer."""
    kernel = weights()[0].reshape(1, 3, 3, CHANNELS)
    scales, shape = np.abs(kernel).max(axis=(0, 1, 2)) / 127, (1, SIZE, SIZE, CHANNELS)
    made = []
    for kind, data, grid in (
        ("float32", kernel, (None, None, None, None)),
        ("int8", np.rint(kernel / scales).astype(np.int8), (1 / 255, scales, scales / 255, 0.02)),
    ):
        taken, given, bias, result = grid
        tensors = [
            T("image", (1, SIZE, SIZE, 1), kind, taken, -128),
            T("m/dw/kernel", data=data, scale=given, axis=3),
            T("m/dw/bias", data=np.zeros(CHANNELS, np.float32 if given is None else np.int32), scale=bias),
            T("m/dw/depthwise", shape, kind, result, 0),
            T("axes", data=np.array([1, 2], np.int32)),
            T("Identity", (1, CHANNELS), kind, result, 0),
        ]
        options = {"strideW": 1, "strideH": 1, "depthMultiplier": CHANNELS}
        ops = [
            O("DEPTHWISE_CONV_2D", ["image", "m/dw/kernel", "m/dw/bias"], ["m/dw/depthwise"], 3, options),
            O("MEAN", ["m/dw/depthwise", "axes"], ["Identity"], 2),
        ]
        made.append(tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["Identity"]))
    return made[0], made[1]


def samples(count: int = 8) -> list[list[np.ndarray]]:
    """Images of 0, 1/255, ..., 1, which the integer model's input holds exactly."""
    pixels = np.random.default_rng(5).integers(0, 256, (count, 1, SIZE, SIZE, 1))
    return [[(image / 255).astype(np.float32)] for image in pixels]
