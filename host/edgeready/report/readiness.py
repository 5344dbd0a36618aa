"""Shows a check or a compilation: readiness, compiler logs and compiled files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType

from edgeready.edgetpu.compiled import Package
from edgeready.edgetpu.compiler_log import CompilerLog
from edgeready.readiness import Blocker, ReadinessReport
from edgeready.readiness.compiler_table import MAPPED, predict_table
from edgeready.readiness.cost import Cost
from edgeready.readiness.place import name_text, shape_text
from edgeready.readiness.propagation import Work
from edgeready.report.lines import line
from edgeready.workflows.compile import Compilation

PREDICTION = "This is a prediction from the file alone; only `edgeready compile` proves it."


def readiness_view(report: ReadinessReport) -> RenderableType:
    """Returns the readiness of one file as text: the compiler's table, the blockers with their remedies, the cost."""
    lines: list[RenderableType] = [
        line(f"{report.file}: {verdict(report)}", "bold"),
        line(),
        table_view(predict_table(report)),
        line(),
    ]
    for number, blocker in enumerate((*report.blockers, *report.risks), 1):
        lines.extend(_blocker(number, blocker, report))
    if report.cost is not None:
        lines.append(line(f"cost: {_cost(report.cost)}"))
    lines.extend(line(f"note: {note}") for note in report.notes)
    lines.append(line(PREDICTION, "dim"))
    return Group(*lines)


def verdict(report: ReadinessReport) -> str:
    """Returns the verdict in a few words, with the number of mapped ops."""
    share = f"{report.mapped} of {len(report.ops)} ops mapped"
    if report.uncertain:
        share += f", {report.uncertain} of them uncertain"
    if report.blockers:
        return f"NOT Edge-TPU ready, {share}"
    return f"Edge-TPU ready (predicted), {share}" if report.ready else f"probably Edge-TPU ready (predicted), {share}"


def warning_lines(reports: Iterable[ReadinessReport]) -> list[str]:
    """Returns a line for each report that is probably ready: how many ops are uncertain, and the first of them."""
    return [
        f"{report.file}: probably ready, {report.uncertain} of {len(report.ops)} ops uncertain: "
        f"{report.risks[0].detail}"
        for report in reports
        if report.verdict == "probably ready"
    ]


def table_view(rows: Sequence[tuple[str, int, str]]) -> RenderableType:
    """Returns the rows (op, count, status) in the columns of the compiler's own table."""
    lines = [line(f"{'Operator':<31}{'Count':<11}Status", "bold"), line()]
    for name, count, status in rows:
        start = line(f"{name:<30} {count:<10} ", "default")
        lines.append(start.append_text(line(status, "green" if status == MAPPED else "red")))
    return Group(*lines)


def package_view(
    file: str, packages: Sequence[Package], cpu_ops: int, *, blockers: Sequence[Blocker] = ()
) -> RenderableType:
    """Returns the packages of a compiled file as text, and what keeps the file from running on the Edge TPU alone.

    `cpu_ops` is the number of its ops on the CPU.
    """
    ops = f"{len(packages)} Edge TPU op{'s' if len(packages) != 1 else ''}, {cpu_ops} op{'s' if cpu_ops != 1 else ''}"
    lines = [line(f"{file}: already compiled, {ops} on the CPU", "bold")]
    for package in packages:
        lines.append(
            line(
                f"op {package.op}: Edge TPU runtime {package.min_runtime_version} or newer; "
                f"{package.cached_bytes:,} parameter bytes cached, {package.streamed_bytes:,} streamed; package of "
                f"{package.size_bytes:,} bytes"
            )
        )
        lines.extend(
            line(
                f"  {program.kind}: {program.size_bytes:,} bytes, of them {program.instruction_bytes:,} instructions "
                f"and {program.parameter_bytes:,} parameters; scratch {program.scratch_bytes:,}"
            )
            for program in package.executables
        )
    for number, blocker in enumerate(blockers, 1):
        lines.append(line(f"{number}. {blocker.rule}: {blocker.detail}", "red"))
        lines.append(line(f"   remedy: {blocker.remedy}"))
    return Group(*lines)


