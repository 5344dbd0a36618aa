"""Which ops the Edge TPU gets: the acceptable ones that nothing refused stands above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgeready.readiness.data_types import FORGIVEN
from edgeready.readiness.dataflow import Flow
from edgeready.readiness.verdict import Finding, OpVerdict
from edgeready.readiness.wording import op_text
from edgeready_device.tflite.graph import Graph, Op

DOWNSTREAM = "downstream"
NOT_COMPILED = "not-compiled"


def causes(graph: Graph, flow: Flow, findings: Mapping[int, Finding]) -> list[int | None]:
    """For each op the refused op that keeps it off the Edge TPU by its results: itself, one above, or None.

    A float QUANTIZE or a CAST that only such ops stand above does not keep back what follows it.
    """
    found: list[int | None] = []
    entrance: list[bool] = []
    for op in graph.ops:
        parents = flow.parents[op.index]
        finding = findings.get(op.index)
        forgiven = finding is not None and finding.rule in FORGIVEN and all(entrance[i] for i in parents)
        entrance.append(forgiven)
        if finding is not None:
            found.append(None if forgiven else op.index)
        else:
            found.append(next((found[i] for i in parents if found[i] is not None), None))
    return found


def verdicts(
    graph: Graph, flow: Flow, findings: Mapping[int, Finding], stopped_by: Sequence[Finding]
) -> tuple[OpVerdict, ...]:
    """The verdict on every op; `stopped_by` are the findings that stop the compiler, if any."""
    blocked = causes(graph, flow, findings)
    made = []
    for op in graph.ops:
        finding = findings.get(op.index)
        cause = blocked[op.index]
        if finding is None and stopped_by:
            finding = _not_compiled(graph, op, stopped_by[0])
        elif finding is None and cause is not None:
            finding = _downstream(graph, op, findings[cause])
        made.append(_verdict(op, finding))
    return tuple(made)


def _verdict(op: Op, finding: Finding | None) -> OpVerdict:
    if finding is None:
        return OpVerdict(op.index, op.name, op.version, "edgetpu", custom_code=op.custom_code)
    return OpVerdict(
        op.index, op.name, op.version, "cpu", finding.rule, finding.detail, finding.remedy, op.custom_code
    )


def _not_compiled(graph: Graph, op: Op, stop: Finding) -> Finding:
    where = "" if stop.op is None else f" at {op_text(graph, graph.ops[stop.op])}"
    return Finding(
        NOT_COMPILED,
        op.index,
        f"the compiler maps no op of this file ({stop.rule}{where})",
        f"clear {stop.rule} first",
    )


def _downstream(graph: Graph, op: Op, root: Finding) -> Finding:
    above = op_text(graph, graph.ops[root.op or 0])
    return Finding(
        DOWNSTREAM,
        op.index,
        f"acceptable, but it depends on {above}, which stays on the CPU ({root.rule})",
        f"clear {root.rule} at op {root.op} first",
    )
