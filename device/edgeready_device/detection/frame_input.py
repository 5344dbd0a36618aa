"""The input of a detector: the frame that it takes, and how a frame's pixels become its tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError, UsageError
from edgeready_device.model_file.contract import Description
from edgeready_device.model_file.ends import input_end, read_picture_shape
from edgeready_device.model_file.input_size import check_sizes
from edgeready_device.model_file.pixels import PixelRule, pixel_rule
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.normalization import UNIT

_KIND = "a detector"
# What Description says of classifiers alone, by its fields and what they are called.
_OF_CLASSIFIERS = (("crop", "--crop"), ("output", "--output"), ("scores", "--scores"))


@dataclass(frozen=True)
class FrameInput:
    """A frame of uint8 pixels (height, width, channels), RGB, and what becomes of them.

    `color` is the order in which the model takes three channels, `layout` "nhwc" or "nchw", and `shape` that of the
    tensor.
    """

    height: int
    width: int
    channels: int
    color: str
    layout: str
    shape: tuple[int, ...]
    pixels: PixelRule

    def to_tensor(self, frame: NDArray[np.uint8]) -> NDArray[Any]:
        """Returns the input tensor of a frame."""
        if self.color == "bgr" and self.channels == 3:
            frame = np.ascontiguousarray(frame[..., ::-1])
        table, normalization = self.pixels.table, self.pixels.normalization
        if table is not None:
            values: NDArray[Any] = table(frame)
        elif normalization is not None:
            values = normalization.apply(frame)
        else:
            raise ModelFileError(self.pixels.refusal)
        if self.layout == "nchw":
            values = np.ascontiguousarray(values.transpose(2, 0, 1))
        return values.reshape(self.shape)


def read_frame_input(file: TfliteModel, description: Description) -> FrameInput:
    """Returns the FrameInput of the detector in `file`, `description` going before it.

    Its `pixels` say why none can go in, where that is not known. Raises ModelFileError where the detector has no
    input that takes one picture.
    """
    for name, option in _OF_CLASSIFIERS:
        if getattr(description, name) is not None:
            raise UsageError(f"{option} (Description({name}=...)) is for classifiers: leave it out for a detector")
    check_sizes(file)
    spec, in_file, description = input_end(file.graph, _KIND), file.manifest, description.with_preset()
    height, width, channels, layout = read_picture_shape(spec, description.layout, _KIND)
    if min(height, width) < 1:
        raise ModelFileError(f"the input {spec.name!r} is {spec.dtype} {list(spec.shape)}, which holds no pixels")
    if spec.shape[0] != 1:
        raise ModelFileError(f"its input takes {spec.shape[0]} pictures at once: convert the model for a batch of 1")
    pixels = pixel_rule(
        spec,
        described=description.normalization,
        manifest=in_file.input.normalization if in_file else None,
        metadata=file.metadata.normalization or (None if file.notes is None else UNIT),
    )
    return FrameInput(
        height=height,
        width=width,
        channels=channels,
        color=description.color or "rgb",
        layout=layout,
        shape=spec.shape,
        pixels=pixels,
    )
