"""The finding of a probe, and all findings together."""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = ("ok", "note", "problem")


@dataclass(frozen=True)
class Finding:
    """One fact about this machine in a `sentence`; `remedy` is the command or the step that fixes it, or empty."""

    probe: str
    level: str
    sentence: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"the level {self.level!r} is none of {', '.join(LEVELS)}")


@dataclass(frozen=True)
class Diagnosis:
    """All findings in the order of the probes; `ran` names the runtimes on which the `subject` really ran."""

    findings: tuple[Finding, ...]
    ran: tuple[str, ...]
    subject: str

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that need a remedy."""
        return tuple(finding for finding in self.findings if finding.level == "problem")
