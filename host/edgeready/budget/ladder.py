"""The accuracy budget: tries one way to integers after the other, the cheapest first, and stops where one keeps it.

One set of images judges each rung; another, the test set, has to confirm the rung that is taken, and is asked for
that one only. A bare difference decides nothing that its 95 % interval does not allow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from edgeready.budget.significance import PairedDrop
from edgeready.config.method import Method, QatConfig
from edgeready.errors import BudgetError, ConversionError, TrainingError
from edgeready_device.statistics import Proportion

Make = Callable[[Method], bytes]  # the integer .tflite that a method gives


@dataclass(frozen=True)
class Step:
    """One rung to try: the best of `methods` counts."""

    name: str
    methods: tuple[Method, ...]


@dataclass(frozen=True)
class Judgement:
    """A model beside its float32 twin on the same images."""

    accuracy: Proportion
    drop: PairedDrop

    def as_dict(self) -> dict[str, Any]:
        """The judgement as plain data, shares from 0 to 1."""
        return {
            "images": self.drop.count,
            "top1": self.accuracy.value,
            "interval95": list(self.accuracy.interval),
            "drop": self.drop.value,
            "drop_interval95": list(self.drop.interval),
            "lost": self.drop.lost,
            "gained": self.drop.gained,
            "mcnemar_p": self.drop.p_value,
        }


Judge = Callable[[bytes], Judgement]


@dataclass(frozen=True)
class Rung:
    """A step that was tried: the best of its methods, how the judging images saw it, and what it cost.

    `test` is what the test images said, where they were asked.
    """

    name: str
    method: Method
    judged: Judgement
    size_bytes: int
    seconds: float
    test: Judgement | None = None

    @property
    def drop(self) -> PairedDrop:
        """What the judging images lost."""
        return self.judged.drop

    def as_dict(self) -> dict[str, Any]:
        """The rung as plain data, shares from 0 to 1."""
        return {
            "name": self.name,
            "method": asdict(self.method),
            "judged": self.judged.as_dict(),
            "test": None if self.test is None else self.test.as_dict(),
            "size_bytes": self.size_bytes,
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class Trail:
    """The rungs that were tried for a `budget` (0 to 1); `taken` is the index of the one that keeps it, if one does.

    `skipped` says which steps could not be tried, and why.
    """

    budget: float
    judged_on: str
    rungs: tuple[Rung, ...]
    taken: int | None = None
    skipped: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Of the test images on the rung that was taken: "kept", "unclear"; "broken" where none was taken."""
        if self.taken is None:
            return "broken"
        test = self.rungs[self.taken].test
        return "unclear" if test is None else test.drop.verdict(self.budget)

    def as_dict(self) -> dict[str, Any]:
        """The trail as plain data, shares from 0 to 1."""
        return {
            "max_drop": self.budget,
            "verdict": self.verdict,
            "judged_on": self.judged_on,
            "taken": self.taken,
            "rungs": [rung.as_dict() for rung in self.rungs],
            "skipped": list(self.skipped),
        }


@dataclass(frozen=True)
class Climbed:
    """The `model` (integer .tflite bytes) of the rung that keeps the budget, and the way there."""

    model: bytes = field(repr=False)
    trail: Trail


def steps(first: Method, qat: QatConfig) -> tuple[Step, ...]:
    """The ladder that starts with the method `first`."""
    others = tuple(replace(first, calibration=how) for how in ("percentile", "mse", "min-max"))
    evened = tuple(Method(how, equalize=True, bias_correction=True) for how in (first.calibration, "mse"))
    return (
        Step(f"{first.calibration} calibration", (first,)),
        Step("better calibration", tuple(method for method in others if method != first)),
        Step("equalized, bias-corrected", tuple(dict.fromkeys(evened))),
        Step("quantization-aware training", (Method(first.calibration, qat=qat),)),
    )


def climb(ladder: Sequence[Step], budget: float, make: Make, judge: Judge, confirm: Judge, judged_on: str) -> Climbed:
    """The first rung of `ladder` whose drop is within `budget` for `judge`, if `confirm` does not refute it.

    Where no rung measures so, the one with the least drop is taken if chance may account for what is over the budget.
    A step that the network does not allow is skipped. Raises BudgetError, with the trail, when every rung is shown to
    lose more, and what `make` raises for the first step.
    """
    rungs: list[Rung] = []
    models: list[bytes] = []
    skipped: list[str] = []

    def trail(taken: int | None = None) -> Trail:
        return Trail(budget, judged_on, tuple(rungs), taken, tuple(skipped))

    def holds(number: int) -> bool:
        test = confirm(models[number])
        rungs[number] = replace(rungs[number], test=test)
        return test.drop.verdict(budget) != "broken"

    for step in ladder:
        try:
            rung, model = _best(step, make, judge)
        except (ConversionError, TrainingError) as error:
            if not rungs:
                raise
            skipped.append(f"{step.name}: {error}")
            continue
        rungs.append(rung)
        models.append(model)
        if rung.drop.value <= budget and holds(len(rungs) - 1):
            return Climbed(model, trail(len(rungs) - 1))
    for number in sorted(range(len(rungs)), key=lambda number: rungs[number].drop.value):
        untested = rungs[number].test is None
        if untested and rungs[number].drop.verdict(budget) != "broken" and holds(number):
            return Climbed(models[number], trail(number))
    raise _refusal(trail())


def _best(step: Step, make: Make, judge: Judge) -> tuple[Rung, bytes]:
    start = time.monotonic()
    found = []
    for method in step.methods:
        model = make(method)
        found.append((judge(model), method, model))
    judgement, method, model = min(found, key=lambda each: each[0].drop.value)
    seconds = time.monotonic() - start
    return Rung(step.name, method, judgement, len(model), seconds), model


def _refusal(trail: Trail) -> BudgetError:
    best = min(trail.rungs, key=lambda rung: rung.drop.value)
    low, high = best.drop.interval
    tail = "".join(f"; {reason}" for reason in trail.skipped)
    return BudgetError(
        f"no rung keeps --max-drop {100 * trail.budget:g}: the best, {best.name}, loses "
        f"{100 * best.drop.value:.2f} points (95 %: {100 * low:.2f} to {100 * high:.2f}) on {trail.judged_on}{tail}; "
        "allow more, or change the network",
        trail,
    )
