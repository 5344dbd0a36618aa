"""Attacks with numbers that are inside the file and still wrong: sizes, scales, and the order of ops."""

from __future__ import annotations

import numpy as np
from crafting import attack, conv_with, plain_tensors, subgraph, wired
from tflite_models import O, T


def _relu(shape: tuple[int, ...], scale: float | list[float] = 0.1, axis: int = 0, given: float = 0.1) -> bytes:
    made = T("y", shape, "int8", given)
    return wired([T("x", shape, "int8", scale, axis=axis), made], [O("RELU", ["x"], ["y"])])


@attack("holds 36 bytes for int8")
def weights_larger_than_their_buffer() -> bytes:
    """To read behind the weights."""
    return conv_with(lambda data: subgraph(data).tables(0)[2].span(0)[0], "i", 400)


@attack("takes 18446744073709551616 bytes")
def a_shape_that_overflows() -> bytes:
    """To make 2^64 bytes look like none."""
    return _relu((65536, 65536, 65536, 65536))


@attack("takes 2147483648 bytes, more than")
def a_tensor_of_two_gigabytes() -> bytes:
    """To take all memory."""
    return _relu((1 << 11, 1 << 20))


@attack("its tensors take 1610612736 bytes at once")
def tensors_of_more_than_a_gigabyte_together() -> bytes:
    """To take all memory."""
    return _relu((3, 1 << 28))


@attack("has 9 dimensions, and runtimes know 8")
def nine_dimensions() -> bytes:
    """To write behind a kernel's shape."""
    return _relu((1,) * 9)


@attack("has the shape .* and the signature")
def a_signature_of_another_rank() -> bytes:
    """To read behind a shape."""
    made = T("y", (1, 4), "int8", 0.1)
    return wired([T("x", (1, 4), "int8", 0.1, signature=(1,)), made], [O("RELU", ["x"], ["y"])])


@attack("has the scale nan")
def a_scale_that_is_no_number() -> bytes:
    """To make a kernel's own check give up."""
    return _relu((1, 4), float("nan"))


@attack("has the scale inf")
def a_scale_without_end() -> bytes:
    """To make a kernel's own check give up."""
    return _relu((1, 4), float("inf"))


@attack("has the scale -1")
def a_negative_scale() -> bytes:
    """To make a kernel's own check give up."""
    return _relu((1, 4), -1.0)


@attack("has the scale 0 for 'y', which no kernel can hold")
def a_scale_of_zero() -> bytes:
    """To divide by zero."""
    return _relu((1, 4), given=0.0)


@attack("has the scale 1.00053e-42 for 'y', which no kernel can hold")
def a_scale_below_the_normal_numbers() -> bytes:
    """To have LiteRT read outside of its memory, which it does."""
    return _relu((1, 4), given=1e-42)


@attack("has the scale 0.1 for what it takes and 2e-38 for what it makes")
def scales_that_are_far_apart() -> bytes:
    """To make a kernel's multiplier overflow."""
    return _relu((1, 4), given=2e-38)


@attack("has the scale 0 for 'x', which no kernel can hold")
def a_sum_of_nothing() -> bytes:
    """To make a kernel's own check give up, which it does on both runtimes."""
    return wired([T("x", (1, 4), "int8", 0.0), T("y", (1, 4), "int8", 0.1)], [O("ADD", ["x", "x"], ["y"])])


@attack("has the scale 9e.06 for what it takes and 0.1 for what it makes")
def a_sum_of_scales_that_are_far_apart() -> bytes:
    """To make a kernel's own check give up: a sum's multiplier is below 1."""
    tensors = [T("x", (1, 4), "int8", 9e6), T("y", (1, 4), "int8", 0.1)]
    return wired(tensors, [O("ADD", ["x", "x"], ["y"])])


@attack("has 3 scales along dimension 1")
def another_number_of_scales_than_channels() -> bytes:
    """To read behind the scales."""
    return _relu((1, 4), [0.1, 0.2, 0.3], axis=1)


@attack("has the zero point 4000, outside of int8")
def a_zero_point_that_is_none() -> bytes:
    """To compute outside of the type."""
    tensors = [T("x", (1, 4), "int8", 0.1, 4000), T("y", (1, 4), "int8", 0.1)]
    return wired(tensors, [O("RELU", ["x"], ["y"])])


@attack("is of type_77, which no runtime knows")
def an_unknown_type() -> bytes:
    """To have a size taken from nowhere."""
    return conv_with(lambda data: subgraph(data).tables(0)[0].field(1), "b", 77)


@attack(r"op 0 ADD reads tensor 2 \(b\) before it is made")
def a_circle_of_ops() -> bytes:
    """To read memory that was never written."""
    ops = [O("ADD", ["x", "b"], ["a"]), O("ADD", ["a", "a"], ["b"]), O("ADD", ["a", "b"], ["y"])]
    return wired(plain_tensors("x", "a", "b", "y"), ops)


@attack(r"op 0 RELU writes tensor 2 \(w\), which is there already")
def an_op_that_writes_to_the_weights() -> bytes:
    """To change the model in memory."""
    constant = T("w", data=np.zeros((1, 4), np.int8), scale=0.1)
    return wired([*plain_tensors("x", "y"), constant], [O("RELU", ["x"], ["w"]), O("RELU", ["w"], ["y"])])


@attack("is an input and a constant at once")
def an_input_that_is_a_constant() -> bytes:
    """To have a frame written over the file's bytes."""
    constant = T("w", data=np.zeros((1, 4), np.int8), scale=0.1)
    return wired([constant, *plain_tensors("y")], [O("RELU", ["w"], ["y"])], start="w")


@attack(r"the output tensor 1 \(y\) is made by no op")
def an_output_that_nobody_makes() -> bytes:
    """To hand out memory as it lies."""
    return wired(plain_tensors("x", "y", "z"), [O("RELU", ["x"], ["z"])])


@attack("its subgraphs call each other in a circle")
def a_subgraph_that_calls_itself() -> bytes:
    """To use up the stack."""
    ops = [O("WHILE", ["x"], ["y"], 1, {"condSubgraphIndex": 1, "bodySubgraphIndex": 1})]
    return wired(plain_tensors("x", "y"), ops, subgraphs=2)


@attack("an op calls subgraph 7 of 1")
def a_subgraph_that_is_none() -> bytes:
    """To run what is not there."""
    ops = [O("WHILE", ["x"], ["y"], 1, {"condSubgraphIndex": 7, "bodySubgraphIndex": 7})]
    return wired(plain_tensors("x", "y"), ops)


@attack(r"tensor 0 \(x \[2Jy +z\) has the scale -1")
def a_name_that_steers_the_terminal() -> bytes:
    """To clear the screen and write a line of its own by way of the error message."""
    tensors = [T("x\x1b[2Jy\n\u202ez", (1, 4), "int8", -1.0), T("y", (1, 4), "int8", 0.1)]
    return wired(tensors, [O("RELU", [tensors[0].name], ["y"])], start=tensors[0].name)
