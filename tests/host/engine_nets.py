"""Float32 .tflite networks, written by hand, that try what a quantizer does with them."""

from __future__ import annotations

import numpy as np
from float_nets import CHANNELS, LINEAR, SIZE, UNIT_STRIDE
from tflite_models import O, T, tflite

from edgeready.engine.flatbuffer_objects import read_objects, write_objects
from edgeready.quantization.samples import Samples
from edgeready_device.tflite.graph import read_graph

MAPS = (1, SIZE, SIZE, CHANNELS)
SAME, VALID = 0, 1


def weights(*shape, scale=0.5):
    return np.random.default_rng(7).normal(0, scale, shape).astype(np.float32)


def network(tensors, ops):
    return tflite(tensors=tensors, ops=ops, inputs=[tensors[0].name], outputs=[tensors[-1].name])


def convolution(name, source, kernel, bias):
    return O("CONV_2D", [source, kernel, bias], [name], options=UNIT_STRIDE)


def two_convolutions_with_one_bias(second="bias"):
    return network(
        [
            T("image", (1, SIZE, SIZE, 1), "float32"),
            T("first/weights", data=weights(CHANNELS, 3, 3, 1, scale=20)),
            T("second/weights", data=weights(CHANNELS, 3, 3, CHANNELS, scale=0.01)),
            T("bias", data=weights(CHANNELS)),
            T("same", data=weights(CHANNELS)),
            T("first", MAPS, "float32"),
            T("scores", MAPS, "float32"),
        ],
        [
            convolution("first", "image", "first/weights", "bias"),
            convolution("scores", "first", "second/weights", second),
        ],
    )


def two_convolutions_with_one_buffer():
    """Two tensors of equal values, whose bytes lie at one place."""
    model = read_objects(two_convolutions_with_one_bias(second="same"))
    numbers = {tensor.name.decode(): tensor for tensor in model.subgraphs[0].tensors}
    numbers["same"].buffer = numbers["bias"].buffer
    return write_objects(model)


def two_dense_layers_with_one_bias():
    return network(
        [
            T("image", (1, CHANNELS), "float32"),
            T("matrix", data=weights(CHANNELS, CHANNELS, scale=9)),
            T("bias", data=weights(CHANNELS)),
            T("hidden", (1, CHANNELS), "float32"),
            T("scores", (1, CHANNELS), "float32"),
        ],
        [
            O("FULLY_CONNECTED", ["image", "matrix", "bias"], ["hidden"]),
            O("FULLY_CONNECTED", ["hidden", "matrix", "bias"], ["scores"]),
        ],
    )


def a_bias_that_is_added_too():
    """It is int32 in the convolution and int8 in the ADD."""
    return network(
        [
            T("image", (1, SIZE, SIZE, 1), "float32"),
            T("weights", data=weights(CHANNELS, 3, 3, 1)),
            T("bias", data=weights(CHANNELS)),
            T("maps", MAPS, "float32"),
            T("scores", MAPS, "float32"),
        ],
        [convolution("maps", "image", "weights", "bias"), O("ADD", ["maps", "bias"], ["scores"])],
    )


def weights_that_are_multiplied_too():
    """They have a scale for each output in the convolution, and one scale in the MUL."""
    pixels = (1, 1, 1, CHANNELS)
    return network(
        [
            T("image", pixels, "float32"),
            T("weights", data=weights(CHANNELS, 1, 1, CHANNELS) * np.float32([[[[1]]], [[[8]]], [[[30]]], [[[99]]]])),
            T("bias", data=weights(CHANNELS)),
            T("maps", pixels, "float32"),
            T("scores", (CHANNELS, 1, 1, CHANNELS), "float32"),
        ],
        [convolution("maps", "image", "weights", "bias"), O("MUL", ["maps", "weights"], ["scores"])],
    )


