"""Attacks on single kernels: an op whose inputs, options and shapes do not belong together."""

from __future__ import annotations

from typing import Any

import numpy as np
from crafting import ATTACKS, Attack, attack, conv_with, subgraph
from tflite_models import T, one_op

IMAGE = T("x", (1, 8, 8, 3), "int8", 0.1)
ROW = T("x", (1, 4), "int8", 0.1)


def made(*shape: int, dtype: str = "int8") -> T:
    return T("y", shape, dtype, 0.1)


def numbers(name: str, *values: Any) -> T:
    return T(name, data=np.array(values, np.int32))


def weights(*shape: int, dtype: str = "int8") -> T:
    return T("w", data=np.ones(shape, dtype), scale=0.01)


BIAS = T("b", data=np.zeros(4, np.int32), scale=0.001)
SIDE = T("s", data=np.zeros(3, np.int32), scale=0.001)
STRIDE = {"strideW": 1, "strideH": 1}
POOL = {**STRIDE, "filterWidth": 2, "filterHeight": 2}


def _against(name: str, inputs: list, outputs: list, tries: str, refusal: str, **options: Any) -> None:
    attack_name = f"{name} {len(ATTACKS)}"
    ATTACKS[attack_name] = Attack(tries, lambda: one_op(name, inputs, outputs, options=options), refusal)


