"""The ways to run a model that tune tried, and which of them to take."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeready_device.runtime.runtime import Runtime
from edgeready_device.tune_file import Choice
from edgeready_device.tuning.agreement import Answers

NEAR = 1.03  # a gain under 3 % is no reason for more threads or another runtime


@dataclass(frozen=True)
class Candidate:
    """One way to run the model, what came of it, and in `note` why it is out, or empty.

    `rounds_s` has the median latency of each round; `answers` says how far it is from the expected answers.
    """

    runtime: Runtime
    threads: int
    delegate: str = ""
    rounds_s: tuple[float, ...] = ()
    runs: int = 0
    load_s: float = 0.0
    first_run_s: float = 0.0
    ops_taken: int = 0
    answers: Answers | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """The candidate in words."""
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        return f"{self.runtime}, {threads}" + (f", {self.delegate}" if self.delegate else "")

    @property
    def median_s(self) -> float:
        """The median of the rounds' medians; infinite where it was not measured."""
        return statistics.median(self.rounds_s) if self.rounds_s else float("inf")


@dataclass(frozen=True)
class TuneResult:
    """Every candidate, and the one to take, None where there is none; the `reason` is a sentence.

    `expected` says what the answers were held against.
    """

    model: Path
    candidates: tuple[Candidate, ...]
    chosen: Candidate | None
    reason: str
    expected: str
    emulated: bool

    @property
    def choice(self) -> Choice | None:
        """What `record.write_tuned` keeps."""
        best = self.chosen
        return None if best is None else Choice(best.runtime.name, best.threads, best.delegate)


def ratio(one: Candidate, other: Candidate) -> float:
    """How many times as long `one` takes as `other`: the median over the rounds that both were in."""
    return statistics.median(mine / its for mine, its in zip(one.rounds_s, other.rounds_s))


def choose(candidates: Sequence[Candidate], emulated: bool = False) -> tuple[Candidate | None, str]:
    """The fastest candidate whose answers are right, or a simpler one that is as fast within 3 %; and why.

    Candidates come in the order of preference: the first is what runs without a choice.
    """
    if emulated:
        return None, "this machine is emulated: its times say nothing about any board, so nothing is chosen"
    right = [candidate for candidate in candidates if not candidate.note and candidate.rounds_s]
    if not right:
        return None, "no candidate gave the expected answers, so nothing is chosen"
    fastest = min(right, key=lambda candidate: candidate.median_s)
    near = [candidate for candidate in right if ratio(candidate, fastest) <= NEAR]
    best = min(near, key=lambda candidate: (candidate.threads, right.index(candidate)))
    return best, _why(best, fastest, right, candidates[0])


def _why(best: Candidate, fastest: Candidate, right: Sequence[Candidate], first: Candidate) -> str:
    """The best beside what runs without a choice, and beside the best of every other runtime and delegate."""
    others: dict[tuple[Runtime, str], Candidate] = {}
    for candidate in sorted(right, key=lambda candidate: candidate.median_s):
        others.setdefault((candidate.runtime, candidate.delegate), candidate)
    compared = [first] if first in right and first is not best else []
    compared += [one for way, one in others.items() if way != (best.runtime, best.delegate) and one not in compared]
    ratios = [f"{ratio(other, best):.3g} times as fast as {other.name}" for other in compared]
    reason = f"{best.name} is {', '.join(ratios) if ratios else 'the fastest'}"
    if best is not fastest:
        reason += f"; {fastest.name} is less than {NEAR - 1:.0%} faster"
    return reason + ("; it is also what runs without a choice" if best is first else "")
