"""What a check says about one op: a finding of a rule, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One reason why the Edge TPU refuses something, or may refuse it where it is `uncertain`.

    `rule` is the rule's name, `op` the op's index in the file (None where the model as a whole is meant),
    `detail` says what is wrong with its values, `remedy` what to do about it.
    """

    rule: str
    op: int | None
    detail: str
    remedy: str
    uncertain: bool = False


@dataclass(frozen=True, kw_only=True)
class OpVerdict:
    """Where one op will run: `target` is "edgetpu" or "cpu"; `rule`, `detail` and `remedy` are empty when mapped.

    An op that is `uncertain` has the target "edgetpu" and the rule that doubts it.
    """

    index: int
    name: str
    version: int
    target: str
    rule: str = ""
    detail: str = ""
    remedy: str = ""
    custom_code: str = ""
    uncertain: bool = False

    def __post_init__(self) -> None:
        if self.target not in ("edgetpu", "cpu"):
            raise ValueError(f"target {self.target!r} of op {self.index} is neither 'edgetpu' nor 'cpu'")
        if bool(self.rule) != (self.target == "cpu" or self.uncertain) or (self.uncertain and self.target == "cpu"):
            raise ValueError(f"op {self.index} has the target {self.target!r} and the rule {self.rule!r}")

    def to_dict(self) -> dict[str, Any]:
        """The verdict as a JSON object; `custom_code` is there for CUSTOM ops only."""
        document: dict[str, Any] = {
            "index": self.index,
            "name": self.name,
            "version": self.version,
            "target": self.target,
            "uncertain": self.uncertain,
            "rule": self.rule,
            "detail": self.detail,
            "remedy": self.remedy,
        }
        if self.name == "CUSTOM":
            document["custom_code"] = self.custom_code
        return document
