"""A rule: a small generator. The first sentence of its docstring is shown to the user and in the manual."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from edgeready.readiness.place import Place
from edgeready.readiness.verdict import Finding
from edgeready_device.tflite.graph import Graph


class Reason(NamedTuple):
    """Why a rule refuses: what is wrong, with its values, and what to do about it."""

    detail: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule for ops: `ops` are the names that it looks at (all when empty).

    A finding of a `fatal` rule stops the compiler, so that no op of the model is mapped.
    """

    name: str
    sentence: str
    ops: frozenset[str]
    fatal: bool
    check: Callable[[Place], Iterator[Reason]]

    def findings(self, place: Place) -> Iterator[Finding]:
        """Yields what the rule has against the op at `place`."""
        if not self.ops or place.op.name in self.ops:
            for reason in self.check(place):
                yield Finding(rule=self.name, op=place.op.index, detail=reason.detail, remedy=reason.remedy)


@dataclass(frozen=True, kw_only=True)
class ModelRule:
    """One rule for the model as a whole; a finding means that no op is mapped."""

    name: str
    sentence: str
    check: Callable[[Graph], Iterator[Reason]]

    def findings(self, graph: Graph) -> Iterator[Finding]:
        """Yields what the rule has against the model."""
        for reason in self.check(graph):
            yield Finding(rule=self.name, op=None, detail=reason.detail, remedy=reason.remedy)


def rule(*ops: str, fatal: bool = False) -> Callable[[Callable[[Place], Iterator[Reason]]], Rule]:
    """Makes the decorated generator a rule for `ops`, named after the function."""

    def make(check: Callable[[Place], Iterator[Reason]]) -> Rule:
        return Rule(
            name=_rule_name(check.__name__),
            sentence=_first_sentence(check.__doc__),
            ops=frozenset(ops),
            fatal=fatal,
            check=check,
        )

    return make


def model_rule(check: Callable[[Graph], Iterator[Reason]]) -> ModelRule:
    """Makes the decorated generator a rule for whole models, named after the function."""
    return ModelRule(name=_rule_name(check.__name__), sentence=_first_sentence(check.__doc__), check=check)


def _rule_name(function: str) -> str:
    return function.replace("_", "-")


def _first_sentence(docstring: str | None) -> str:
    return " ".join((docstring or "").split("\n\n")[0].split())
