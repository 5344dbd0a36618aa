"""LiteRT's shared library through its C functions: a compiled model that tells what each kernel of a run took.

The wheel of ai-edge-litert has `libLiteRt.so`, whose functions no Python module of it reaches. Nothing but a version
says how its functions and its event look, so the version is checked before anything is called, the event's size and
contents after the first run, and all of it happens in a child process.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Mapping, Sequence
from ctypes import byref, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import RuntimeUnavailableError
from edgeready_device.runtime.runtime import Runtime

NAME = "libLiteRt.so"
MODULE = "ai_edge_litert"
LEAST, BELOW = (2, 3), (3,)  # versions: 2.3.0 is the first with the profiler's functions, and 3 may change them
_CPU = 1  # kLiteRtHwAcceleratorCpu
_READ, _WRITE = 0, 1  # modes of a lock
_PROFILING, _KERNELS = b"runtime_options_string", b"xnnpack"  # the names of two sets of options, whose text is TOML
_TENSOR_TYPE_WORDS = 64  # room for a LiteRtRankedTensorType, which has 18: type, rank, 8 sizes, 8 strides
_RANK, _FIRST_SIZE, _MOST_RANK = 1, 2, 8
_HOST_MEMORY = 1  # kLiteRtTensorBufferTypeHostMemory
_ROOM = 256  # bytes for each event, so that a library with a larger one does no harm before it is noticed
_MARK = 0xA5  # what fills that room before a library writes to it
_TYPES = {1 << bit for bit in range(9)}  # of events
OPERATOR, DELEGATE = (2,), (4, 8)  # types: an op of the file by its index, and a kernel of a delegate


class Event(ctypes.Structure):
    """One event of the profiler: ProfiledEventData of LiteRT 2.3, with times in microseconds."""

    _fields_ = [
        ("tag", c_char_p),
        ("kind", c_int32),
        ("start_us", c_uint64),
        ("elapsed_us", c_uint64),
        ("memory", c_int64 * 6),
        ("index", c_uint64),
        ("subgraph", c_uint64),
        ("source", c_int32),
    ]


EVENT_BYTES = 104  # of an Event where a pointer has 8 bytes


@dataclass(frozen=True)
class Kernel:
    """One kernel of a run: `index` counts the file's ops, or where it is `delegated` the kernels of a partition."""

    tag: str
    index: int
    delegated: bool


class LibraryError(Exception):
    """A function of the library that is missing, refuses, or answers what it should not; the text says which."""


def check_library(runtime: Runtime, places: Sequence[str]) -> Path:
    """Returns the path of the shared library of `runtime`, whose module lies in `places`.

    Raises RuntimeUnavailableError where this machine or this version has none that can be used.
    """
    if sys.platform != "linux" or ctypes.sizeof(c_void_p) != 8:
        raise RuntimeUnavailableError(
            f"profile needs 64-bit Linux, and this is {sys.platform} with {8 * ctypes.sizeof(c_void_p)} bits: take a "
            "machine that has it, as x86-64 or a Raspberry Pi with the 64-bit system"
        )
    numbers = tuple(int(part) for part in re.findall(r"\d+", runtime.version)[:2])
    if runtime.name != "ai-edge-litert" or not LEAST <= numbers < BELOW:
        raise RuntimeUnavailableError(
            f"{runtime} does not say what its ops take: profile needs ai-edge-litert 2.3 or newer, below 3, which is "
            "for CPython 3.10 or newer; run pip install 'ai-edge-litert>=2.3,<3'"
        )
    for place in places:
        if (path := Path(place, NAME)).is_file():
            return path
    raise RuntimeUnavailableError(
        f"{runtime} has no {NAME} here, whose profiler profile asks: install the wheel of a release again with pip "
        "install --force-reinstall ai-edge-litert"
    )


