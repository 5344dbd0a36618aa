"""The report of a check: a verdict for each op, the blockers, the cost, and the advice."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from edgeready.readiness.cost import Cost
from edgeready.readiness.evidence import Evidence
from edgeready.readiness.propagation import Impact
from edgeready.readiness.verdict import Finding, OpVerdict
from edgeready_device.text import csv_text


@dataclass(frozen=True, kw_only=True)
class Blocker(Finding):
    """A root cause: a finding, its rule's `sentence` and `evidence`, and what it is about.

    An uncertain one may keep ops off the Edge TPU, the others do. `layer`, `tensor` and `shape` are those of the op's
    first result; they are empty for the model as a whole.
    """

    sentence: str = ""
    evidence: Evidence = field(default_factory=Evidence)
    layer: str = ""
    tensor: str = ""
    shape: tuple[int, ...] = ()
    impact: Impact = field(default_factory=Impact)

    def to_dict(self, name: str) -> dict[str, Any]:
        """The blocker as a JSON object; `name` is its op's, "" for the model as a whole."""
        return {
            "rule": self.rule,
            "op": self.op,
            "name": name,
            "detail": self.detail,
            "remedy": self.remedy,
            "sentence": self.sentence,
            "evidence": self.evidence.to_dict(),
            "layer": self.layer,
            "tensor": self.tensor,
            "shape": list(self.shape),
            "behind": asdict(self.impact.work) if self.uncertain else self.impact.to_dict(),
        }


@dataclass(frozen=True, kw_only=True)
class ReadinessReport:
    """What `edgetpu_compiler` 16 would do with one model.

    `ready` is true when there are ops and every one of them is known to be mapped. `blockers` are the root causes
    that keep ops off the Edge TPU, `risks` those that may: the op lies between the largest example that was mapped
    and the smallest that was refused. Blockers that stop the compiler come first, the others in the order of the
    graph. `notes` is advice that decides nothing, `cost` what an inference takes.
    """

    file: str
    ready: bool
    ops: tuple[OpVerdict, ...]
    blockers: tuple[Blocker, ...] = ()
    risks: tuple[Blocker, ...] = ()
    notes: tuple[str, ...] = ()
    cost: Cost | None = None

    def __post_init__(self) -> None:
        if self.ready == bool(self.blockers or self.risks):
            raise ValueError(f"ready is {self.ready} with {len(self.blockers)} blockers and {len(self.risks)} risks")
        if self.ready and self.mapped != len(self.ops):
            raise ValueError(f"ready, but {len(self.ops) - self.mapped} of {len(self.ops)} ops stay on the CPU")

    @property
    def verdict(self) -> str:
        """ "ready", "probably ready" where an op is uncertain and none is refused, or "not ready"."""
        if self.blockers:
            return "not ready"
        return "probably ready" if self.risks else "ready"

    @property
    def uncertain(self) -> int:
        """Number of ops that may be refused, among those that are counted as mapped."""
        return sum(op.uncertain for op in self.ops)

    @property
    def mapped(self) -> int:
        """Number of ops that the Edge TPU runs, the uncertain ones among them."""
        return sum(op.target == "edgetpu" for op in self.ops)

    def to_dict(self) -> dict[str, Any]:
        """The report as one JSON object; a blocker's `name` is its op's, "" for the model as a whole."""
        return {
            "file": self.file,
            "ready": self.ready,
            "verdict": self.verdict,
            "mapped": self.mapped,
            "uncertain": self.uncertain,
            "total": len(self.ops),
            "blockers": self._documents(self.blockers),
            "risks": self._documents(self.risks),
            "notes": list(self.notes),
            "cost": None if self.cost is None else self.cost.to_dict(),
            "ops": [op.to_dict() for op in self.ops],
        }

    def _documents(self, causes: tuple[Blocker, ...]) -> list[dict[str, Any]]:
        return [cause.to_dict("" if cause.op is None else self.ops[cause.op].name) for cause in causes]

    def to_csv(self) -> str:
        """The ops as CSV, one line an op."""
        return csv_text([op.to_dict() for op in self.ops])
