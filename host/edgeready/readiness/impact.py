"""How much of a model sits behind each blocker, and what mending that one alone would bring to the Edge TPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from edgeready.readiness.cost import OpCost
from edgeready.readiness.data_types import FORGIVEN
from edgeready.readiness.dataflow import Flow
from edgeready.readiness.verdict import Finding
from edgeready_device.tflite.graph import Graph


@dataclass(frozen=True)
class Work:
    """A number of ops with their multiply-accumulates and parameter bytes."""

    ops: int = 0
    macs: int = 0
    parameter_bytes: int = 0

    def plus(self, op: OpCost) -> Work:
        """This work and that of one more op."""
        return Work(self.ops + 1, self.macs + op.macs, self.parameter_bytes + op.parameter_bytes)


@dataclass(frozen=True)
class Behind:
    """`work` is that of the blocker's own ops and of all that depend on them; `freed` what the Edge TPU would take
    over if this blocker alone were mended."""

    work: Work = field(default_factory=Work)
    freed: Work = field(default_factory=Work)

    def as_dict(self) -> dict[str, Any]:
        """The two as one JSON object."""
        return {**asdict(self.work), "freed": asdict(self.freed)}


def behind(
    graph: Graph,
    flow: Flow,
    findings: Mapping[int, Finding],
    blockers: Sequence[Finding],
    costs: Sequence[OpCost],
    stops: Callable[[Finding], bool],
) -> tuple[Behind, ...]:
    """One Behind per blocker; one that stops the compiler (`stops`) has the whole model behind it."""
    above = _above(graph, flow, findings, blockers)
    stopping = sum(1 << number for number, blocker in enumerate(blockers) if stops(blocker))
    work = [Work() for _ in blockers]
    freed = [Work() for _ in blockers]
    for op, mask in zip(costs, above, strict=True):
        mask |= stopping
        left = mask
        while left:
            number = (left & -left).bit_length() - 1
            left &= left - 1
            work[number] = work[number].plus(op)
            if mask == 1 << number:
                freed[number] = freed[number].plus(op)
    return tuple(Behind(*pair) for pair in zip(work, freed, strict=True))


def _above(graph: Graph, flow: Flow, findings: Mapping[int, Finding], blockers: Sequence[Finding]) -> list[int]:
    """For each op a bit for every blocker that keeps it off the Edge TPU: its own, and those of the ops above it."""
    number = {(blocker.rule, blocker.detail): index for index, blocker in enumerate(blockers)}
    masks: list[int] = []
    passed_on: list[int] = []
    entrance: list[bool] = []
    for op in graph.ops:
        parents = flow.parents[op.index]
        inherited = 0
        for parent in parents:
            inherited |= passed_on[parent]
        finding = findings.get(op.index)
        own = 0
        if finding is not None and (finding.rule, finding.detail) in number:
            own = 1 << number[finding.rule, finding.detail]
        forgiven = finding is not None and finding.rule in FORGIVEN and all(entrance[i] for i in parents)
        entrance.append(forgiven)
        masks.append(inherited | own)
        passed_on.append(inherited if forgiven else inherited | own)
    return masks
