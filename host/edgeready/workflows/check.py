"""What `edgeready check` finds in one file: a model's readiness, a compiled file's packages, or a compiler log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeready import readiness
from edgeready.config.edgetpu import check_runtime
from edgeready.edgetpu.compiled import Package, read_packages
from edgeready.edgetpu.compiler_log import CompilerLog, read_log
from edgeready.errors import ModelFileError
from edgeready.readiness import ReadinessReport
from edgeready.readiness.operators import COMPILED
from edgeready_device.tflite.graph import read_graph

LOG_SUFFIXES = (".log", ".txt")


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """One file: `report` for a model, with its `packages` when it is compiled; `log` for a compiler log.

    A file whose ops are all packages is ready: it runs on the Edge TPU as it is.
    """

    file: str
    report: ReadinessReport | None = None
    packages: tuple[Package, ...] = ()
    log: CompilerLog | None = None

    @property
    def verdict(self) -> str:
        """ "ready", "probably ready" (predicted of a model with uncertain ops) or "not ready"."""
        if self.report is not None:
            return self.report.verdict
        return "ready" if self.ready else "not ready"

    @property
    def ready(self) -> bool:
        """Whether every op is mapped: as predicted for a model, as recorded in a log."""
        if self.report is not None:
            return self.report.ready
        return self.log is not None and self.log.all_mapped

    @property
    def on_cpu(self) -> int:
        """The number of ops of a compiled file that run on the CPU."""
        return 0 if self.report is None else len(self.report.ops) - len(self.packages)

    def to_dict(self) -> dict[str, Any]:
        """A JSON object; always with `file`, `ready` and `ops`."""
        if self.report is None:
            log = None if self.log is None else self.log.to_dict()
            return {"file": self.file, "ready": self.ready, "ops": [], "log": log}
        document = self.report.to_dict()
        if self.packages:
            document["compiled"] = [package.to_dict() for package in self.packages]
        return document

    def to_csv(self) -> str:
        """The ops as CSV, one line an op; empty for a compiler log."""
        return "" if self.report is None else self.report.to_csv()


def inspect(path: Path, runtime: int) -> Inspection:
    """What is in the file `path`, for Edge TPU runtime `runtime`.

    Raises UsageError for a `runtime` that no compiler knows, NotFoundError or ModelFileError.
    """
    check_runtime(runtime)
    if path.suffix in LOG_SUFFIXES:
        return Inspection(file=str(path), log=read_log(path))
    report = readiness.check_file(path, runtime=runtime)
    if all(op.custom_code != COMPILED for op in report.ops):
        return Inspection(file=str(path), report=report)
    if all(op.custom_code == COMPILED for op in report.ops):
        report = _as_compiled(report)
    try:
        packages = read_packages(read_graph(path.read_bytes()))
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error
    return Inspection(file=str(path), report=report, packages=packages)


def _as_compiled(report: ReadinessReport) -> ReadinessReport:
    """The report on a file whose ops are all the compiler's: each runs on the Edge TPU; what it costs is inside."""
    ops = tuple(replace(op, target="edgetpu", rule="", detail="", remedy="") for op in report.ops)
    return replace(report, ready=True, ops=ops, blockers=(), risks=(), notes=(), cost=None)
