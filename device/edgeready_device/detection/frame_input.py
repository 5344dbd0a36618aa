"""The input of a detector: the frame that it takes, and how a frame's pixels become its tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.contract import Description
from edgeready_device.model_file.input_size import check_sizes
from edgeready_device.model_file.pixels import pixel_rule
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.model_file.tensor_spec import TensorSpec
from edgeready_device.normalization import Normalization
from edgeready_device.preprocess import FrameTable

_TYPES = ("uint8", "int8", "int16", "float32")


@dataclass(frozen=True)
class FrameInput:
    """A frame of uint8 pixels (height, width, channels), and what becomes of them.

    `table` is None for a float input; `channels_first` says that the tensor is [1, channels, height, width], and
    `blue_first` that its channels are B, G, R.
    """

    height: int
    width: int
    channels: int
    channels_first: bool
    dtype: str
    normalization: Normalization | None
    table: FrameTable | None
    blue_first: bool = False

    def to_tensor(self, frame: NDArray[np.uint8]) -> NDArray[Any]:
        """Returns the input tensor, batch 1, of a frame."""
        if self.blue_first:
            frame = frame[..., ::-1]
        if self.table is not None:
            values: NDArray[Any] = self.table(frame)
        else:
            assert self.normalization is not None
            values = self.normalization.apply(frame)
        if self.channels_first:
            values = np.ascontiguousarray(values.transpose(2, 0, 1))
        return values[np.newaxis]


def read_frame_input(file: TfliteModel, description: Description) -> FrameInput:
    """Returns the FrameInput of the detector in `file`; raises ModelFileError where it has none that can be fed."""
    graph = file.graph
    if len(graph.inputs) != 1:
        raise ModelFileError(f"{len(graph.inputs)} inputs: a detector has one, a picture")
    check_sizes(file)
    spec = TensorSpec.of(graph.tensors[graph.inputs[0]])
    shape = spec.shape
    first = len(shape) == 4 and shape[1] in (1, 3) and shape[3] not in (1, 3)
    height, width, channels = (
        (shape[2], shape[3], shape[1]) if first else (shape[1:] if len(shape) == 4 else (0, 0, 0))
    )
    if shape[:1] != (1,) or channels not in (1, 3) or min(height, width) < 1 or spec.dtype not in _TYPES:
        raise ModelFileError(
            f"the input {spec.name!r} is {spec.dtype} {list(shape)}: a detector takes [1, height, width, 1 or 3] or "
            "[1, 1 or 3, height, width]"
        )
    convention = description.convention
    rule = pixel_rule(
        spec,
        described=description.normalization or (convention.normalization if convention else None),
        manifest=file.manifest.input.normalization if file.manifest else None,
        metadata=file.metadata.normalization,
    )
    if rule.refusal:
        raise ModelFileError(rule.refusal)
    color = description.color or (convention.color if convention else None)
    return FrameInput(
        height=height,
        width=width,
        channels=channels,
        channels_first=first,
        dtype=spec.dtype,
        normalization=rule.normalization,
        table=rule.table,
        blue_first=color == "bgr" and channels == 3,
    )
