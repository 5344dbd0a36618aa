"""`edgeready compile`: one model file through the compiler, its other parts restored, checked and written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeready.config.edgetpu import NEWEST_RUNTIME, check_runtime
from edgeready.edgetpu.compiled import Package, read_packages
from edgeready.edgetpu.compiler import run_compiler
from edgeready.edgetpu.compiler_log import CompilerLog
from edgeready.edgetpu.outcome import Outcome, compare_outcome
from edgeready.errors import ConversionError, ModelFileError, UsageError
from edgeready.files.atomic import write_files
from edgeready.model_file.parts import restore_parts
from edgeready.readiness import ReadinessReport, check_graph
from edgeready.readiness.operators import COMPILED
from edgeready_device.input_file import require_file
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.tflite.graph import Graph, read_graph


@dataclass(frozen=True, kw_only=True)
class Compilation:
    """One compiled model: where it was written, what the compiler said, and where the prediction was right."""

    out: Path
    log: CompilerLog
    outcome: Outcome
    packages: tuple[Package, ...]
    report: ReadinessReport

    @property
    def proved(self) -> bool:
        """Whether every op went to the Edge TPU."""
        return self.outcome.mapped == self.outcome.total

    def to_dict(self) -> dict[str, Any]:
        """The compilation as a JSON object."""
        return {
            "out": str(self.out),
            "proved": self.proved,
            "predicted_ready": self.report.ready,
            "predicted_verdict": self.report.verdict,
            "outcome": self.outcome.to_dict(),
            "log": self.log.to_dict(),
            "compiled": [package.to_dict() for package in self.packages],
        }


def compile_file(
    path: Path, out: Path | None = None, *, container: str | None = None, runtime: int = NEWEST_RUNTIME
) -> Compilation:
    """Compiles the model file `path` into `out` (NAME_edgetpu.tflite beside it when None), atomically.

    Raises UsageError for a `runtime` that no compiler knows, ModelFileError when `path` is compiled already, and what
    reading, compiling and writing raise.
    """
    check_runtime(runtime)
    target = out if out is not None else path.with_name(f"{path.stem}_edgetpu.tflite")
    if target.suffix != ".tflite" or target.absolute() == path.absolute():
        raise UsageError(f"{target}: name an output file, something.tflite, that is not the input")
    require_file(path)
    file = read_model_file(path)
    if any(op.custom_code == COMPILED for op in file.graph.ops):
        raise ModelFileError(f"{path}: is compiled already; give the file that was compiled")
    report = check_graph(file.graph, runtime=runtime, file=str(path))
    result = run_compiler(file.flatbuffer, container=container, runtime=runtime)
    graph = _graph(result.flatbuffer)
    data = restore_parts(result.flatbuffer, path.read_bytes(), file)
    write_files({target: data})
    return Compilation(
        out=target,
        log=result.log,
        outcome=compare_outcome(file.graph, graph, result.log, report=report),
        packages=read_packages(graph),
        report=report,
    )


def _graph(flatbuffer: bytes) -> Graph:
    try:
        return read_graph(flatbuffer)
    except ModelFileError as error:
        raise ConversionError(f"the compiler wrote no model: {error}") from error
