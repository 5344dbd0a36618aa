"""Rules of tensors: size, bytes and quantization of each; who makes and reads it; whether all fit into memory."""

from __future__ import annotations

import math

import numpy as np

from edgeready_device.tflite.accelerators import ETHOS_U
from edgeready_device.tflite.graph import Graph, Tensor
from edgeready_device.tflite.structure.node import MOST_DIMENSIONS, NO_KERNEL, QUANTIZED, TOO_LARGE, Fault
from edgeready_device.tflite.structure.sparsity import check_sparsity

MOST_BYTES = 1 << 30  # chosen: as large as a file may be, and its offsets fit 32 bits with a sign
_BITS = {"int4": 4, "uint4": 4, "int2": 2, "bfloat16": 16, "float8_e4m3fn": 8, "float8_e5m2": 8}  # numpy has none
_WITHOUT_SIZE = ("string", "resource", "variant")
UNKNOWN_TYPE = "type_"  # how schema.tensor_type calls a number that it does not know


def bits_of(dtype: str) -> int | None:
    """Bits of one element; None where an element has no fixed size, or none that is known."""
    if dtype in _WITHOUT_SIZE or dtype.startswith(UNKNOWN_TYPE):
        return None
    return _BITS.get(dtype) or 8 * np.dtype(dtype).itemsize


def size_bytes(tensor: Tensor) -> int:
    """Bytes that the tensor takes; 0 where its elements have no fixed size."""
    return (tensor.elements * (bits_of(tensor.dtype) or 0) + 7) // 8


def check_tensors(graph: Graph) -> None:
    """Whether each tensor's type, shape, bytes and quantization go together, and are what a runtime can hold."""
    for tensor in graph.tensors:
        try:
            _check_tensor(tensor)
        except Fault as fault:
            raise fault.within(_title(tensor)) from fault


def _title(tensor: Tensor) -> str:
    return f"tensor {tensor.index} ({tensor.name:.60})"


def _check_tensor(tensor: Tensor) -> None:
    if tensor.dtype.startswith(UNKNOWN_TYPE):
        raise Fault(
            f"is of {tensor.dtype}, which no runtime knows", "it was made by a newer converter, or is damaged"
        )
    if len(tensor.shape) > MOST_DIMENSIONS:
        raise Fault(f"has {len(tensor.shape)} dimensions, and runtimes know {MOST_DIMENSIONS}", NO_KERNEL)
    if len(tensor.shape_signature) != len(tensor.shape) or min(tensor.shape_signature, default=0) < -1:
        raise Fault(f"has the shape {list(tensor.shape)} and the signature {list(tensor.shape_signature)}")
    size = size_bytes(tensor)
    if size > MOST_BYTES:
        raise Fault(f"of {tensor.dtype} {list(tensor.shape)} takes {size} bytes, more than {MOST_BYTES}", TOO_LARGE)
    sized = bits_of(tensor.dtype) is not None and not tensor.sparse
    if tensor.data is not None and sized and len(tensor.data) != size:
        raise Fault(f"holds {len(tensor.data)} bytes for {tensor.dtype} {list(tensor.shape)}")
    if tensor.sparsity is not None:
        check_sparsity(tensor, tensor.sparsity, bits_of(tensor.dtype) or 0)
    if tensor.dtype == "string" and tensor.data is not None:
        _check_texts(tensor, tensor.data)
    if tensor.scales:
        _check_quantization(tensor)


def _check_texts(tensor: Tensor, data: memoryview) -> None:
    """Whether a constant of strings has one for each element, each inside its bytes: a count, borders, characters."""
    count = int.from_bytes(data[:4], "little", signed=True)
    if count != tensor.elements or len(data) < 4 * (count + 2):
        raise Fault(f"holds {count} strings in {len(data)} bytes for {list(tensor.shape)}")
    borders = np.frombuffer(data, "<i4", count=count + 1, offset=4)
    if borders[0] != 4 * (count + 2) or borders[-1] > len(data) or np.any(np.diff(borders) < 0):
        raise Fault(f"holds strings that reach out of its {len(data)} bytes")


def _check_quantization(tensor: Tensor) -> None:
    count, axis = len(tensor.scales), tensor.quantized_dimension
    if len(tensor.zero_points) != count:
        raise Fault(f"has {count} scales and {len(tensor.zero_points)} zero points")
    if count > 1 and (not 0 <= axis < len(tensor.shape) or tensor.shape[axis] != count):
        raise Fault(f"{list(tensor.shape)} has {count} scales along dimension {axis}")
    if tensor.dtype not in (*QUANTIZED, "int32", "int64", "int4"):
        return
    for scale in tensor.scales:
        if not 0 <= scale < math.inf:
            raise Fault(f"has the scale {scale:g}, and a scale is a positive number")
    limits = np.iinfo("int8" if tensor.dtype == "int4" else tensor.dtype if tensor.dtype in QUANTIZED else "int32")
    least, most = limits.min, limits.max  # numpy computes them anew each time, and weights have thousands of these
    for zero_point in tensor.zero_points:
        if not least <= zero_point <= most:
            raise Fault(f"has the zero point {zero_point}, outside of {tensor.dtype}")


def check_order(graph: Graph) -> None:
    """Whether each tensor is written once, and before it is read."""
    ready = {tensor.index for tensor in graph.tensors if tensor.constant or tensor.variable or not tensor.elements}
    for index in graph.inputs:
        if graph.tensors[index].constant:
            raise Fault(f"{_title(graph.tensors[index])} is an input and a constant at once")
    if len(set(graph.inputs)) != len(graph.inputs):
        raise Fault(f"the inputs {list(graph.inputs[:9])} name a tensor twice")
    available = set(graph.inputs)
    for op in graph.ops:
        for index in () if op.custom_code == ETHOS_U.prefix else op.inputs:  # its scratch memory is made by no op
            if index >= 0 and index not in ready and index not in available:
                raise Fault(f"op {op.index} {op.name} reads {_title(graph.tensors[index])} before it is made")
        for index in op.outputs:
            if graph.tensors[index].variable:  # the kernels write those among their inputs
                raise Fault(f"op {op.index} {op.name} makes {_title(graph.tensors[index])}, which is a variable")
            if index in available or graph.tensors[index].constant:
                raise Fault(f"op {op.index} {op.name} writes {_title(graph.tensors[index])}, which is there already")
            available.add(index)
    for index in graph.outputs:
        if index not in ready and index not in available:
            raise Fault(f"the output {_title(graph.tensors[index])} is made by no op")


def check_memory(graph: Graph) -> None:
    """Whether the tensors that live at the same time fit into the limit."""
    last = {index: op.index for op in graph.ops for index in op.inputs if index >= 0}
    last.update(dict.fromkeys(graph.outputs, len(graph.ops)))
    sizes = [0 if tensor.constant else size_bytes(tensor) for tensor in graph.tensors]
    ending: dict[int, int] = {}
    for index, end in last.items():
        ending[end] = ending.get(end, 0) + sizes[index]
    live = peak = sum(sizes[index] for index in set(graph.inputs))
    for op in graph.ops:
        live += sum(sizes[index] for index in op.outputs)
        peak = max(peak, live)
        live -= ending.get(op.index, 0) + sum(sizes[index] for index in op.outputs if index not in last)
    if peak > MOST_BYTES:
        raise Fault(f"its tensors take {peak} bytes at once, more than {MOST_BYTES}", TOO_LARGE)
