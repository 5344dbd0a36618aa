"""Budgets and the attempts to keep one, verifications, and the outputs of models that are no classifiers."""

from __future__ import annotations

from collections.abc import Sequence

from edgeready.documents import AttemptTable, BudgetTable, FidelityTable, Verification
from edgeready.report.page.figures import NO_FIGURE, count, decibels, interval, paragraphs, percent, verdict
from edgeready.report.page.markup import Markup, element, join, name
from edgeready.report.page.tables import NAME, TEXT, WORD, Column, columns, table
from edgeready_device.text import duration


def budgets_section(parts: Sequence[BudgetTable]) -> Markup:
    """Returns the budgets of each model, and whether they are kept."""
    head = (
        Column(title="budget", kind=NAME),
        *columns("measured", "limit"),
        Column(title="verdict", kind=WORD),
        Column(title="note", kind=TEXT),
    )
    blocks = []
    for part in parts:
        rows = [
            (
                name(item.name),
                item.value or "no verdict",
                item.limit,
                verdict("kept" if item.passed else "BROKEN", good=item.passed),
                item.note,
            )
            for item in part.budgets
        ]
        blocks.append(join((element("h3", name(part.model)), table(head, rows, stacked=True))))
    return join(blocks)


def verification_section(parts: Sequence[Verification]) -> Markup:
    """Returns whether the answers of each machine are those that were recorded."""
    head = (
        *columns("model", "runtime", kind=NAME),
        Column(title="verdict", kind=WORD),
        *columns("largest difference in steps", "same answers", "of"),
    )
    rows = [
        (
            name(part.model),
            name(part.runtime),
            verdict("right" if part.passed else "WRONG", good=part.passed),
            count(part.largest_steps),
            count(part.agreement.hits if part.agreement else None),
            count(part.agreement.count if part.agreement else None),
        )
        for part in parts
    ]
    return table(head, rows, stacked=True)


def fidelity_section(parts: Sequence[FidelityTable]) -> Markup:
    """Returns how far the outputs of models that are no classifiers are from the float32 models'."""
    head = (
        Column(title="model", kind=NAME),
        Column(title="mode", kind=WORD),
        Column(title="output", kind=NAME),
        *columns("signal to error", "largest error", "largest value", "test rows"),
    )
    rows = [
        (
            name(part.model),
            part.mode,
            name(output.output),
            "no error" if output.snr_db is None else decibels(output.snr_db),
            NO_FIGURE if output.largest_error is None else f"{output.largest_error:.4g}",
            NO_FIGURE if output.largest_value is None else f"{output.largest_value:.4g}",
            count(part.rows),
        )
        for part in parts
        for output in part.outputs
    ]
    return table(head, rows, stacked=True)


def attempts_section(parts: Sequence[AttemptTable]) -> Markup:
    """Returns the attempts to keep the accuracy budget of each model, with the one that was accepted."""
    return join(_attempts(part) for part in parts)


def _attempts(part: AttemptTable) -> Markup:
    title = element("h3", name(part.model) if part.model else "no file: every attempt loses more")
    text = f"Budget {_points(part.max_drop)} points, judged on {part.judged_on}: "
    line = element("p", text, verdict(part.verdict, good=part.verdict == "kept", doubt=part.verdict == "unclear"))
    head = (
        Column(title="attempt", kind=NAME),
        *columns("accuracy", "95 % interval", "points lost", "between"),
        *columns("lost on the test images", "size", "time"),
        Column(title="", kind=WORD),
    )
    rows = [
        (
            name(attempt.name),
            percent(attempt.top1.value),
            interval(attempt.top1),
            _points(attempt.drop),
            _between(attempt.drop_low, attempt.drop_high),
            _points(attempt.test_drop),
            count(attempt.size_bytes, "B"),
            NO_FIGURE if attempt.seconds is None else duration(attempt.seconds),
            "accepted" if attempt.accepted else "",
        )
        for attempt in part.attempts
    ]
    skipped_steps = paragraphs([f"not tried: {reason}" for reason in part.skipped])
    return join((title, line, table(head, rows, stacked=True), skipped_steps))


def _points(value: float | None) -> str:
    return NO_FIGURE if value is None else f"{100 * value:.2f}"


def _between(low: float | None, high: float | None) -> str:
    return NO_FIGURE if low is None or high is None else f"{100 * low:.2f} to {100 * high:.2f}"
