"""Models of the kinds that people have and that are no plain image classifiers, for device_models.py."""

from __future__ import annotations

import numpy as np
from tflite_models import G, O, T, tflite

_OPEN = (-1, -1, -1, 3)


def open_image() -> bytes:
    """A classifier whose height and width are open: windows of 2x2 pixels, then the mean of each channel."""
    window = np.zeros((3, 2, 2, 3), np.float32)
    for channel in range(3):
        window[channel, :, :, channel] = 0.25
    tensors = [
        T("image", (1, 1, 1, 3), "uint8", 1.0, signature=_OPEN),
        T("real", (1, 1, 1, 3), "float32", signature=_OPEN),
        T("window", data=window),
        T("bias", data=np.zeros(3, np.float32)),
        T("conv", (1, 1, 1, 3), "float32", signature=_OPEN),
        T("axes", data=np.array([1, 2], np.int32)),
        T("scores", (1, 3), "float32", signature=(-1, 3)),
    ]
    ops = [
        O("DEQUANTIZE", ["image"], ["real"], 2),
        O("CONV_2D", ["real", "window", "bias"], ["conv"], 1, {"padding": 1, "strideW": 1, "strideH": 1}),
        O("MEAN", ["conv", "axes"], ["scores"], 1),
    ]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])


def open_image_that_crashes() -> bytes:
    """As `open_image`, with an op that no runtime has where the sizes are open."""
    tensors = [T("image", (1, 1, 1, 3), "uint8", 1.0, signature=_OPEN), T("scores", (1, 3), "uint8", 1.0)]
    ops = [O("CUSTOM", ["image"], ["scores"], custom_code="NoSuchOp")]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])


def open_series() -> bytes:
    """The sum of a series of open length."""
    tensors = [
        T("wave", (1,), "float32", signature=(-1,)),
        T("axis", data=np.array([0], np.int32)),
        T("sum", (1,), "float32"),
    ]
    ops = [O("SUM", ["wave", "axis"], ["sum"], 1, {"keepDims": True})]
    return tflite(tensors=tensors, ops=ops, inputs=["wave"], outputs=["sum"])


def ethos_u() -> bytes:
    """A classifier as Vela writes it: one op with its commands, weights, and scratch memory that no op makes."""
    tensors = [
        T("commands", data=np.arange(16, dtype=np.uint8)),
        T("weights", data=np.arange(32, dtype=np.uint8)),
        T("scratch", (64,), "uint8"),
        T("image", (1, 2, 2, 1), "uint8", 1.0),
        T("scores", (1, 4), "uint8", 1.0),
    ]
    inputs = ["commands", "weights", "scratch", "scratch", "image"]
    ops = [O("CUSTOM", inputs, ["scores"], custom_code="ethos-u")]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])


def neutron() -> bytes:
    return _compiled("NeutronGraph")


def dispatch() -> bytes:
    return _compiled("DISPATCH_OP_1")


def text_input() -> bytes:
    tensors = [T("sentence", (1,), "string"), T("scores", (1, 2), "float32")]
    ops = [O("CUSTOM", ["sentence"], ["scores"], custom_code="NoSuchOp")]
    return tflite(tensors=tensors, ops=ops, inputs=["sentence"], outputs=["scores"])


def resource_input() -> bytes:
    tensors = [T("handle", (), "resource"), T("value", (1, 2), "float32")]
    return tflite(
        tensors=tensors, ops=[O("READ_VARIABLE", ["handle"], ["value"])], inputs=["handle"], outputs=["value"]
    )


def branches() -> bytes:
    """y = 2 x where the sum of the pixels is above 100, else y = x: control flow in subgraphs."""
    ends = [T("x", (1, 4), "float32"), T("y", (1, 4), "float32")]
    twice = G(ends, [O("ADD", ["x", "x"], ["y"])], ["x"], ["y"])
    once = G(ends, [O("ABS", ["x"], ["y"])], ["x"], ["y"])
    tensors = [
        T("image", (1, 2, 2, 1), "uint8", 1.0),
        T("real", (1, 2, 2, 1), "float32"),
        T("shape", data=np.array([1, 4], np.int32)),
        T("x", (1, 4), "float32"),
        T("axes", data=np.array([0, 1], np.int32)),
        T("sum", (), "float32"),
        T("limit", data=np.float32(100)),
        T("many", (), "bool"),
        T("y", (1, 4), "float32"),
    ]
    ops = [
        O("DEQUANTIZE", ["image"], ["real"], 2),
        O("RESHAPE", ["real", "shape"], ["x"]),
        O("SUM", ["x", "axes"], ["sum"]),
        O("GREATER", ["sum", "limit"], ["many"]),
        O("IF", ["many", "x"], ["y"], 1, {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2}),
    ]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["y"], callees=[twice, once])