class CompiledModel:
    """A flatbuffer that `threads` threads run, with its profiler; its tensors are told apart by their indices.

    `arrays` are like its inputs and outputs: the file may leave their sizes open.
    """

    def __init__(self, path: Path, flatbuffer: bytes, threads: int, arrays: Mapping[int, NDArray[Any]]) -> None:
        self._library = ctypes.CDLL(str(path))
        self._memory: list[Any] = []  # what the library points to
        self._arrays = arrays
        environment = self._create("LiteRtCreateEnvironment", c_int(0), None)
        content = self._hold(flatbuffer)
        model = self._create("LiteRtCreateModelFromBuffer", environment, content, c_size_t(len(flatbuffer)))
        options = self._create("LiteRtCreateOptions")
        self._call("LiteRtSetOptionsHardwareAccelerators", options, c_int(_CPU))
        self._add_options(options, _PROFILING, "enable_profiling = true\n")
        self._add_options(options, _KERNELS, f"num_threads = {threads}\n")
        self._model = self._create("LiteRtCreateCompiledModel", environment, model, options)
        self._profiler = self._create("LiteRtCompiledModelGetProfiler", self._model)
        if not self._profiler:
            raise LibraryError("LiteRtCompiledModelGetProfiler gives no profiler")
        signature = self._create("LiteRtGetModelSignature", model, c_size_t(0))
        self._inputs = self._buffers("Input", signature, environment)
        self._outputs = self._buffers("Output", signature, environment)
        self._arguments: list[Any] = []  # of a run: how many buffers, and their addresses, of inputs and of outputs
        for buffers in (self._inputs, self._outputs):
            addresses = (c_void_p * len(buffers))(*(buffer for _, buffer, _ in buffers))
            self._arguments += [c_size_t(len(buffers)), addresses]

    def feed(self, tensors: dict[int, NDArray[Any]]) -> None:
        """Copies `tensors` into the inputs; raises LibraryError where one is missing or has another size."""
        for index, buffer, size in self._inputs:
            if index not in tensors or tensors[index].nbytes > size:
                raise LibraryError(f"input tensor {index} has {size} bytes, which are not those of the file")
            with _Lock(self, buffer, _WRITE) as address:
                ctypes.memmove(address, np.ascontiguousarray(tensors[index]).tobytes(), tensors[index].nbytes)

    def read(self, index: int, like: NDArray[Any]) -> NDArray[Any]:
        """Returns output tensor `index` in the type and shape of `like`; raises LibraryError where it is none."""
        for own, buffer, size in self._outputs:
            if own == index and like.nbytes <= size:
                with _Lock(self, buffer, _READ) as address:
                    return np.frombuffer(ctypes.string_at(address, like.nbytes), like.dtype).reshape(like.shape)
        raise LibraryError(f"output tensor {index} of {like.nbytes} bytes is not among its outputs")

    def run(self) -> None:
        """Runs the model."""
        self._call("LiteRtRunCompiledModel", self._model, c_size_t(0), *self._arguments)

    def start(self) -> None:
        """Makes the profiler record the runs that follow."""
        self._call("LiteRtResetProfiler", self._profiler)
        self._call("LiteRtStartProfiler", self._profiler)

    def stop(self) -> tuple[list[Kernel], list[int]]:
        """Ends the recording and returns its kernels in the order of the runs, and the microseconds of each."""
        self._call("LiteRtStopProfiler", self._profiler)
        count = c_int(0)
        self._call("LiteRtGetNumProfilerEvents", self._profiler, byref(count))
        if count.value < 1:
            raise LibraryError("its profiler recorded nothing")
        room = (ctypes.c_uint8 * (_ROOM * count.value))()
        ctypes.memset(room, _MARK, len(room))
        self._call("LiteRtGetProfilerEvents", self._profiler, count, room)
        events = (Event * count.value).from_buffer(room)
        verify_events(room, events)
        own = [event for event in events if event.kind in (*OPERATOR, *DELEGATE)]
        kernels = [
            Kernel((event.tag or b"").decode("utf-8", "replace"), event.index, event.kind in DELEGATE)
            for event in own
        ]
        return kernels, [event.elapsed_us for event in own]

    def _add_options(self, options: c_void_p, identifier: bytes, text: str) -> None:
        content = self._hold(text.encode())
        own = self._create("LiteRtCreateOpaqueOptions", c_char_p(identifier), content, _DELETER)
        self._call("LiteRtAddOpaqueOptions", options, own)

    def _buffers(self, kind: str, signature: c_void_p, environment: c_void_p) -> list[tuple[int, c_void_p, int]]:
        """Returns the index in the file, the buffer and the bytes of each input or output (`kind`)."""
        count, buffers = c_size_t(0), []
        self._call(f"LiteRtGetNumSignature{kind}s", signature, byref(count))
        for number in range(count.value):
            tensor = self._create(f"LiteRtGetSignature{kind}TensorByIndex", signature, c_size_t(number))
            index, size = c_uint32(0), c_size_t(0)
            self._call("LiteRtGetTensorIndex", tensor, byref(index))
            tensor_type = (c_int32 * _TENSOR_TYPE_WORDS)()
            self._call("LiteRtGetRankedTensorType", tensor, tensor_type)
            array = self._arrays.get(index.value)
            if array is None or array.ndim > _MOST_RANK:
                raise LibraryError(f"its {kind.lower()} {number} is tensor {index.value}, which is none in the file")
            tensor_type[_RANK] = array.ndim
            for axis, side in enumerate(array.shape):
                tensor_type[_FIRST_SIZE + axis] = side
            requirements = self._create(
                f"LiteRtGetCompiledModel{kind}BufferRequirements", self._model, c_size_t(0), c_size_t(number)
            )
            self._call("LiteRtGetTensorBufferRequirementsBufferSize", requirements, byref(size))
            room = c_size_t(max(size.value, array.nbytes))  # an op that says its sizes in a run requires nothing
            buffer = self._create(
                "LiteRtCreateManagedTensorBuffer", environment, c_int(_HOST_MEMORY), tensor_type, room
            )
            buffers.append((index.value, buffer, room.value))
        return buffers

    def _create(self, name: str, *arguments: Any) -> c_void_p:
        """Returns what the function `name` writes to its last argument."""
        result = c_void_p()
        self._call(name, *arguments, byref(result))
        return result

    def _call(self, name: str, *arguments: Any) -> None:
        try:
            function = getattr(self._library, name)
        except AttributeError as error:
            raise LibraryError(f"it has no function {name}") from error
        if status := function(*arguments):
            raise LibraryError(f"{name} answers with status {status}")

    def _hold(self, content: bytes) -> Any:
        """Returns a copy of `content`, with a zero behind it, that lives as long as the model."""
        self._memory.append(ctypes.create_string_buffer(content))
        return self._memory[-1]