CONV = [IMAGE, weights(4, 3, 3, 3), BIAS]
_against("CONV_2D", CONV, [made(1, 8, 8, 4)], "to divide by zero", "has the stride 0", strideH=1)
_against("CONV_2D", CONV, [made(1, 8, 8, 4)], "to divide by zero", "has the stride of rows -1", strideW=1, strideH=-1)
_against("CONV_2D", CONV, [made(1, 8, 8, 4)], "to skip all", "has the dilation 0", **STRIDE, dilationWFactor=0)
_against("CONV_2D", CONV, [made(1, 8, 8, 4)], "to take no padding", "has the padding 7", **STRIDE, padding=7)
_against("CONV_2D", CONV, [made(1, 9, 9, 4)], "to write behind", r"makes \[1, 8, 8, 4\], and its output", **STRIDE)
_against("CONV_2D", [IMAGE, weights(4, 3, 3, 2), BIAS], [made(1, 8, 8, 4)], "to read behind the image", "for 3 channels", **STRIDE)  # fmt: skip  # noqa: E501
_against("CONV_2D", [*CONV[:2], SIDE], [made(1, 8, 8, 4)], "to read behind the bias", "a bias of 3 for 4", **STRIDE)
_against("CONV_2D", [IMAGE, weights(4, 9, 9, 3), BIAS], [made(1, 1, 1, 4)], "to make less than nothing", "leaves nothing", **STRIDE, padding=1)  # fmt: skip  # noqa: E501
_against("CONV_2D", [IMAGE, weights(4, 27), BIAS], [made(1, 8, 8, 4)], "to read a shape behind its end", "takes 4 dimensions", **STRIDE)  # fmt: skip  # noqa: E501
_against("CONV_2D", [IMAGE, weights(4, 3, 3, 3, dtype="float32"), BIAS], [made(1, 8, 8, 4)], "to read bytes as floats", "has float32 weights for int8 data", **STRIDE)  # fmt: skip  # noqa: E501
_against("CONV_2D", CONV[:1], [made(1, 8, 8, 4)], "to have a null pointer followed", "has the inputs", **STRIDE)
_against("CONV_2D", CONV, [made(1, 8, 8, 4)], "to run an activation that is none", "has the activation 99", **STRIDE, fusedActivationFunction=99)  # fmt: skip  # noqa: E501
_against("DEPTHWISE_CONV_2D", [IMAGE, weights(1, 3, 3, 4), BIAS], [made(1, 8, 8, 4)], "to read behind the image", "the multiplier 1 for 3 channels", **STRIDE, depthMultiplier=1)  # fmt: skip  # noqa: E501
_against("MAX_POOL_2D", [IMAGE], [made(1, 8, 8, 3)], "to divide by zero", "has the window 0", **STRIDE)
_against("AVERAGE_POOL_2D", [IMAGE], [made(1, 8, 8, 3)], "to divide by zero", "has the stride 0", filterWidth=1, filterHeight=1)  # fmt: skip  # noqa: E501
_against("TRANSPOSE_CONV", [numbers("n", 1, 99, 99, 4), weights(4, 2, 2, 3), IMAGE], [made(1, 99, 99, 4)], "to write behind", "which its stride and window do not", **STRIDE)  # fmt: skip  # noqa: E501
_against("FULLY_CONNECTED", [ROW, weights(3, 5)], [made(1, 3)], "to read behind the row", r"has weights of \[3, 5\] for \[1, 4\]")  # fmt: skip  # noqa: E501
_against("FULLY_CONNECTED", [ROW, weights(3, 4), BIAS], [made(1, 3)], "to read behind", "has a bias of 4 for 3")
_against("FULLY_CONNECTED", [ROW, weights(3, 4)], [made(1, 9)], "to write behind", "makes 1 x 3, and its output is")
_against("RESHAPE", [ROW, numbers("n", 1, 5)], [made(1, 5)], "to read behind", "another number of values")
_against("CONCATENATION", [ROW, T("z", (2, 9), "int8", 0.1)], [made(1, 13)], "to read behind", "joins", axis=1)
_against("CONCATENATION", [ROW], [made(1, 4)], "to write before the output", "has the axis 5", axis=5)
_against("SPLIT", [numbers("n", 1), ROW], [made(1, 1)], "to divide by zero", "says 0 parts")
_against("PACK", [ROW], [made(2, 1, 4)], "to read an input that is none", "says 2 inputs, and has 1", valuesCount=2)
_against("GATHER", [ROW, numbers("n", 0, 4)], [made(1, 2)], "to read behind", "gathers 0 to 4 of 4", axis=1)
_against("GATHER", [ROW, numbers("n", -1)], [made(1, 1)], "to read before", "gathers -1 to -1 of 4", axis=1)
_against("PAD", [ROW, numbers("n", [0, 0], [-9, 9])], [made(1, 4)], "to write before", r"pads \[1, 4\] with")
_against("PAD", [ROW, numbers("n", [0, 0])], [made(1, 4)], "to read behind the pads", r"pads \[1, 4\] with")
_against("MIRROR_PAD", [ROW, numbers("n", [0, 0], [9, 0])], [made(1, 13)], "to mirror what is not there", "mirrors")
_against("SLICE", [ROW, numbers("n", 0, 3), numbers("m", 1, 9)], [made(1, 9)], "to read behind", "cuts")
_against("STRIDED_SLICE", [ROW, numbers("n", 0, 0), numbers("m", 1, 4), numbers("k", 1, 0)], [made(1, 4)], "to go on for ever", "has the strides")  # fmt: skip  # noqa: E501
_against("TRANSPOSE", [ROW, numbers("n", 0, 7)], [made(1, 4)], "to read a shape behind its end", "has the order")
_against("TILE", [ROW, numbers("n", 1, -1)], [made(1, 4)], "to write less than nothing", "repeats")
_against("BROADCAST_TO", [ROW, numbers("n", 1, 9)], [made(1, 9)], "to read behind", "stretches")
_against("SPACE_TO_DEPTH", [IMAGE], [made(1, 8, 8, 3)], "to divide by zero", "has blocks of 0 for")
_against("DEPTH_TO_SPACE", [IMAGE], [made(1, 16, 16, 1)], "to read behind", "has blocks of 2 for", blockSize=2)
_against("RESIZE_BILINEAR", [IMAGE, numbers("n", 0, 4)], [made(1, 0, 4, 3)], "to divide by zero", "makes images of")
_against("MEAN", [IMAGE, numbers("n", 9)], [made(1, 8, 8)], "to read a shape behind its end", "has the axis 9")
_against("MEAN", [IMAGE, numbers("n", 4)], [made(1, 8, 8)], "to read a shape just behind its end", "has the axis 4")
_against("MEAN", [IMAGE, numbers("n", -5)], [made(1, 8, 8)], "to read a shape just before it", "has the axis -5")
_against("ARG_MAX", [ROW, numbers("n", 9)], [made(1, dtype="int64")], "to read behind", "has the axis 9")
_against("ARG_MAX", [ROW, numbers("n", 0, 1)], [made(1, dtype="int64")], "to read two axes as one", r"has the axes \[0, 1\], and takes one")  # fmt: skip  # noqa: E501
_against("ADD", [ROW, T("z", (1, 3), "int8", 0.1)], [made(1, 4)], "to read behind", r"joins \[1, 4\] and \[1, 3\]")
_against("ADD", [ROW, T("z", (1, 4), "float32")], [made(1, 4)], "to read bytes as floats", "mixes float32 and int8")
_against("RELU", [ROW], [made(1, 5)], "to write behind", r"makes \[1, 4\], and its output is \[1, 5\]")
_against("SOFTMAX", [ROW], [made(1, 4)], "to divide by zero", "has the beta 0")
_against("SPLIT", [numbers("n", 1), ROW], [made(1, 2), T("z", (1, 3), "int8", 0.1)], "to write behind the second part", r"makes \[1, 2\], and its output is \[1, 3\]", numSplits=2)  # fmt: skip  # noqa: E501
_against("UNPACK", [ROW], [made(1)], "to write to an output that is none", "has 1 outputs, says 4", axis=1, num=4)
_against("CUSTOM", [ROW], [made(1, 4)], "to have a null pointer compared", "has no name of its own")


@attack("has options of kind 22, and its own are kind 1")
def another_ops_options() -> bytes:
    """To have padding's options, which are none, read as a convolution's."""
    return conv_with(lambda data: subgraph(data).tables(3)[1].field(3), "B", 22)


@attack("has options of kind 0, and its own are kind 1")
def no_options() -> bytes:
    """To divide by a stride that is 0 because it is not there."""
    return conv_with(lambda data: subgraph(data).tables(3)[1].field(3), "B", 0)
