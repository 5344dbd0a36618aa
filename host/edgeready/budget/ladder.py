"""The accuracy budget: tries the ways to integers, the cheapest first, and stops at the first that keeps the budget.

One set of images judges every attempt. Another, the test set, has to confirm the attempt that is chosen, and sees
no other. A difference decides only what its 95 % interval allows.
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

Make = Callable[[Method], bytes]  # returns the integer .tflite of a method


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the ladder: all of its `methods` are tried, and the best of them counts."""

    name: str
    methods: tuple[Method, ...]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """An integer model compared with its float32 model on the same images."""

    accuracy: Proportion
    drop: PairedDrop

    def to_dict(self) -> dict[str, Any]:
        """Returns the judgement as plain data, with shares from 0 to 1."""
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


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A step that was tried: the best of its methods, its `judgement` by the judging images, and what it cost.

    `test` is the judgement by the test images; None where they were not needed.
    """

    name: str
    method: Method
    judgement: Judgement
    size_bytes: int
    seconds: float
    test: Judgement | None = None

    @property
    def drop(self) -> PairedDrop:
        """The drop in accuracy on the judging images."""
        return self.judgement.drop

    def to_dict(self) -> dict[str, Any]:
        """Returns the attempt as plain data, with shares from 0 to 1."""
        return {
            "name": self.name,
            "method": asdict(self.method),
            "judged": self.judgement.to_dict(),
            "test": None if self.test is None else self.test.to_dict(),
            "size_bytes": self.size_bytes,
            "seconds": self.seconds,
        }


@dataclass(frozen=True, kw_only=True)
class Trail:
    """The attempts for a `budget` (0 to 1); `choice` is the index of the one that keeps it, None where none does.

    `skipped` says which steps the network does not allow, and why.
    """

    budget: float
    judged_on: str
    attempts: tuple[Attempt, ...]
    choice: int | None = None
    skipped: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """The verdict of the test images on the choice, "kept" or "unclear"; "broken" where there is no choice."""
        if self.choice is None:
            return "broken"
        test = self.attempts[self.choice].test
        return "unclear" if test is None else test.drop.verdict(self.budget)

    def to_dict(self) -> dict[str, Any]:
        """Returns the trail as plain data, with shares from 0 to 1."""
        return {
            "max_drop": self.budget,
            "verdict": self.verdict,
            "judged_on": self.judged_on,
            "choice": self.choice,
            "attempts": [attempt.to_dict() for attempt in self.attempts],
            "skipped": list(self.skipped),
        }


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The `model` (integer .tflite bytes) of the attempt that keeps the budget, and the trail to it."""

    model: bytes = field(repr=False)
    trail: Trail


def steps(first: Method, qat: QatConfig) -> tuple[Step, ...]:
    """Returns the ladder that starts with the method `first` and ends with training as `qat` says.

    The order is that of the cost: calibration needs inferences only, equalization another pass over the weights,
    quantization-aware training needs the Keras model and its images.
    """
    calibrations = tuple(replace(first, calibration=name) for name in ("percentile", "mse", "min-max"))
    equalizations = tuple(
        Method(calibration=name, equalize=True, bias_correction=True) for name in (first.calibration, "mse")
    )
    return (
        Step(name=f"{first.calibration} calibration", methods=(first,)),
        Step(name="better calibration", methods=tuple(method for method in calibrations if method != first)),
        Step(name="equalized, bias-corrected", methods=tuple(dict.fromkeys(equalizations))),
        Step(name="quantization-aware training", methods=(Method(calibration=first.calibration, qat=qat),)),
    )


def search_ladder(
    ladder: Sequence[Step], *, budget: float, make: Make, judge: Judge, confirm: Judge, judged_on: str
) -> Outcome:
    """Returns the first attempt of `ladder` whose drop is within `budget` for `judge` and not refuted by `confirm`.

    Where no attempt measures so, the one with the least drop is chosen if chance may account for the rest. A step
    that the network does not allow is skipped.

    Raises BudgetError, with the trail, when every attempt is shown to lose more, and what `make` raises for the first
    step.
    """
    attempts: list[Attempt] = []
    models: list[bytes] = []
    skipped: list[str] = []

    def trail(choice: int | None = None) -> Trail:
        return Trail(
            budget=budget, judged_on=judged_on, attempts=tuple(attempts), choice=choice, skipped=tuple(skipped)
        )

    def holds(number: int) -> bool:
        test = confirm(models[number])
        attempts[number] = replace(attempts[number], test=test)
        return test.drop.verdict(budget) != "broken"

    for step in ladder:
        try:
            attempt, model = _best(step, make, judge)
        except (ConversionError, TrainingError) as error:
            if not attempts:
                raise
            skipped.append(f"{step.name}: {error}")
            continue
        attempts.append(attempt)
        models.append(model)
        if attempt.drop.value <= budget and holds(len(attempts) - 1):
            return Outcome(model=model, trail=trail(len(attempts) - 1))
    for number in sorted(range(len(attempts)), key=lambda number: attempts[number].drop.value):
        untested = attempts[number].test is None
        if untested and attempts[number].drop.verdict(budget) != "broken" and holds(number):
            return Outcome(model=models[number], trail=trail(number))
    raise _refusal(trail())


def _best(step: Step, make: Make, judge: Judge) -> tuple[Attempt, bytes]:
    """Tries every method of `step` and returns the attempt with the least drop, and its model."""
    start = time.monotonic()
    models: list[bytes] = []
    judgements: list[Judgement] = []
    for method in step.methods:
        models.append(make(method))
        judgements.append(judge(models[-1]))
    best = min(range(len(models)), key=lambda number: judgements[number].drop.value)
    attempt = Attempt(
        name=step.name,
        method=step.methods[best],
        judgement=judgements[best],
        size_bytes=len(models[best]),
        seconds=time.monotonic() - start,
    )
    return attempt, models[best]


def _refusal(trail: Trail) -> BudgetError:
    best = min(trail.attempts, key=lambda attempt: attempt.drop.value)
    low, high = best.drop.interval
    tail = "".join(f"; {reason}" for reason in trail.skipped)
    return BudgetError(
        f"no attempt keeps --max-drop {100 * trail.budget:g}: the best, {best.name}, loses "
        f"{100 * best.drop.value:.2f} points (95 %: {100 * low:.2f} to {100 * high:.2f}) on {trail.judged_on}{tail}; "
        "allow more, or change the network",
        trail,
    )
