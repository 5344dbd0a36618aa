"""The report of a check: a verdict for each op, the blockers, the cost, and the advice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edgeready.readiness.cost import Cost
from edgeready.readiness.propagation import Impact
from edgeready.readiness.verdict import Finding, OpVerdict
from edgeready_device.text import csv_text


@dataclass(frozen=True, kw_only=True)
class Blocker(Finding):
    """A root cause: a finding, its rule's `sentence`, and what it is about.

    `layer`, `tensor` and `shape` are those of the op's first result; they are empty for the model as a whole.
    """

    sentence: str = ""
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
            "layer": self.layer,
            "tensor": self.tensor,
            "shape": list(self.shape),
            "behind": self.impact.to_dict(),
        }


@dataclass(frozen=True, kw_only=True)
class ReadinessReport:
    """What `edgetpu_compiler` 16 would do with one model.

    `ready` is true when there are ops and every one of them is mapped. `blockers` are the root causes that keep ops
    off the Edge TPU; each has its own remedy. `notes` is advice that decides nothing, `cost` what an inference takes.
    """

    file: str
    ready: bool
    ops: tuple[OpVerdict, ...]
    blockers: tuple[Blocker, ...] = ()
    notes: tuple[str, ...] = ()
    cost: Cost | None = None

    def __post_init__(self) -> None:
        if self.ready == bool(self.blockers):
            raise ValueError(f"ready is {self.ready} with {len(self.blockers)} blockers")
        if self.ready and self.mapped != len(self.ops):
            raise ValueError(f"ready, but {len(self.ops) - self.mapped} of {len(self.ops)} ops stay on the CPU")

    @property
    def mapped(self) -> int:
        """Number of ops that the Edge TPU runs."""
        return sum(op.target == "edgetpu" for op in self.ops)

    def to_dict(self) -> dict[str, Any]:
        """The report as one JSON object; a blocker's `name` is its op's, "" for the model as a whole."""
        return {
            "file": self.file,
            "ready": self.ready,
            "mapped": self.mapped,
            "total": len(self.ops),
            "blockers": [
                blocker.to_dict("" if blocker.op is None else self.ops[blocker.op].name) for blocker in self.blockers
            ],
            "notes": list(self.notes),
            "cost": None if self.cost is None else self.cost.to_dict(),
            "ops": [op.to_dict() for op in self.ops],
        }

    def to_csv(self) -> str:
        """The ops as CSV, one line an op."""
        return csv_text([op.to_dict() for op in self.ops])