def many_ends() -> bytes:
    """Three inputs of three types and two outputs: choice ? a : b, and the rows of a table that `tokens` names."""
    tensors = [
        T("choice", (1, 4), "bool"),
        T("a", (1, 4), "float32"),
        T("tokens", (1, 3), "int32"),
        T("b", data=np.array([[10, 20, 30, 40]], np.float32)),
        T("table", data=np.arange(10, dtype=np.float32).reshape(5, 2)),
        T("chosen", (1, 4), "float32"),
        T("rows", (1, 3, 2), "float32"),
    ]
    ops = [O("SELECT", ["choice", "a", "b"], ["chosen"]), O("GATHER", ["table", "tokens"], ["rows"])]
    return tflite(tensors=tensors, ops=ops, inputs=["choice", "a", "tokens"], outputs=["chosen", "rows"])


def exact() -> bytes:
    """The place of the largest of four numbers (int64), and whether each is above 0 (bool)."""
    tensors = [
        T("x", (1, 4), "float32"),
        T("axis", data=np.array([1], np.int32)),
        T("zero", data=np.zeros((1, 4), np.float32)),
        T("place", (1,), "int64"),
        T("positive", (1, 4), "bool"),
    ]
    ops = [O("ARG_MAX", ["x", "axis"], ["place"], 1, {"outputType": 4}), O("GREATER", ["x", "zero"], ["positive"])]
    return tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["place", "positive"])


def places() -> bytes:
    """The places of the numbers above 0: an output whose size the values decide, 0 to 4 rows."""
    tensors = [
        T("x", (1, 4), "float32"),
        T("zero", data=np.zeros((1, 4), np.float32)),
        T("positive", (1, 4), "bool"),
        T("places", (1, 2), "int64", signature=(-1, 2)),
    ]
    ops = [O("GREATER", ["x", "zero"], ["positive"]), O("WHERE", ["positive"], ["places"])]
    return tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["places"])


def batch_of_features() -> bytes:
    """Twice the features of two samples at once."""
    tensors = [T("x", (2, 3), "float32"), T("y", (2, 3), "float32")]
    return tflite(tensors=tensors, ops=[O("ADD", ["x", "x"], ["y"])], inputs=["x"], outputs=["y"])


def quantized_map() -> bytes:
    """An int8 map [1, 3, 3, 2] of an int8 picture: what is above 0."""
    tensors = [T("picture", (1, 3, 3, 2), "int8", 0.5, 3), T("map", (1, 3, 3, 2), "int8", 0.5, 3)]
    return tflite(tensors=tensors, ops=[O("RELU", ["picture"], ["map"])], inputs=["picture"], outputs=["map"])


def raw_mean() -> bytes:
    """The mean of each channel of int8 pixels without any scale, which both runtimes compute."""
    tensors = [
        T("picture", (1, 2, 2, 3), "int8"),
        T("axes", data=np.array([1, 2], np.int32)),
        T("means", (1, 3), "int8"),
    ]
    ops = [O("MEAN", ["picture", "axes"], ["means"], 2)]
    return tflite(tensors=tensors, ops=ops, inputs=["picture"], outputs=["means"])


def scales_per_channel() -> bytes:
    """A uint8 classifier whose int8 picture has a scale for each channel, in front of a RELU that takes one."""
    scales = [0.5, 0.25, 0.125]
    tensors = [
        T("image", (1, 2, 2, 3), "uint8", 1.0),
        T("picture", (1, 2, 2, 3), "int8", scales, axis=3),
        T("positive", (1, 2, 2, 3), "int8", 0.5),
        T("shape", data=np.array([1, 12], np.int32)),
        T("scores", (1, 12), "int8", 0.5),
    ]
    ops = [
        O("CUSTOM", ["image"], ["picture"], custom_code="NoSuchOp"),
        O("RELU", ["picture"], ["positive"], 2),
        O("RESHAPE", ["positive", "shape"], ["scores"]),
    ]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])


def face_embedding() -> bytes:
    """A picture's four pixels as an embedding by its name."""
    tensors = [T("x", (1, 2, 2, 1), "uint8", 1.0), T("shape", data=np.array([1, 4], np.int32))]
    tensors.append(T("face_embedding", (1, 4), "uint8", 1.0))
    ops = [O("RESHAPE", ["x", "shape"], ["face_embedding"])]
    return tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["face_embedding"])


def _compiled(name: str) -> bytes:
    tensors = [T("image", (1, 2, 2, 1), "uint8", 1.0), T("scores", (1, 4), "uint8", 1.0)]
    ops = [O("CUSTOM", ["image"], ["scores"], custom_code=name)]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])


FOREIGN = (
    open_image,
    open_image_that_crashes,
    open_series,
    ethos_u,
    neutron,
    dispatch,
    text_input,
    resource_input,
    branches,
    many_ends,
    exact,
    places,
    batch_of_features,
    quantized_map,
    face_embedding,
    raw_mean,
    scales_per_channel,
)
