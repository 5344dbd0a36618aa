"""The effect of refused ops on the rest: the ops that depend on them, and the work that each blocker holds back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from edgeready.readiness.cost import OpCost
from edgeready.readiness.data_types import FORGIVEN
from edgeready.readiness.place import Flow, op_text
from edgeready.readiness.verdict import Finding, OpVerdict
from edgeready_device.tflite.graph import Graph, Op

DOWNSTREAM = "downstream"
NOT_COMPILED = "not-compiled"


def judge_ops(
    graph: Graph,
    flow: Flow,
    findings: Mapping[int, Finding],
    *,
    doubts: Mapping[int, Finding],
    stopped_by: Sequence[Finding],
) -> tuple[OpVerdict, ...]:
    """The verdict on every op; `doubts` are uncertain findings, `stopped_by` those that stop the compiler."""
    causes = find_causes(graph, flow, findings)
    verdicts = []
    for op in graph.ops:
        finding = findings.get(op.index)
        cause = causes[op.index]
        if finding is None and stopped_by:
            finding = _not_compiled(graph, op, stopped_by[0])
        elif finding is None and cause is not None:
            finding = _downstream(graph, op, findings[cause])
        verdicts.append(_verdict(op, finding or doubts.get(op.index)))
    return tuple(verdicts)


def find_causes(graph: Graph, flow: Flow, findings: Mapping[int, Finding]) -> list[int | None]:
    """For each op the refused op whose results keep it off the Edge TPU: itself, the first one above, or None.

    A float QUANTIZE or a CAST at the entrance of the graph keeps only itself off.
    """
    causes: list[int | None] = []
    entrance: list[bool] = []
    for op in graph.ops:
        parents = flow.parents[op.index]
        finding = findings.get(op.index)
        forgiven = finding is not None and finding.rule in FORGIVEN and all(entrance[i] for i in parents)
        entrance.append(forgiven)
        if finding is not None:
            causes.append(None if forgiven else op.index)
        else:
            above = [cause for cause in (causes[i] for i in parents) if cause is not None]
            causes.append(min(above, default=None))
    return causes


def _verdict(op: Op, finding: Finding | None) -> OpVerdict:
    return OpVerdict(
        index=op.index,
        name=op.name,
        version=op.version,
        target="edgetpu" if finding is None or finding.uncertain else "cpu",
        rule="" if finding is None else finding.rule,
        detail="" if finding is None else finding.detail,
        remedy="" if finding is None else finding.remedy,
        custom_code=op.custom_code,
        uncertain=finding is not None and finding.uncertain,
    )


def _not_compiled(graph: Graph, op: Op, stop: Finding) -> Finding:
    where = "" if stop.op is None else f" at {op_text(graph, graph.ops[stop.op])}"
    return Finding(
        rule=NOT_COMPILED,
        op=op.index,
        detail=f"the compiler maps no op of this file ({stop.rule}{where})",
        remedy=f"clear {stop.rule} first",
    )


def _downstream(graph: Graph, op: Op, root: Finding) -> Finding:
    above = op_text(graph, graph.ops[root.op or 0])
    return Finding(
        rule=DOWNSTREAM,
        op=op.index,
        detail=f"acceptable, but it depends on {above}, which stays on the CPU ({root.rule})",
        remedy=f"clear {root.rule} at op {root.op} first",
    )


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A root cause: the `finding` at its first op, and all `ops` that have it; none for the model as a whole."""

    finding: Finding
    ops: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Work:
    """A number of ops with their multiply-accumulates and parameter bytes."""

    ops: int = 0
    macs: int = 0
    parameter_bytes: int = 0

    def plus(self, op: OpCost) -> Work:
        """This work and that of one more op."""
        return Work(
            ops=self.ops + 1, macs=self.macs + op.macs, parameter_bytes=self.parameter_bytes + op.parameter_bytes
        )


@dataclass(frozen=True, kw_only=True)
class Impact:
    """How much of a model one blocker holds back.

    `work` is that of the blocker's own ops and of all that depend on them; `gain` is what the Edge TPU would take
    over if this blocker alone were cleared.
    """

    work: Work = field(default_factory=Work)
    gain: Work = field(default_factory=Work)

    def to_dict(self) -> dict[str, Any]:
        """The work, and the gain under "freed", as one JSON object."""
        return {**asdict(self.work), "freed": asdict(self.gain)}


def measure_impact(
    graph: Graph,
    flow: Flow,
    findings: Mapping[int, Finding],
    *,
    causes: Sequence[Cause],
    costs: Sequence[OpCost],
    stops: Callable[[Finding], bool],
) -> tuple[Impact, ...]:
    """One Impact per cause; one that stops the compiler (`stops`) holds back the whole model."""
    stopping = sum(1 << number for number, cause in enumerate(causes) if stops(cause.finding))
    work = [Work() for _ in causes]
    gain = [Work() for _ in causes]
    for op, mask in zip(costs, _cause_masks(graph, flow, findings, causes=causes), strict=True):
        mask |= stopping
        rest = mask
        while rest:
            number = (rest & -rest).bit_length() - 1
            rest &= rest - 1
            work[number] = work[number].plus(op)
            if mask == 1 << number:
                gain[number] = gain[number].plus(op)
    return tuple(Impact(work=behind, gain=alone) for behind, alone in zip(work, gain, strict=True))


def _cause_masks(graph: Graph, flow: Flow, findings: Mapping[int, Finding], *, causes: Sequence[Cause]) -> list[int]:
    """For each op a bit for every cause that keeps it off the Edge TPU: its own, and those of the ops above it."""
    number = {op: index for index, cause in enumerate(causes) for op in cause.ops}
    masks: list[int] = []
    passed_on: list[int] = []
    entrance: list[bool] = []
    for op in graph.ops:
        parents = flow.parents[op.index]
        inherited = 0
        for parent in parents:
            inherited |= passed_on[parent]
        finding = findings.get(op.index)
        own = 1 << number[op.index] if op.index in number else 0
        forgiven = finding is not None and finding.rule in FORGIVEN and all(entrance[i] for i in parents)
        entrance.append(forgiven)
        masks.append(inherited | own)
        passed_on.append(inherited if forgiven else inherited | own)
    return masks
