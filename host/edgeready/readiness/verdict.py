"""What a check says: findings, a verdict for each op, and the report that holds both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One reason why the Edge TPU refuses something.

    `rule` is the rule's name, `op` the op's index in the file (None where the model as a whole is meant),
    `detail` what was found with its values, `remedy` what to do about it.
    """

    rule: str
    op: int | None
    detail: str
    remedy: str


@dataclass(frozen=True)
class OpVerdict:
    """Where one op will run: `target` is "edgetpu" or "cpu"; `rule`, `detail` and `remedy` are empty when mapped."""

    index: int
    name: str
    version: int
    target: str
    rule: str = ""
    detail: str = ""
    remedy: str = ""
    custom_code: str = ""

    def __post_init__(self) -> None:
        if self.target not in ("edgetpu", "cpu"):
            raise ValueError(f"target {self.target!r} of op {self.index} is neither 'edgetpu' nor 'cpu'")
        if (self.target == "edgetpu") == bool(self.rule):
            raise ValueError(f"op {self.index} has the target {self.target!r} and the rule {self.rule!r}")

    def as_dict(self) -> dict[str, Any]:
        """The verdict as a JSON object; `custom_code` is there for CUSTOM ops only."""
        found: dict[str, Any] = {
            "index": self.index,
            "name": self.name,
            "version": self.version,
            "target": self.target,
            "rule": self.rule,
            "detail": self.detail,
            "remedy": self.remedy,
        }
        if self.name == "CUSTOM":
            found["custom_code"] = self.custom_code
        return found


@dataclass(frozen=True)
class ReadinessReport:
    """What `edgetpu_compiler` 16 would do with one model.

    `ready` holds when there are ops and every one of them is mapped. `blockers` are the root causes of those that
    are not, each to be cleared by itself; `notes` is advice that decides nothing.
    """

    file: str
    ready: bool
    ops: tuple[OpVerdict, ...]
    blockers: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.ready == bool(self.blockers):
            raise ValueError(f"ready is {self.ready} with {len(self.blockers)} blockers")
        if self.ready and self.mapped != len(self.ops):
            raise ValueError(f"ready, but {len(self.ops) - self.mapped} of {len(self.ops)} ops stay on the CPU")

    @property
    def mapped(self) -> int:
        """Number of ops that the Edge TPU runs."""
        return sum(op.target == "edgetpu" for op in self.ops)

    def as_dict(self) -> dict[str, Any]:
        """The report as one JSON object; a blocker's `name` is its op's, "" for the model as a whole."""
        return {
            "file": self.file,
            "ready": self.ready,
            "mapped": self.mapped,
            "total": len(self.ops),
            "blockers": [
                {
                    "rule": blocker.rule,
                    "op": blocker.op,
                    "name": "" if blocker.op is None else self.ops[blocker.op].name,
                    "detail": blocker.detail,
                    "remedy": blocker.remedy,
                }
                for blocker in self.blockers
            ],
            "notes": list(self.notes),
            "ops": [op.as_dict() for op in self.ops],
        }
