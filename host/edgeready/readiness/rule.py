"""A rule: a small generator. The first sentence of its docstring is shown to the user and in the manual."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from edgeready.readiness.evidence import Evidence
from edgeready.readiness.place import Place
from edgeready.readiness.verdict import Finding
from edgeready_device.tflite.graph import Graph

Effect = Literal["stops", "refuses", "doubts", "notes"]


class Reason(NamedTuple):
    """Why a rule speaks against an op: what is wrong, with its values, and what to do about it.

    `uncertain` is for an op that lies between the largest mapped example and the smallest refused one.
    """

    detail: str
    remedy: str
    uncertain: bool = False


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule for ops: `ops` are the names that it looks at (all when empty).

    A finding of a rule that "stops" means that no op of the model is mapped; of one that "refuses", that the op and
    what depends on it stay on the CPU; of one that "doubts", that it is not known; of one that "notes", nothing.
    """

    name: str
    sentence: str
    ops: frozenset[str]
    effect: Effect
    evidence: Evidence
    check: Callable[[Place], Iterator[Reason]]

    @property
    def fatal(self) -> bool:
        """Whether a finding stops the compiler."""
        return self.effect == "stops"

    def findings(self, place: Place) -> Iterator[Finding]:
        """Yields what the rule has against the op at `place`."""
        if not self.ops or place.op.name in self.ops:
            for reason in self.check(place):
                yield Finding(
                    rule=self.name,
                    op=place.op.index,
                    detail=reason.detail,
                    remedy=reason.remedy,
                    uncertain=reason.uncertain or self.effect == "doubts",
                )


@dataclass(frozen=True, kw_only=True)
class ModelRule:
    """One rule for the model as a whole; a finding of one that "stops" means that no op is mapped."""

    name: str
    sentence: str
    effect: Effect
    evidence: Evidence
    check: Callable[[Graph], Iterator[Reason]]

    def findings(self, graph: Graph) -> Iterator[Finding]:
        """Yields what the rule has against the model."""
        for reason in self.check(graph):
            yield Finding(rule=self.name, op=None, detail=reason.detail, remedy=reason.remedy)


def rule(
    *ops: str, evidence: Evidence, effect: Effect = "refuses"
) -> Callable[[Callable[[Place], Iterator[Reason]]], Rule]:
    """Makes the decorated generator a rule for `ops`, named after the function."""

    def make(check: Callable[[Place], Iterator[Reason]]) -> Rule:
        return Rule(
            name=_rule_name(check.__name__),
            sentence=_first_sentence(check.__doc__),
            ops=frozenset(ops),
            effect=effect,
            evidence=evidence,
            check=check,
        )

    return make


def model_rule(
    *, evidence: Evidence, effect: Effect = "stops"
) -> Callable[[Callable[[Graph], Iterator[Reason]]], ModelRule]:
    """Makes the decorated generator a rule for whole models, named after the function."""

    def make(check: Callable[[Graph], Iterator[Reason]]) -> ModelRule:
        return ModelRule(
            name=_rule_name(check.__name__),
            sentence=_first_sentence(check.__doc__),
            effect=effect,
            evidence=evidence,
            check=check,
        )

    return make


def _rule_name(function: str) -> str:
    return function.replace("_", "-")


def _first_sentence(docstring: str | None) -> str:
    return " ".join((docstring or "").split("\n\n")[0].split())
