"""The exact rewrites by name, with the sentence about each for the user and the manual; edgeready.tf applies them."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "nearest_upsampling": ("Upsampling by repetition is written as RESIZE_NEAREST_NEIGHBOR, in steps of 2 and 3."),
    "grouped_convolution": (
        "A convolution in groups is written as one convolution per group, or per channel as a depthwise one."
    ),
    "dense_on_images": "A dense layer on an image is written as a convolution of one pixel.",
    "mean_in_parts": "The mean of a large image is written as the mean of the means of its parts.",
    "leaky_relu": "LeakyReLU is written as PReLU with the same slope for every channel.",
    "activation": "An activation that the Edge TPU lacks is written with ADD, MUL, ReLU6 and PReLU.",
    "activated_layer": (
        "The activation inside a layer, which the Edge TPU lacks, is written with ADD, MUL, ReLU6 and PReLU."
    ),
}
"""The sentence of each rewrite, in the order in which they are tried: a layer gets the first that applies."""
