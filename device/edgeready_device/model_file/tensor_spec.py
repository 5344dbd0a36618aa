"""An input or output of a model, as callers see it."""

from __future__ import annotations

from dataclasses import dataclass

from edgeready_device.quantization import QuantParams
from edgeready_device.tflite.graph import Tensor

FLOAT_TYPES = ("float16", "float32", "float64")
INTEGER_TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")


@dataclass(frozen=True)
class TensorSpec:
    """An input or output: name, shape, dtype, and its quantization.

    `quant` is None for a float tensor, and for an integer one that has no scale, or more than one.
    """

    name: str
    index: int
    shape: tuple[int, ...]
    dtype: str
    quant: QuantParams | None

    @classmethod
    def of(cls, tensor: Tensor) -> TensorSpec:
        """Describes `tensor`."""
        quantized = tensor.dtype not in FLOAT_TYPES and len(tensor.scales) == 1
        quant = QuantParams(tensor.scales[0], tensor.zero_points[0]) if quantized else None
        return cls(tensor.name, tensor.index, tensor.shape, tensor.dtype, quant=quant)
