"""Compiled files and compiler output for tests, in the form of public ones; no compiler and no device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers
from tflite_models import O, T, tflite

CUSTOM = "edgetpu-custom-op"
MIX = """\
Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.

Model compiled successfully in 128 ms.

Input model: model.tflite
Input size: 6.25KiB
Output model: out/model_edgetpu.tflite
Output size: 84.34KiB
On-chip memory used for caching model parameters: 85.75KiB
On-chip memory remaining for caching model parameters: 7.77MiB
Off-chip memory used for streaming uncached model parameters: 5.50KiB
Number of Edge TPU subgraphs: 1
Total number of operations: 4
Operation log: out/model_edgetpu.log

Model successfully compiled but not all operations are supported by the Edge TPU. A percentage of the model will \
instead run on the CPU, which is slower. If possible, consider updating your model to use only operations supported \
by the Edge TPU. For details, visit g.co/coral/model-reqs.
Number of operations that will run on Edge TPU: 2
Number of operations that will run on CPU: 2

Operator                       Count      Status

FULLY_CONNECTED                1          More than one subgraph is not supported
FULLY_CONNECTED                1          Mapped to Edge TPU
RELU                           1          Mapped to Edge TPU
LEAKY_RELU                     1          Operation not supported
Compilation child process completed within timeout period.
Compilation succeeded!
"""
LOG = """\
Edge TPU Compiler version 16.0.384591198
Input: model.tflite
Output: model_edgetpu.tflite

Operator                       Count      Status

RELU                           2          Mapped to Edge TPU
QUANTIZE                       1          Operation is otherwise supported, but not mapped due to some unspecified \
limitation
"""


def executable(kind: int = 2, parameters: int = 0, instructions: Sequence[int] = (), **more: int) -> bytes:
    """One executable's flatbuffer: fields 4 scratch, 5 bitstreams, 6 parameters, 13 type, 14 token."""
    builder = flatbuffers.Builder(1024)
    data = builder.CreateByteVector(bytes(parameters))
    chunks = []
    for size in instructions:
        bits = builder.CreateByteVector(bytes(size))
        builder.StartObject(2)
        builder.PrependUOffsetTRelativeSlot(0, bits, 0)
        chunks.append(builder.EndObject())
    builder.StartVector(4, len(chunks), 4)
    for chunk in reversed(chunks):
        builder.PrependUOffsetTRelative(chunk)
    streams = builder.EndVector()
    builder.StartObject(17)
    builder.PrependInt32Slot(4, more.get("scratch", 0), 0)
    builder.PrependUOffsetTRelativeSlot(5, streams, 0)
    builder.PrependUOffsetTRelativeSlot(6, data, 0)
    builder.PrependInt16Slot(13, kind, 0)
    builder.PrependUint64Slot(14, more.get("token", 0), 0)
    builder.Finish(builder.EndObject(), file_identifier=b"DWN1")
    return bytes(builder.Output())


def package(executables: Sequence[bytes], runtime: int = 14) -> bytes:
    """A package's flatbuffer: field 0 the runtime, 1 the executables, each a flatbuffer in a string."""
    inner = flatbuffers.Builder(1024)
    texts = [inner.CreateString(data) for data in executables]
    inner.StartVector(4, len(texts), 4)
    for text in reversed(texts):
        inner.PrependUOffsetTRelative(text)
    vector = inner.EndVector()
    inner.StartObject(1)
    inner.PrependUOffsetTRelativeSlot(0, vector, 0)
    inner.Finish(inner.EndObject())
    outer = flatbuffers.Builder(1024)
    held = outer.CreateByteVector(bytes(inner.Output()))
    outer.StartObject(8)
    outer.PrependInt32Slot(0, runtime, 0)
    outer.PrependUOffsetTRelativeSlot(1, held, 0)
    outer.Finish(outer.EndObject(), file_identifier=b"DWN1")
    return bytes(outer.Output())


def options(package: bytes) -> bytes:
    """A custom op's options: a FlexBuffer map with the package as a string, as libedgetpu reads it."""
    builder = flexbuffers.Builder()
    with builder.Map():
        builder.Int("1", 1)
        builder.Blob("4", package)
    return bytes(builder.Finish())


def two_executables() -> bytes:
    return package([executable(1, 800, token=7), executable(2, 30, (10, 20), scratch=5, token=7)])


def compiled(tensors: Sequence[T], ops: Sequence[O], held: bytes, **ends: Sequence[str]) -> bytes:
    """A model of `ops`, those named CUSTOM being the Edge TPU's with the options `held`."""
    model: Any = schema.ModelT.InitFromPackedBuf(tflite(tensors=tensors, ops=ops, **ends))
    for op, made in zip(ops, model.subgraphs[0].operators, strict=True):
        if op.name == "CUSTOM":
            made.customOptions = np.frombuffer(held, np.uint8)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def mixed() -> tuple[bytes, bytes]:
    """A model that MIX is about, and what the compiler would make of it: two ops in the custom op, two left."""
    q = [T(name, (1, 4), "int8", 0.1) for name in ("x", "a", "b", "c", "y")]
    kernels = [T(name, data=np.ones((4, 4), np.int8), scale=0.1) for name in ("w", "v")]
    last = [O("LEAKY_RELU", ["b"], ["c"]), O("FULLY_CONNECTED", ["c", "v"], ["y"])]
    ops = [O("FULLY_CONNECTED", ["x", "w"], ["a"]), O("RELU", ["a"], ["b"]), *last]
    ends = {"inputs": ["x"], "outputs": ["y"]}
    edgetpu = O("CUSTOM", ["x"], ["b"], custom_code=CUSTOM)
    kept = [tensor for tensor in q if tensor.name != "a"]
    made = compiled([*kept, kernels[1]], [edgetpu, *last], options(two_executables()), **ends)
    return tflite(tensors=[*q, *kernels], ops=ops, **ends), made


def whole(data: bytes) -> bytes:
    """A compiled file whose one op is the Edge TPU's, with the ends of the model `data`."""
    graph: Any = schema.ModelT.InitFromPackedBuf(data).subgraphs[0]
    ends = []
    for index in (graph.inputs[0], graph.outputs[0]):
        tensor = graph.tensors[index]
        scale = float(tensor.quantization.scale[0])
        ends.append(T(tensor.name.decode(), tuple(tensor.shape), "uint8", scale))
    op = O("CUSTOM", [ends[0].name], [ends[1].name], custom_code=CUSTOM)
    return compiled(ends, [op], options(two_executables()), inputs=[ends[0].name], outputs=[ends[1].name])
