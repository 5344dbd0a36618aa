"""What `edgeready check` finds in one file: a model's readiness, a compiled file's packages, or a compiler log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeready.config.edgetpu import check_runtime
from edgeready.edgetpu.compiled import Package, read_packages
from edgeready.edgetpu.compiler_log import CompilerLog, read_log
from edgeready.errors import EdgereadyError, ModelFileError, UsageError
from edgeready.readiness import Blocker, OpVerdict, ReadinessReport
from edgeready.readiness.check import check_bytes, read_bytes
from edgeready.readiness.evidence import UNDATED, Evidence, Observation, report_number
from edgeready.readiness.operators import COMPILED, already_compiled, old_runtime
from edgeready.readiness.propagation import NOT_COMPILED
from edgeready.workflows.op_costs import OpCosts, read_costs
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.tflite.graph import read_graph

LOG_SUFFIXES = (".log", ".txt")
_OLD_RUNTIME = Evidence(
    refused=Observation(
        what="a package for runtime 14 on a device with 13", compiler=UNDATED, source=report_number(435, 561)
    )
)


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """One file: `report` for a model, with its `packages` when it is compiled; `log` for a compiler log.

    `size_bytes` is 0 for a log. A file whose ops are all packages is ready: it runs on the Edge TPU as it is. `error`
    says why a file cannot be read, beside others that can. `costs` are the times of a model's ops on a machine.
    """

    file: str
    size_bytes: int = 0
    report: ReadinessReport | None = None
    packages: tuple[Package, ...] = ()
    log: CompilerLog | None = None
    error: EdgereadyError | None = None
    costs: OpCosts | None = None

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
        if self.error is not None:
            return {"file": self.file, "ready": False, "ops": [], "error": str(self.error)}
        if self.report is None:
            log = None if self.log is None else self.log.to_dict()
            return {"file": self.file, "ready": self.ready, "ops": [], "log": log}
        document = self.report.to_dict()
        if self.packages:
            document["compiled"] = [package.to_dict() for package in self.packages]
        if self.costs is not None:
            document["profile"] = {**self.costs.to_dict(), **self._split_costs(self.costs)}
        return document

    def split_ops(self) -> tuple[list[int], list[int]]:
        """Returns the indices of the ops for the Edge TPU, and of those for the CPU."""
        ops = () if self.report is None else self.report.ops
        return (
            [op.index for op in ops if op.target == "edgetpu"],
            [op.index for op in ops if op.target == "cpu"],
        )

    def _split_costs(self, costs: OpCosts) -> dict[str, Any]:
        edgetpu, cpu = self.split_ops()
        edgetpu_s, cpu_s = costs.seconds_of(edgetpu), costs.seconds_of(cpu)
        return {
            "edgetpu_s": edgetpu_s,
            "cpu_s": cpu_s,
            "either_s": max(0.0, costs.total_s - edgetpu_s - cpu_s),
            "cpu_ops": [
                {"ops": list(row.ops), "operator": row.operator, "time_s": row.seconds} for row in costs.rows_of(cpu)
            ],
        }

    def to_csv(self) -> str:
        """The ops as CSV, one line an op; empty for a compiler log."""
        return "" if self.report is None else self.report.to_csv()


def inspect_all(paths: Sequence[Path], runtime: int) -> list[Inspection]:
    """What is in each of the files `paths`; one that cannot be read does not keep the others from being looked at.

    Raises what `inspect` raises where there is one file.
    """
    if len(paths) == 1:
        return [inspect(paths[0], runtime)]
    inspections = []
    for path in paths:
        try:
            inspections.append(inspect(path, runtime))
        except UsageError:
            raise
        except EdgereadyError as error:
            inspections.append(Inspection(file=str(path), error=error))
    return inspections


def inspect(path: Path, runtime: int) -> Inspection:
    """What is in the file `path`, for Edge TPU runtime `runtime`.

    Raises UsageError for a `runtime` that no compiler knows, NotFoundError or ModelFileError.
    """
    check_runtime(runtime)
    if path.suffix in LOG_SUFFIXES:
        return Inspection(file=str(path), log=read_log(path))
    data = read_bytes(path)
    report = check_bytes(data, path, runtime=runtime)
    if all(op.custom_code != COMPILED for op in report.ops):
        return Inspection(file=str(path), size_bytes=len(data), report=report)
    try:
        packages = read_packages(read_graph(data))
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error
    report = _as_compiled(report, packages, runtime)
    return Inspection(file=str(path), size_bytes=len(data), report=report, packages=packages)


def add_costs(inspection: Inspection, profile: Path) -> Inspection:
    """Returns `inspection` with the times that the document `profile` has of its ops.

    Raises UsageError for what is no model, NotFoundError and DocumentError for what is no profile of it.
    """
    if inspection.report is None:
        raise UsageError(f"--profile is for a .tflite file, and {inspection.file} is a compiler log")
    return replace(inspection, costs=read_costs(profile, read_model_file(inspection.file)))


def _as_compiled(report: ReadinessReport, packages: tuple[Package, ...], runtime: int) -> ReadinessReport:
    """The report on what the compiler made: packages run on the Edge TPU, the other ops on the CPU.

    A package that asks for a newer runtime than `runtime` blocks; what a package costs is inside.
    """
    too_new = {package.op: package for package in packages if package.min_runtime_version > runtime}
    blockers = [_too_new(report.ops[op], package, runtime) for op, package in too_new.items()]
    others = [blocker for blocker in report.blockers if blocker.rule != already_compiled.name]
    if len(packages) < len(report.ops) and not others:
        detail = f"the compiler left {len(report.ops) - len(packages)} of {len(report.ops)} ops on the CPU"
        compiled = (blocker for blocker in report.blockers if blocker.rule == already_compiled.name)
        others = [replace(blocker, detail=detail) for blocker in compiled][:1]
    blockers = sorted([*blockers, *others], key=lambda blocker: -1 if blocker.op is None else blocker.op)
    reasons = {blocker.op: blocker for blocker in blockers if blocker.op in too_new}
    ops = []
    for op in report.ops:
        if op.custom_code != COMPILED:
            left = replace(op, detail="the compiler left it on the CPU", remedy="") if op.rule == NOT_COMPILED else op
            ops.append(left)
        elif reason := reasons.get(op.index):
            ops.append(replace(op, target="cpu", rule=reason.rule, detail=reason.detail, remedy=reason.remedy))
        else:
            ops.append(replace(op, target="edgetpu", rule="", detail="", remedy=""))
    return replace(
        report, ready=not blockers, ops=tuple(ops), blockers=tuple(blockers), risks=(), notes=(), cost=None
    )


def _too_new(op: OpVerdict, package: Package, runtime: int) -> Blocker:
    return Blocker(
        rule=old_runtime.name,
        op=op.index,
        detail=(
            f"the package of op {op.index} asks for Edge TPU runtime {package.min_runtime_version}, the device has "
            f"{runtime}"
        ),
        remedy=(
            f"update libedgetpu on the device to runtime {package.min_runtime_version} or newer, or compile with "
            f"`edgeready compile --runtime {runtime}`"
        ),
        sentence=old_runtime.sentence,
        evidence=_OLD_RUNTIME,
    )