def bands_classifier():
    """It is right on the images of `bands`: the class is that of three bands of rows which is the brightest."""
    rows = np.repeat(np.eye(3) - 0.5, SIZE // 3, axis=1).astype(np.float32)
    kernel = np.zeros((1, 3, 3, 1), np.float32)
    kernel[0, 1, 1] = 1
    return network(
        [
            T("image", (1, SIZE, SIZE, 1), "float32"),
            T("kernel", data=kernel),
            T("no bias", data=np.zeros(1, np.float32)),
            T("copy", (1, SIZE, SIZE, 1), "float32"),
            T("shape", data=np.array([1, SIZE * SIZE], np.int32)),
            T("pixels", (1, SIZE * SIZE), "float32"),
            T("matrix", data=np.repeat(rows, SIZE, axis=1)),
            T("biases", data=np.zeros(3, np.float32)),
            T("scores", (1, 3), "float32"),
        ],
        [
            convolution("copy", "image", "kernel", "no bias"),
            O("RESHAPE", ["copy", "shape"], ["pixels"]),
            O("FULLY_CONNECTED", ["pixels", "matrix", "biases"], ["scores"]),
        ],
    )


SHARED = (
    two_convolutions_with_one_bias,
    two_convolutions_with_one_buffer,
    two_dense_layers_with_one_bias,
    a_bias_that_is_added_too,
    weights_that_are_multiplied_too,
)


def reduced(op, axes, shape):
    """One reduction over the axes of the input."""
    return network(
        [
            T("image", MAPS, "float32"),
            T("axes", data=np.array(axes, np.int32)),
            T("reduced", shape, "float32"),
        ],
        [O(op, ["image", "axes"], ["reduced"])],
    )


def inputs_of(model):
    """Random values from 0 to 1 for the one input of `model`."""
    graph = read_graph(model)
    (tensor,) = graph.of(graph.inputs)
    return Samples((np.random.default_rng(0).random((8, *tensor.shape[1:]), np.float32),))


def one_convolution(kernel=1.0, bias=1.0):
    """A convolution whose weights and biases are multiplied by these, number by number where they are arrays."""
    return network(
        [
            T("image", (1, SIZE, SIZE, 1), "float32"),
            T("kernel", data=(weights(CHANNELS, 3, 3, 1) * kernel).astype(np.float32)),
            T("bias", data=(weights(CHANNELS) * bias).astype(np.float32)),
            T("scores", MAPS, "float32"),
        ],
        [convolution("scores", "image", "kernel", "bias")],
    )


def vanishing_in_the_middle():
    """Two convolutions; the first gives next to nothing, so the second's bias rounds most of its weights to 0."""
    return network(
        [
            T("image", (1, SIZE, SIZE, 1), "float32"),
            T("first/weights", data=weights(CHANNELS, 3, 3, 1) * np.float32(1e-9)),
            T("first/bias", data=np.zeros(CHANNELS, np.float32)),
            T("second/weights", data=weights(CHANNELS, 3, 3, CHANNELS) * np.float32([[[[0.3]]], *[[[[1]]]] * 3])),
            T("second/bias", data=np.float32([0, 60, 60, 60])),
            T("first", MAPS, "float32"),
            T("scores", MAPS, "float32"),
        ],
        [
            convolution("first", "image", "first/weights", "first/bias"),
            convolution("scores", "first", "second/weights", "second/bias"),
        ],
    )


def clipped(*others, bound=0.5):
    """A convolution, its values up to `bound`, and what `others` read of it as well: a sum of the two."""
    ends = ["cut", *others]
    return tflite(
        tensors=[
            T("image", (1, SIZE, SIZE, 1), "float32"),
            T("kernel", data=weights(CHANNELS, 3, 3, 1, scale=4)),
            T("bias", data=weights(CHANNELS)),
            T("bound", data=np.array(bound, np.float32)),
            *(T(name, MAPS, "float32") for name in ("maps", *ends)),
        ],
        ops=[
            convolution("maps", "image", "kernel", "bias"),
            O("MINIMUM", ["maps", "bound"], ["cut"]),
            *(O("ADD", ["maps", "cut"], [name]) for name in others),
        ],
        inputs=["image"],
        outputs=[ends[-1]],
    )


def clipped_from_both_sides():
    """A convolution, its values up to 0.5 and its values from 0 on: no range of one result is that of both."""
    return tflite(
        tensors=[
            T("image", (1, SIZE, SIZE, 1), "float32"),
            T("kernel", data=weights(CHANNELS, 3, 3, 1, scale=4)),
            T("bias", data=weights(CHANNELS)),
            T("bound", data=np.array(0.5, np.float32)),
            T("zero", data=np.array(0, np.float32)),
            *(T(name, MAPS, "float32") for name in ("maps", "low", "high", "scores")),
        ],
        ops=[
            convolution("maps", "image", "kernel", "bias"),
            O("MINIMUM", ["maps", "bound"], ["low"]),
            O("MAXIMUM", ["maps", "zero"], ["high"]),
            O("ADD", ["low", "high"], ["scores"]),
        ],
        inputs=["image"],
        outputs=["scores"],
    )


def padded(value, activation=LINEAR, width=1, window_padding=VALID, outputs=("scores",), pools=1):
    """A convolution, a border of `value`, and the largest value of each window: PyTorch's MaxPool2d(padding=1).

    With `pools` 2 another border and pool follow.
    """
    window = {"strideW": 2, "strideH": 2, "filterWidth": 3, "filterHeight": 3, "padding": window_padding}
    wide = SIZE + 2 * width
    pooled = (wide - 1) // 2 if window_padding == VALID else wide // 2
    again: tuple[list, list] = [], []
    if pools == 2:
        wider, last = pooled + 2 * width, (pooled + 2 * width - 1) // 2
        again[0].append(T("padded_again", (1, wider, wider, CHANNELS), "float32"))
        again[0].append(T("scores", (1, last, last, CHANNELS), "float32"))
        again[1].append(O("PADV2", ["pooled", "border", "value"], ["padded_again"]))
        again[1].append(O("MAX_POOL_2D", ["padded_again"], ["scores"], options=window))
    return tflite(
        tensors=[
            T("image", (1, SIZE, SIZE, 1), "float32"),
            T("kernel", data=weights(CHANNELS, 3, 3, 1)),
            T("bias", data=weights(CHANNELS)),
            T("border", data=np.array([[0, 0], [width, width], [width, width], [0, 0]], np.int32)),
            T("value", data=np.array(value, np.float32)),
            T("maps", MAPS, "float32"),
            T("padded", (1, wide, wide, CHANNELS), "float32"),
            T("pooled" if pools == 2 else "scores", (1, pooled, pooled, CHANNELS), "float32"),
            *again[0],
        ],
        ops=[
            O(
                "CONV_2D",
                ["image", "kernel", "bias"],
                ["maps"],
                options={**UNIT_STRIDE, "fusedActivationFunction": activation},
            ),
            O("PADV2", ["maps", "border", "value"], ["padded"]),
            O("MAX_POOL_2D", ["padded"], ["pooled" if pools == 2 else "scores"], options=window),
            *again[1],
        ],
        inputs=["image"],
        outputs=[*outputs],
    )


def pieces(op, axis, *, read, sizes=(), shape=MAPS, axis_known=True, sizes_known=True):
    """`op` cuts the input along `axis`; the pieces with the numbers `read` are the outputs, in this order.

    `sizes` are those of SPLIT_V; SPLIT cuts in twos, UNPACK in ones.
    """
    length = shape[axis]
    sizes = {"SPLIT": [2] * (length // 2), "SPLIT_V": sizes, "UNPACK": [1] * length}[op]
    cut = [
        shape[:axis] + shape[axis:][1:] if op == "UNPACK" else (*shape[:axis], size, *shape[axis:][1:])
        for size in sizes
    ]
    names = [f"piece {number}" for number in range(len(sizes))]
    arguments = {
        "axis": np.array(axis, np.int32) if axis_known else None,
        "sizes": np.array(sizes, np.int32) if sizes_known else None,
    }
    operands = {"SPLIT": ["axis", "image"], "SPLIT_V": ["image", "sizes", "axis"], "UNPACK": ["image"]}[op]
    inputs = ["image", *(name for name in operands if name in arguments and arguments[name] is None)]
    shapes = {"axis": (), "sizes": (len(sizes),)}
    return tflite(
        tensors=[
            T("image", shape, "float32"),
            *(
                T(name, shapes[name], "int32") if arguments[name] is None else T(name, data=arguments[name])
                for name in operands
                if name in arguments
            ),
            *(T(name, size, "float32") for name, size in zip(names, cut, strict=True)),
        ],
        ops=[
            O(
                op,
                operands,
                names,
                options={"num": length, "axis": axis} if op == "UNPACK" else {"numSplits": len(sizes)},
            )
        ],
        inputs=inputs,
        outputs=[names[number] for number in read],
    )
