"""Budgets, the attempts to keep one, verifications, and outputs that are held against float32, out of a document."""

from __future__ import annotations

from dataclasses import dataclass

from edgeready.documents.accuracy import Share, read_interval, read_share
from edgeready.documents.fields import Fields


@dataclass(frozen=True, kw_only=True)
class Budget:
    """One budget: the figure, its limit, and whether it is kept; `value` is "" where nothing can be judged."""

    name: str
    value: str
    limit: str
    passed: bool
    note: str


@dataclass(frozen=True, kw_only=True)
class BudgetTable:
    """The budgets of one model, as `gate` checked them."""

    model: str
    passed: bool
    budgets: tuple[Budget, ...]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt to keep an accuracy budget; `drop` and its interval are shares, as is the `test_drop`.

    `test_drop` is that of the test images, None where they were not asked.
    """

    name: str
    top1: Share
    drop: float | None
    drop_low: float | None
    drop_high: float | None
    test_drop: float | None
    size_bytes: int | None
    seconds: float | None
    accepted: bool


@dataclass(frozen=True, kw_only=True)
class AttemptTable:
    """The attempts to keep the budget `max_drop` of one model, and the steps that were skipped, with the reason.

    `model` is "" where no attempt kept it, and no file was written.
    """

    model: str
    max_drop: float | None
    verdict: str
    judged_on: str
    attempts: tuple[Attempt, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Whether the answers of a machine are those that were recorded, and how far they are off at most, in steps."""

    model: str
    runtime: str
    passed: bool
    agreement: Share | None
    largest_steps: int | None


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """One output of a model that is no classifier, held against the float32 model's."""

    output: str
    snr_db: float | None
    largest_error: float | None
    largest_value: float | None


@dataclass(frozen=True, kw_only=True)
class FidelityTable:
    """The outputs of one model on `rows` of test inputs."""

    model: str
    mode: str
    rows: int | None
    outputs: tuple[Fidelity, ...]


def read_budgets(fields: Fields) -> BudgetTable:
    """Returns the BudgetTable in the document of `gate`."""
    return BudgetTable(
        model=fields.text("file"),
        passed=bool(fields.flag("passed")),
        budgets=tuple(_read_budget(check) for check in fields.children("checks")),
    )


def read_attempts(fields: Fields, model: str) -> AttemptTable:
    """Returns the AttemptTable under `budget` in a build's document."""
    choice = fields.whole("choice")
    return AttemptTable(
        model=model,
        max_drop=fields.number("max_drop"),
        verdict=fields.text("verdict"),
        judged_on=fields.text("judged_on"),
        attempts=tuple(
            _read_attempt(attempt, number == choice) for number, attempt in enumerate(fields.children("attempts"))
        ),
        skipped=fields.texts("skipped"),
    )


def read_verification(fields: Fields) -> Verification:
    """Returns the Verification in the document of `verify`."""
    steps = [path.whole("largest_steps") for path in fields.children("paths")]
    return Verification(
        model=fields.text("model"),
        runtime=fields.text("runtime"),
        passed=bool(fields.flag("passed")),
        agreement=read_share(fields.child("agreement")),
        largest_steps=max((count for count in steps if count is not None), default=None),
    )


def read_fidelity(fields: Fields, model: str) -> FidelityTable:
    """Returns the FidelityTable in the document of a converted model that is no classifier."""
    return FidelityTable(
        model=model,
        mode=fields.text("mode"),
        rows=fields.whole("test_rows"),
        outputs=tuple(
            Fidelity(
                output=output.text("output"),
                snr_db=output.number("snr_db"),
                largest_error=output.number("largest_error"),
                largest_value=output.number("largest_value"),
            )
            for output in fields.children("outputs")
        ),
    )


def _read_budget(fields: Fields) -> Budget:
    unit = fields.text("unit")
    return Budget(
        name=fields.text("name"),
        value=_read_figure(fields, "value", unit),
        limit=_read_figure(fields, "budget", unit),
        passed=bool(fields.flag("passed")),
        note=fields.text("note"),
    )


def _read_attempt(fields: Fields, accepted: bool) -> Attempt:
    judgement, test = fields.child("judged") or Fields(file=fields.file, data={}), fields.child("test")
    low, high = read_interval(judgement)
    drop_low, drop_high = read_interval(judgement, "drop_interval95")
    return Attempt(
        name=fields.text("name"),
        top1=Share(value=judgement.number("top1"), low=low, high=high, count=judgement.whole("images")),
        drop=judgement.number("drop"),
        drop_low=drop_low,
        drop_high=drop_high,
        test_drop=None if test is None else test.number("drop"),
        size_bytes=fields.whole("size_bytes"),
        seconds=fields.number("seconds"),
        accepted=accepted,
    )


def _read_figure(fields: Fields, name: str, unit: str) -> str:
    if isinstance(fields.data.get(name), str):
        return fields.text(name)
    number = fields.number(name)
    return "" if number is None else f"{number:,.4g} {unit}".rstrip()
