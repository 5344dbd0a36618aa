"""Reads what `edgetpu_compiler` prints: the file X_edgetpu.log, or its standard output kept in a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from edgeready.edgetpu.failures import Failure, failure_in
from edgeready.errors import ModelFileError, NotFoundError
from edgeready.readiness.compiler_table import MAPPED

_MAX_BYTES = 1 << 20
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_VERSION = re.compile(r"^Edge TPU Compiler version (\S{1,40})", re.MULTILINE)
_INPUT = re.compile(r"^Input(?: model)?: (.{1,1000})$", re.MULTILINE)
_HEADER = re.compile(r"^Operator[ \t]+Count[ \t]+Status[ \t]*$", re.MULTILINE)
_ROW = re.compile(r"([A-Za-z_][\w.\-]{0,99})[ \t]+(\d{1,9})[ \t]+(\S.{0,300})")


@dataclass(frozen=True)
class Row:
    """One line of the table: `count` ops of the kind `op` have `status`."""

    op: str
    count: int
    status: str


@dataclass(frozen=True)
class CompilerLog:
    """What the compiler said of one model; a size or number that it did not print is None.

    `failure` is the cause that it gave for making nothing, or None.
    """

    version: str
    model: str
    rows: tuple[Row, ...]
    cached_bytes: int | None = None
    remaining_bytes: int | None = None
    streamed_bytes: int | None = None
    subgraphs: int | None = None
    failure: Failure | None = None

    @property
    def mapped(self) -> int:
        """Number of ops that the table maps."""
        return sum(row.count for row in self.rows if row.status == MAPPED)

    @property
    def total(self) -> int:
        """Number of ops in the table."""
        return sum(row.count for row in self.rows)

    @property
    def all_mapped(self) -> bool:
        """Whether the compiler made something of it and left no op on the CPU."""
        return self.failure is None and self.total > 0 and self.mapped == self.total and self.subgraphs != 0

    def as_dict(self) -> dict[str, Any]:
        """The log as a JSON object."""
        return {
            "compiler_version": self.version,
            "model": self.model,
            "mapped": self.mapped,
            "total": self.total,
            "rows": [[row.op, row.count, row.status] for row in self.rows],
            "cached_bytes": self.cached_bytes,
            "remaining_bytes": self.remaining_bytes,
            "streamed_bytes": self.streamed_bytes,
            "subgraphs": self.subgraphs,
            "failure": None if self.failure is None else self.failure.as_dict(),
        }


def read_log(path: str | PathLike[str]) -> CompilerLog:
    """The log in the file `path`; raises NotFoundError or ModelFileError, one line that names the file."""
    found = Path(path)
    try:
        with found.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFoundError(f"{found}: no such file; give the X_edgetpu.log that the compiler wrote") from error
    except OSError as error:
        raise ModelFileError(f"{found}: cannot be read ({error.strerror}); give a compiler log") from error
    try:
        return parse_log(data.decode("utf-8", "replace"))
    except ModelFileError as error:
        raise ModelFileError(f"{found}: {error}") from error


def parse_log(text: str) -> CompilerLog:
    """The log in `text`, of one compilation; raises ModelFileError for what is no such log."""
    if len(text) > _MAX_BYTES:
        raise ModelFileError(f"the log is longer than {_MAX_BYTES} characters: no compiler writes that")
    text = text.replace("\r\n", "\n")
    version = _VERSION.search(text)
    failure = failure_in(text)
    if version is None and _HEADER.search(text) is None and failure is None:
        raise ModelFileError(
            "this is no compiler log: it has no line 'Edge TPU Compiler version' and no table; give X_edgetpu.log "
            "or what edgetpu_compiler -s printed"
        )
    models = _INPUT.findall(text)
    if len(models) > 1:
        raise ModelFileError(f"the log tells of {len(models)} models: keep each compilation in a file of its own")
    rows = tuple(_rows(text))
    if not rows and failure is None:
        raise ModelFileError("the log has no table (Operator, Count, Status): run edgetpu_compiler with -s")
    subgraphs = re.search(r"^Number of Edge TPU subgraphs: (\d{1,9})", text, re.MULTILINE)
    return CompilerLog(
        "" if version is None else version[1],
        models[0].strip() if models else "",
        rows,
        _size(text, "On-chip memory used for caching model parameters"),
        _size(text, "On-chip memory (?:remaining|available) for caching model parameters"),
        _size(text, "Off-chip memory used for streaming uncached model parameters"),
        None if subgraphs is None else int(subgraphs[1]),
        failure,
    )


def _rows(text: str) -> Iterator[Row]:
    header = _HEADER.search(text)
    for line in text[header.end() :].splitlines() if header else ():
        found = _ROW.fullmatch(line.strip())
        if found is not None:
            yield Row(found[1], int(found[2]), found[3].strip())


def _size(text: str, what: str) -> int | None:
    found = re.search(rf"^{what}: (\d{{1,12}}(?:\.\d{{1,6}})?)(B|KiB|MiB|GiB)\b", text, re.MULTILINE)
    return None if found is None else round(float(found[1]) * _UNITS[found[2]])
