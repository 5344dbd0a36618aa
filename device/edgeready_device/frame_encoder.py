"""From a frame to a model's input tensor: colour order, normalization, quantization, layout and batch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ImageError, ModelFileError
from edgeready_device.images.frames import as_frame
from edgeready_device.model_file.contract import Contract
from edgeready_device.model_file.pixels import input_range
from edgeready_device.quantization import quantize

_PIXELS = np.dtype(np.uint8)
_ARRAY, _NEW_AXIS = np.ndarray, np.newaxis  # a look-up in numpy less for each frame
# A float frame holds normalized values. Chosen: those that leave the input's range by more than half its width are
# none: pixels of 0 to 255 leave every usual range but their own by far more.
_MOST_OUTSIDE = 0.5
_LEAST_SPAN = 100.0  # of an input for pixels as they are: a frame of 0 to 1 would be black there


class FrameEncoder:
    """Turns frames into the input tensor of one model.

    A frame is (height, width, channels), RGB; grey ones may leave out the last axis. uint8 frames hold pixels, float
    frames values that are normalized already. Whatever else can only mean one thing is read as that.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._spec = contract.frame
        self._batch = contract.batch
        self._row_shape = contract.input.shape[1:]
        self._flips = self._spec.color == "bgr" and self._spec.channels == 3
        self._channels_first = self._spec.layout == "nchw"
        plain = not (self._flips or self._channels_first or contract.input_refusal)
        table = contract.table
        self._passes = plain and self._batch == 1 and table is not None and table.identity

    def encode(self, frame: Any) -> NDArray[Any]:
        """Returns the input tensor of one frame; a model that takes several at once gets it as often.

        Raises ImageError for what is no frame of this model.
        """
        if self._passes and type(frame) is _ARRAY and frame.dtype is _PIXELS and frame.shape == self._row_shape:
            return frame[_NEW_AXIS]
        row = self.encode_row(frame)[np.newaxis]
        return row if self._batch == 1 else np.repeat(row, self._batch, axis=0)

    def encode_batch(self, frames: list[Any]) -> NDArray[Any]:
        """Returns the input tensor of at most as many frames as the model takes; the last one fills it up."""
        rows = [self.encode_row(frame) for frame in frames]
        return np.stack([*rows, *rows[-1:] * (self._batch - len(rows))])

    def encode_row(self, frame: Any) -> NDArray[Any]:
        """Returns what one frame is in the input tensor, without the axis of the batch."""
        pixels = as_frame(frame, self._spec)
        if self._flips:
            pixels = pixels[..., ::-1]
        values = self._quantize_pixels(pixels) if pixels.dtype == _PIXELS else self._quantize_values(pixels)
        if self._channels_first:
            values = np.ascontiguousarray(np.moveaxis(values, 2, 0))
        return values.reshape(self._row_shape)

    def _quantize_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        if self._contract.input_refusal:
            raise ModelFileError(self._contract.input_refusal)
        table = self._contract.table
        return self._spec.normalization.apply(pixels) if table is None else table(pixels)

    def _quantize_values(self, values: NDArray[Any]) -> NDArray[Any]:
        quant, dtype = self._contract.input.quant, self._contract.input.dtype
        if quant is None and self._contract.table is not None:
            raise ImageError(f"the frame is {values.dtype}, and the model takes pixels as {dtype}: give uint8 pixels")
        self._check_values(values)
        return values.astype(np.float32) if quant is None else quantize(values, quant, dtype)

    def _check_values(self, values: NDArray[Any]) -> None:
        """Raises ImageError for values that cannot be the normalized ones: pixels, or pixels divided by 255."""
        least, greatest = float(values.min()), float(values.max())
        if not (math.isfinite(least) and math.isfinite(greatest)):
            raise ImageError("the frame holds NaN or infinity: fix what computes it")
        if self._contract.input.quant is not None:
            low, high = input_range(self._contract.input)
        elif self._contract.normalization_stated:
            ranges = self._spec.normalization.ranges
            low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
        else:  # nobody knows
            return
        outside = max(low - least, greatest - high)
        if outside > _MOST_OUTSIDE * (high - low):
            problem = f"holds {least:.4g} to {greatest:.4g}, and normalized values are {low:.4g} to {high:.4g} here"
        elif high - low >= _LEAST_SPAN and least >= -1 and greatest <= 1 and (values != np.rint(values)).any():
            problem = f"holds {least:.4g} to {greatest:.4g}, and the model takes {low:.4g} to {high:.4g}"
        else:
            return
        raise ImageError(
            f"the {values.dtype} frame {problem}: give pixels as uint8, which the model normalizes itself"
        )
