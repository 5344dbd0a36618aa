"""What the compiler did, op by op, against what was predicted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from edgeready.edgetpu.compiler_log import CompilerLog
from edgeready.readiness import ReadinessReport
from edgeready.readiness.compiler_table import predict_table
from edgeready.readiness.operators import COMPILED
from edgeready_device.tflite.graph import Graph


@dataclass(frozen=True)
class Difference:
    """An op of which the prediction was wrong; `rule` is why it was predicted for the CPU, or ""."""

    op: int
    name: str
    predicted: str
    found: str
    rule: str


@dataclass(frozen=True)
class RowDifference:
    """A row of the table whose count was predicted wrong."""

    op: str
    status: str
    predicted: int
    found: int


@dataclass(frozen=True)
class Outcome:
    """`mapped` of `total` ops went to the Edge TPU; what was predicted otherwise is in the differences."""

    mapped: int
    total: int
    differences: tuple[Difference, ...]
    rows: tuple[RowDifference, ...]

    def to_dict(self) -> dict[str, Any]:
        """The outcome as a JSON object."""
        return {
            "mapped": self.mapped,
            "total": self.total,
            "differences": [asdict(one) for one in self.differences],
            "row_differences": [asdict(one) for one in self.rows],
        }


def outcome(graph: Graph, compiled: Graph, log: CompilerLog, report: ReadinessReport) -> Outcome:
    """How `graph` came out as `compiled`.

    An op stayed on the CPU when the compiled graph still holds one of its name that makes a tensor of the same name.
    """
    kept = {
        (op.name, tensor.name)
        for op in compiled.ops
        if op.custom_code != COMPILED
        for tensor in compiled.of(op.outputs)
    }
    targets = {
        op.index: "cpu" if any((op.name, t.name) in kept for t in graph.of(op.outputs)) else "edgetpu"
        for op in graph.ops
    }
    differences = tuple(
        Difference(op.index, op.name, op.target, targets[op.index], op.rule)
        for op in report.ops
        if op.target != targets[op.index]
    )
    mapped = sum(target == "edgetpu" for target in targets.values())
    return Outcome(mapped, len(targets), differences, _rows(report, log))


def _rows(report: ReadinessReport, log: CompilerLog) -> tuple[RowDifference, ...]:
    told: dict[tuple[str, str], int] = {}
    for op in predict_table(report):
        name = op[0] if any(one.name == op[0] for one in report.ops) else "CUSTOM"  # the log names no custom op
        told[name, op[2]] = told.get((name, op[2]), 0) + op[1]
    found: dict[tuple[str, str], int] = {}
    for row in log.rows:
        found[row.op, row.status] = found.get((row.op, row.status), 0) + row.count
    return tuple(
        RowDifference(*key, told.get(key, 0), found.get(key, 0))
        for key in dict.fromkeys([*told, *found])
        if told.get(key, 0) != found.get(key, 0)
    )