def log_view(file: str, log: CompilerLog) -> RenderableType:
    """Returns a compiler log as text: the result, the table, the memory."""
    compiler = f"compiler {log.version or 'of unknown version'}"
    lines: list[RenderableType] = [line(f"{file}: {log.mapped} of {log.total} ops mapped by {compiler}", "bold")]
    if log.failure is not None:
        lines.append(line(f"it made nothing: {log.failure.message}", "red"))
        lines.append(line(f"   cause: {log.failure.cause}"))
        lines.append(line(f"   remedy: {log.failure.remedy}"))
    if log.rows:
        lines.extend([line(), table_view([(row.op, row.count, row.status) for row in log.rows]), line()])
    sizes = (
        ("parameters cached", log.cached_bytes),
        ("cache left", log.remaining_bytes),
        ("streamed", log.streamed_bytes),
    )
    memory = [f"{label} {size:,} bytes" for label, size in sizes if size is not None]
    if memory:
        lines.append(line(f"memory: {', '.join(memory)}"))
    if any(row.status != MAPPED for row in log.rows):
        lines.append(line("note: the log names no op and no cause: run `edgeready check` on the model itself"))
    return Group(*lines)


def compilation_view(compilation: Compilation) -> RenderableType:
    """Returns a compilation as text: the compiler's table, the compiled file, and where the prediction was wrong."""
    outcome = compilation.outcome
    lines: list[RenderableType] = [
        log_view(compilation.report.file, compilation.log),
        package_view(str(compilation.out), compilation.packages, outcome.total - outcome.mapped),
    ]
    if not (outcome.differences or outcome.rows):
        lines.append(line(f"prediction: right for all {outcome.total} ops and every row of the table", "green"))
    for op in outcome.differences:
        why = f" ({op.rule})" if op.rule else ""
        label, colour = ("uncertain", "yellow") if op.predicted == "uncertain" else ("prediction WRONG", "red")
        lines.append(line(f"{label}: op {op.op} {op.name} is {op.actual}, predicted {op.predicted}{why}", colour))
    for row in outcome.rows:
        lines.append(
            line(f"table: {row.op} {row.status!r} has {row.actual} ops, predicted {row.predicted}", "yellow")
        )
    return Group(*lines)


def _blocker(number: int, blocker: Blocker, report: ReadinessReport) -> Iterator[RenderableType]:
    label, colour = ("uncertain, ", "yellow") if blocker.uncertain else ("", "red")
    yield line(f"{number}. {label}{blocker.rule}: {blocker.detail}", colour)
    yield line(f"   rule: {blocker.sentence}")
    if evidence := blocker.evidence.text():
        yield line(f"   evidence: {evidence}")
    if blocker.op is not None:
        op = report.ops[blocker.op]
        tensor = f"tensor {name_text(blocker.tensor)} {shape_text(blocker.shape)}"
        yield line(
            f"   where: op {op.index} {op.custom_code or op.name} of layer {name_text(blocker.layer)}, {tensor}"
        )
    yield line(f"   behind it: {_work(blocker.impact.work, report.cost)}")
    if len(report.blockers) > 1 and not blocker.uncertain:
        yield line(f"   clearing it alone brings the Edge TPU: {_work(blocker.impact.gain, report.cost)}")
    yield line(f"   remedy: {blocker.remedy}")


def _work(work: Work, cost: Cost | None) -> str:
    if not work.ops:
        return "nothing"
    share = f" ({100 * work.macs / cost.macs:.1f} %)" if cost is not None and cost.macs else ""
    ops = f"{work.ops} op{'s' if work.ops > 1 else ''}"
    return f"{ops}, {work.macs:,} multiply-accumulates{share}, {work.parameter_bytes:,} parameter bytes"


def _cost(cost: Cost) -> str:
    share = "" if cost.edgetpu_share is None else f", {100 * cost.edgetpu_share:.1f} % on the Edge TPU"
    left = f"; {cost.cpu_ops} op{'s' if cost.cpu_ops > 1 else ''} left to the CPU" if cost.cpu_ops else ""
    moved = f", {cost.cpu_elements:,} of them by the CPU" if cost.cpu_ops else ""
    return (
        f"{cost.macs:,} multiply-accumulates{share}; {cost.elements:,} elements moved{moved}{left}; "
        f"{cost.parameter_bytes:,} parameter bytes; "
        f"{cost.edgetpu_partitions} Edge TPU and {cost.cpu_partitions} CPU partition"
        f"{'s' if cost.cpu_partitions != 1 else ''}"
    )
