"""The compiler's result, op by op, against the prediction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from edgeready.edgetpu.compiler_log import CompilerLog
from edgeready.readiness import OpVerdict, ReadinessReport
from edgeready.readiness.compiler_table import predict_table
from edgeready.readiness.operators import COMPILED
from edgeready_device.tflite.graph import Graph


@dataclass(frozen=True, kw_only=True)
class Difference:
    """An op that went elsewhere than predicted; `rule` is why it was predicted for the CPU or as uncertain, or ""."""

    op: int
    name: str
    predicted: str
    actual: str
    rule: str


@dataclass(frozen=True, kw_only=True)
class RowDifference:
    """A row of the table whose count was predicted wrong."""

    op: str
    status: str
    predicted: int
    actual: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How many of the ops went to the Edge TPU, and where the prediction was wrong, by op and by row of the table."""

    mapped: int
    total: int
    differences: tuple[Difference, ...]
    rows: tuple[RowDifference, ...]

    def to_dict(self) -> dict[str, Any]:
        """The outcome as a JSON object."""
        return {
            "mapped": self.mapped,
            "total": self.total,
            "differences": [
                {"op": op.op, "name": op.name, "predicted": op.predicted, "found": op.actual, "rule": op.rule}
                for op in self.differences
            ],
            "row_differences": [
                {"op": row.op, "status": row.status, "predicted": row.predicted, "found": row.actual}
                for row in self.rows
            ],
        }


def compare_outcome(graph: Graph, compiled: Graph, log: CompilerLog, *, report: ReadinessReport) -> Outcome:
    """The outcome of compiling `graph` to `compiled`, against the prediction in `report`.

    An op stayed on the CPU when the compiled graph still holds one of its name that makes a tensor of the same name.
    """
    left = {
        (op.name, tensor.name)
        for op in compiled.ops
        if op.custom_code != COMPILED
        for tensor in compiled.of(op.outputs)
    }
    targets = {
        op.index: "cpu" if any((op.name, t.name) in left for t in graph.of(op.outputs)) else "edgetpu"
        for op in graph.ops
    }
    differences = tuple(
        Difference(op=op.index, name=op.name, predicted=_predicted(op), actual=targets[op.index], rule=op.rule)
        for op in report.ops
        if op.target != targets[op.index]
    )
    mapped = sum(target == "edgetpu" for target in targets.values())
    return Outcome(mapped=mapped, total=len(targets), differences=differences, rows=_compare_rows(report, log))


def _predicted(op: OpVerdict) -> str:
    return "uncertain" if op.uncertain else op.target


def _compare_rows(report: ReadinessReport, log: CompilerLog) -> tuple[RowDifference, ...]:
    names = {op.name for op in report.ops}
    predicted: Counter[tuple[str, str]] = Counter()
    for name, count, status in predict_table(report):
        predicted[name if name in names else "CUSTOM", status] += count  # the log names no custom op
    actual: Counter[tuple[str, str]] = Counter()
    for row in log.rows:
        actual[row.op, row.status] += row.count
    return tuple(
        RowDifference(op=op, status=status, predicted=predicted[op, status], actual=actual[op, status])
        for op, status in dict.fromkeys([*predicted, *actual])
        if predicted[op, status] != actual[op, status]
    )