def verify_events(room: Any, events: ctypes.Array[Event]) -> None:
    """Raises LibraryError where what a library wrote to the bytes `room` does not look like `events` of this layout.

    It wrote exactly so many bytes, and each event has a type that there is.
    """
    view, size = memoryview(room).cast("B"), EVENT_BYTES * len(events)
    mark = bytes([_MARK])
    last = bytes(view[size - 8 : size - 4])  # the last field of the last event, behind which come 4 unused bytes
    behind = bytes(view[size:])
    if ctypes.sizeof(Event) != EVENT_BYTES or behind.strip(mark) or not last.strip(mark):
        raise LibraryError(f"its events do not have {EVENT_BYTES} bytes each")
    unknown = [event.kind for event in events if event.kind not in _TYPES]
    if unknown:
        raise LibraryError(f"its events have the unknown type {unknown[0]}")


class _Lock:
    """The memory of a tensor's buffer, in a `with`."""

    def __init__(self, model: CompiledModel, buffer: c_void_p, mode: int) -> None:
        self._model, self._buffer, self._mode = model, buffer, mode

    def __enter__(self) -> c_void_p:
        address = c_void_p()
        self._model._call("LiteRtLockTensorBuffer", self._buffer, byref(address), c_int(self._mode))
        return address

    def __exit__(self, *_: object) -> None:
        self._model._call("LiteRtUnlockTensorBuffer", self._buffer)


_DELETER = ctypes.CFUNCTYPE(None, c_void_p)(lambda _: None)  # Python keeps the text, so nothing is to be freed
