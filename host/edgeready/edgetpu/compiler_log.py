"""Reads what `edgetpu_compiler` prints: the file X_edgetpu.log, or its standard output saved in a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from edgeready.errors import ModelFileError, NotFoundError
from edgeready.readiness.compiler_table import MAPPED
from edgeready_device.input_file import read_file

_MAX_BYTES = 1 << 20  # chosen: a table of a thousand rows has a tenth of it
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_VERSION = re.compile(r"^Edge TPU Compiler version (\S{1,40})", re.MULTILINE)
_INPUT = re.compile(r"^Input(?: model)?: (.{1,1000})$", re.MULTILINE)
_HEADER = re.compile(r"^Operator[ \t]+Count[ \t]+Status[ \t]*$", re.MULTILINE)
_ROW = re.compile(r"([A-Za-z_][\w.\-]{0,99})[ \t]+(\d{1,9})[ \t]+(\S.{0,300})")
_CHECK = "run `edgeready check` on the file: it names the op"
_SMALLER = "use a smaller input"
_FAILURES = (
    (
        r"Model not quantized",
        "the activations are floats",
        "convert to full integer with a representative data set: `edgeready convert` does",
    ),
    (
        r"Didn't find op for builtin opcode '\w{1,60}' version '\d{1,9}'",
        "the op has a version newer than this compiler (TensorFlow 2.6 at most)",
        _CHECK,
    ),
    (r"Op builtin_code out of range: \d{1,9}", "the op came to TFLite after this compiler", _CHECK),
    (
        r"Attempting to use a delegate that only supports static-sized tensors",
        "a shape is computed at run time",
        "fix the batch and every shape: `edgeready convert` does; " + _CHECK,
    ),
    (r"large activation tensors in model", "an activation does not fit the Edge TPU", _SMALLER),
    (r"Internal compiler error", "most often a large input, in versions before 16", _SMALLER),
    (
        r"Encountered unresolved custom op|Regular TensorFlow ops are not supported",
        "a custom or TensorFlow (Flex) op",
        _CHECK,
    ),
    (r"op is not supported on DarwiNN", "an op in a form that the chip has not", _CHECK),
    (
        r"did not finish within the timeout",
        "the compilation took longer than its limit",
        "give edgetpu_compiler a longer --timeout_sec, or " + _SMALLER,
    ),
    (r"Invalid model|Model could not be parsed", "the compiler cannot read the file", _CHECK),
    (r"Compilation failed", "not told", _CHECK),
)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why the compiler wrote no model: its message, the cause, and what to do about it."""

    message: str
    cause: str
    remedy: str

    def to_dict(self) -> dict[str, str]:
        """The failure as a JSON object; the message is under "said"."""
        return {"said": self.message, "cause": self.cause, "remedy": self.remedy}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: `count` ops of the kind `op` have `status`."""

    op: str
    count: int
    status: str


@dataclass(frozen=True, kw_only=True)
class CompilerLog:
    """The compiler's log of one model; a size or number that it did not print is None.

    `failure` is why it wrote no model, or None.
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
        """Whether the compiler wrote a model and left no op on the CPU."""
        return self.failure is None and self.total > 0 and self.mapped == self.total and self.subgraphs != 0

    def to_dict(self) -> dict[str, Any]:
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
            "failure": None if self.failure is None else self.failure.to_dict(),
        }


def read_log(path: str | PathLike[str]) -> CompilerLog:
    """The log in the file `path`.

    Raises NotFoundError when there is no such file, ModelFileError when it is no log of one compilation.
    """
    file = Path(path)
    try:
        data = read_file(file, _MAX_BYTES)
    except FileNotFoundError as error:
        raise NotFoundError(f"{file}: no such file; give the X_edgetpu.log that the compiler wrote") from error
    except OSError as error:
        raise ModelFileError(f"{file}: cannot be read ({error.strerror}); give a compiler log") from error
    try:
        return parse_log(data.decode("utf-8", "replace"))
    except ModelFileError as error:
        raise ModelFileError(f"{file}: {error}") from error


def parse_log(text: str) -> CompilerLog:
    """The log of one compilation in `text`.

    Raises ModelFileError when `text` is no such log.
    """
    if len(text) > _MAX_BYTES:
        raise ModelFileError(f"the log is longer than {_MAX_BYTES} characters: no compiler writes that")
    text = text.replace("\r\n", "\n")
    version = _VERSION.search(text)
    failure = find_failure(text)
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
        version="" if version is None else version[1],
        model=models[0].strip() if models else "",
        rows=rows,
        cached_bytes=_find_size(text, "On-chip memory used for caching model parameters"),
        remaining_bytes=_find_size(text, "On-chip memory (?:remaining|available) for caching model parameters"),
        streamed_bytes=_find_size(text, "Off-chip memory used for streaming uncached model parameters"),
        subgraphs=None if subgraphs is None else int(subgraphs[1]),
        failure=failure,
    )


def _rows(text: str) -> Iterator[Row]:
    header = _HEADER.search(text)
    for line in text[header.end() :].splitlines() if header else ():
        match = _ROW.fullmatch(line.strip())
        if match is not None:
            yield Row(op=match[1], count=int(match[2]), status=match[3].strip())


def _find_size(text: str, label: str) -> int | None:
    match = re.search(rf"^{label}: (\d{{1,12}}(?:\.\d{{1,6}})?)(B|KiB|MiB|GiB)\b", text, re.MULTILINE)
    return None if match is None else round(float(match[1]) * _UNITS[match[2]])


def find_failure(text: str) -> Failure | None:
    """The failure in `text`, the most specific one first; None where there is none."""
    for pattern, cause, remedy in _FAILURES:
        match = re.search(pattern, text)
        if match is not None:
            return Failure(message=_line_at(text, match.start()), cause=cause, remedy=remedy)
    return None


def _line_at(text: str, position: int) -> str:
    """The line of `text` around `position`, at most 300 characters of it."""
    start = text.rfind("\n", 0, position) + 1
    return " ".join(text[max(start, position - 100) :].partition("\n")[0][:300].split())
