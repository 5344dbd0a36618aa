"""A rule: a small generator whose docstring's first sentence is what user and manual see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from edgeready.readiness.dataflow import Flow
from edgeready.readiness.verdict import Finding
from edgeready_device.tflite.graph import Graph, Op, Tensor

_MOST_NUMBERS = 64  # no operand that states a shape, an axis or a padding is longer


class Reason(NamedTuple):
    """Why a rule refuses: what was found, and what to do about it."""

    detail: str
    remedy: str


@dataclass(frozen=True)
class Place:
    """An op in its graph, for a compilation for Edge TPU runtime `runtime`."""

    graph: Graph
    op: Op
    flow: Flow
    runtime: int = 14

    def input(self, position: int) -> Tensor | None:
        """Input number `position`, or None where the op has none."""
        if not 0 <= position < len(self.op.inputs) or self.op.inputs[position] < 0:
            return None
        return self.graph.tensors[self.op.inputs[position]]

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The op's results."""
        return self.graph.of(self.op.outputs)

    def numbers(self, position: int) -> tuple[int, ...] | None:
        """The integers of the constant operand at `position`, flat; None when it holds no such list."""
        tensor = self.input(position)
        if tensor is None or tensor.data is None or tensor.dtype not in ("int32", "int64"):
            return None
        if len(tensor.data) > 8 * _MOST_NUMBERS:
            return None
        return tuple(int(number) for number in tensor.values().ravel())


@dataclass(frozen=True)
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
        """What the rule has against the op at `place`."""
        if not self.ops or place.op.name in self.ops:
            for reason in self.check(place):
                yield Finding(self.name, place.op.index, reason.detail, reason.remedy)


@dataclass(frozen=True)
class ModelRule:
    """One rule for the model as a whole; a finding means that no op is mapped."""

    name: str
    sentence: str
    check: Callable[[Graph], Iterator[Reason]]

    def findings(self, graph: Graph) -> Iterator[Finding]:
        """What the rule has against the model."""
        for reason in self.check(graph):
            yield Finding(self.name, None, reason.detail, reason.remedy)


def rule(*ops: str, fatal: bool = False) -> Callable[[Callable[[Place], Iterator[Reason]]], Rule]:
    """Makes the decorated generator a rule for `ops`, named after the function."""

    def make(check: Callable[[Place], Iterator[Reason]]) -> Rule:
        return Rule(_name(check.__name__), _sentence(check.__doc__), frozenset(ops), fatal, check)

    return make


def model_rule(check: Callable[[Graph], Iterator[Reason]]) -> ModelRule:
    """Makes the decorated generator a rule for whole models, named after the function."""
    return ModelRule(_name(check.__name__), _sentence(check.__doc__), check)


def _name(function: str) -> str:
    return function.replace("_", "-")


def _sentence(docstring: str | None) -> str:
    return " ".join((docstring or "").split("\n\n")[0].split())
