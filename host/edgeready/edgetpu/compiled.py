"""Reads a compiled file without a device: the DarwiNN packages in its custom ops.

The schema is executable/executable.fbs of libedgetpu: a package holds a list of executables, each of which is a
flatbuffer of its own in a string.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from edgeready.errors import ModelFileError
from edgeready.readiness.operators import COMPILED
from edgeready_device.tflite.flatbuffer import Flatbuffer, Table
from edgeready_device.tflite.graph import Graph, Op

IDENTIFIER = b"DWN1"
_MOST_EXECUTABLES = 1000  # chosen: public compiled files hold one or two; a damaged one may state billions
_KINDS = ("stand-alone", "parameter-caching", "execution-only")


@dataclass(frozen=True, kw_only=True)
class Executable:
    """One program for the Edge TPU; `kind` says whether it loads parameters, runs with them loaded, or does both."""

    kind: str
    parameter_bytes: int
    instruction_bytes: int
    scratch_bytes: int
    size_bytes: int
    caching_token: int


@dataclass(frozen=True, kw_only=True)
class Package:
    """What one custom op holds: the oldest Edge TPU runtime that runs it, and its executables."""

    op: int
    min_runtime_version: int
    size_bytes: int
    executables: tuple[Executable, ...]

    @property
    def cached_bytes(self) -> int:
        """Parameters that are loaded once and stay in the Edge TPU's memory."""
        return sum(program.parameter_bytes for program in self.executables if program.kind == "parameter-caching")

    @property
    def streamed_bytes(self) -> int:
        """Parameters that are sent at each inference."""
        return sum(program.parameter_bytes for program in self.executables if program.kind != "parameter-caching")

    def to_dict(self) -> dict[str, Any]:
        """The package as a JSON object."""
        return {
            "op": self.op,
            "min_runtime_version": self.min_runtime_version,
            "size_bytes": self.size_bytes,
            "cached_bytes": self.cached_bytes,
            "streamed_bytes": self.streamed_bytes,
            "executables": [asdict(program) for program in self.executables],
        }


def read_packages(graph: Graph) -> tuple[Package, ...]:
    """The packages in the Edge TPU ops of `graph`; none when it is not compiled.

    Raises ModelFileError when a package is damaged.
    """
    return tuple(_read_package(op) for op in graph.ops if op.custom_code == COMPILED)


def _read_package(op: Op) -> Package:
    options = memoryview(b"") if op.custom_options is None else op.custom_options
    mark = re.search(re.escape(IDENTIFIER), options)  # the options are a FlexBuffer with the package as one value
    if mark is None or mark.start() < 4:
        raise ModelFileError(f"op {op.index} {COMPILED} holds no package ({IDENTIFIER!r}): damaged file")
    try:
        buffer = Flatbuffer(options[mark.start() - 4 :])
        root = buffer.root(IDENTIFIER)
        start, length = root.span(1)
        programs = _strings(Flatbuffer(buffer.data[start : start + length]))
        return Package(
            op=op.index,
            min_runtime_version=int(root.scalar(0, "i")),
            size_bytes=length,
            executables=tuple(_read_executable(data) for data in programs),
        )
    except ModelFileError as error:
        raise ModelFileError(f"the package in op {op.index} {COMPILED}: {error}") from error


def _strings(buffer: Flatbuffer) -> Iterator[memoryview]:
    """The strings in the root table's first field."""
    position = Table(buffer, buffer.offset(0)).field(0)
    if position is None:
        return
    vector = buffer.offset(position)
    count = int(buffer.unpack("I", vector))
    if count > _MOST_EXECUTABLES:
        raise ModelFileError(f"it has {count} executables: damaged file")
    for i in range(count):
        start = buffer.offset(vector + 4 + 4 * i)
        length = int(buffer.unpack("I", start))
        if start + 4 + length > buffer.size:
            raise ModelFileError(f"executable {i} of {length} bytes runs past its end: damaged file")
        yield buffer.data[start + 4 : start + 4 + length]


def _read_executable(data: memoryview) -> Executable:
    buffer = Flatbuffer(data)
    root = Table(buffer, buffer.offset(0))
    kind = int(root.scalar(13, "h"))
    return Executable(
        kind=_KINDS[kind] if 0 <= kind < len(_KINDS) else f"type {kind}",
        parameter_bytes=root.span(6)[1],
        instruction_bytes=sum(chunk.span(0)[1] for chunk in root.tables(5)),
        scratch_bytes=int(root.scalar(4, "i")),
        size_bytes=len(data),
        caching_token=int(root.scalar(14, "Q")),
    )
