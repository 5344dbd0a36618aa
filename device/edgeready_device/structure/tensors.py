"""Rules of one tensor: its size, its constant's bytes, its quantization."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgeready_device.reading.graph import Tensor
from edgeready_device.structure.node import QUANTIZED

MOST_DIMENSIONS = 8
MOST_BYTES = 1 << 30
_BITS = {"int4": 4, "uint4": 4, "int2": 2, "bfloat16": 16, "complex64": 64, "complex128": 128, "bool": 8}
_BITS |= {"float8_e4m3fn": 8, "float8_e5m2": 8}
_WITHOUT_SIZE = ("string", "resource", "variant")


def bits_of(dtype: str) -> int | None:
    """Bits of one element; None where an element has no fixed size."""
    if dtype in _WITHOUT_SIZE:
        return None
    return _BITS.get(dtype) or 8 * np.dtype(dtype).itemsize


def size_bytes(tensor: Tensor) -> int:
    """Bytes that the tensor takes; 0 where its elements have no fixed size."""
    return (tensor.elements * (bits_of(tensor.dtype) or 0) + 7) // 8


def tensor_problems(tensor: Tensor) -> Iterator[str]:
    """What is wrong with one tensor, a sentence each."""
    if tensor.dtype.startswith("type_"):
        yield f"is of {tensor.dtype}, which no runtime knows"
    elif len(tensor.shape) > MOST_DIMENSIONS:
        yield f"has {len(tensor.shape)} dimensions, and runtimes know {MOST_DIMENSIONS}"
    elif len(tensor.shape_signature) != len(tensor.shape) or min(tensor.shape_signature, default=0) < -1:
        yield f"has the shape {list(tensor.shape)} and the signature {list(tensor.shape_signature)}"
    else:
        yield from _size_problems(tensor)
        yield from _quantization_problems(tensor)


def _size_problems(tensor: Tensor) -> Iterator[str]:
    size = size_bytes(tensor)
    if size > MOST_BYTES:
        yield f"of {tensor.dtype} {list(tensor.shape)} takes {size} bytes, more than {MOST_BYTES}"
    sized = bits_of(tensor.dtype) is not None and not tensor.sparse
    if tensor.data is not None and sized and len(tensor.data) != size:
        yield f"holds {len(tensor.data)} bytes for {tensor.dtype} {list(tensor.shape)}"


def _quantization_problems(tensor: Tensor) -> Iterator[str]:
    count = len(tensor.scales)
    if count and len(tensor.zero_points) != count:
        yield f"has {count} scales and {len(tensor.zero_points)} zero points"
    if count > 1:
        axis = tensor.quantized_dimension
        if not 0 <= axis < len(tensor.shape) or tensor.shape[axis] != count:
            yield f"{list(tensor.shape)} has {count} scales along dimension {axis}"
    if not count or tensor.dtype not in (*QUANTIZED, "int32", "int64", "int4"):
        return
    scales = np.array(tensor.scales)
    if not np.isfinite(scales).all() or scales.min() < 0:
        bad = scales[~(np.isfinite(scales) & (scales >= 0))][0]
        yield f"has the scale {bad:g}, and a scale is a positive number"
    limits = np.iinfo("int8" if tensor.dtype == "int4" else tensor.dtype if tensor.dtype in QUANTIZED else "int32")
    low, high = min(tensor.zero_points), max(tensor.zero_points)
    if low < limits.min or high > limits.max:
        yield f"has the zero point {low if low < limits.min else high}, outside of {tensor.dtype}"
