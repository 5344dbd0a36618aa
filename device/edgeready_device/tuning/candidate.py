"""The candidates of tune, which are ways to run a model, and the choice among them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeready_device.runtime.runtime import Runtime
from edgeready_device.tune_file import Choice
from edgeready_device.tuning.agreement import Agreement

NEAR = 1.03  # chosen: a gain under 3 % is not worth more threads or another runtime


@dataclass(frozen=True)
class Candidate:
    """One way to run the model, and its result; `note` says why it is out, or is empty.

    `rounds_s` has the median latency of each round, `agreement` the distance from the expected answers.
    """

    runtime: Runtime
    threads: int
    delegate: str = ""
    rounds_s: tuple[float, ...] = ()
    runs: int = 0
    load_s: float = 0.0
    first_run_s: float = 0.0
    ops_taken: int = 0
    agreement: Agreement | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """The candidate in words."""
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        return f"{self.runtime}, {threads}" + (f", {self.delegate}" if self.delegate else "")

    @property
    def median_s(self) -> float:
        """The median of the rounds' medians; infinite for a candidate that was not measured."""
        return statistics.median(self.rounds_s) if self.rounds_s else float("inf")


@dataclass(frozen=True)
class TuneResult:
    """All candidates, the `best` of them or None, and the `reason` in a sentence.

    `expected` names the origin of the answers that the candidates were compared with.
    """

    model: Path
    candidates: tuple[Candidate, ...]
    best: Candidate | None
    reason: str
    expected: str
    emulated: bool

    @property
    def choice(self) -> Choice | None:
        """The best candidate as the choice of a tune file; None where there is none."""
        best = self.best
        return None if best is None else Choice(best.runtime.name, best.threads, best.delegate)


def ratio(first: Candidate, second: Candidate) -> float:
    """Returns how many times as long `first` takes as `second`: the median over the rounds that both were in."""
    return statistics.median(first_s / second_s for first_s, second_s in zip(first.rounds_s, second.rounds_s))


def choose(candidates: Sequence[Candidate], emulated: bool = False) -> tuple[Candidate | None, str]:
    """Returns the fastest candidate with right answers, or a simpler one that is as fast within 3 %, and the reason.

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
    return best, _explain(best, fastest, right, first=candidates[0])


def _explain(best: Candidate, fastest: Candidate, right: Sequence[Candidate], *, first: Candidate) -> str:
    """Compares the best with what runs without a choice, and with the best of every other runtime and delegate."""
    others: dict[tuple[Runtime, str], Candidate] = {}
    for candidate in sorted(right, key=lambda candidate: candidate.median_s):
        others.setdefault((candidate.runtime, candidate.delegate), candidate)
    rivals = [first] if first in right and first is not best else []
    others.pop((best.runtime, best.delegate), None)
    rivals += [candidate for candidate in others.values() if candidate not in rivals]
    ratios = [f"{ratio(other, best):.3g} times as fast as {other.name}" for other in rivals]
    reason = f"{best.name} is {', '.join(ratios) if ratios else 'the fastest'}"
    if best is not fastest:
        reason += f"; {fastest.name} is less than {100 * (NEAR - 1):.0f} % faster"
    return reason + ("; it is also what runs without a choice" if best is first else "")
