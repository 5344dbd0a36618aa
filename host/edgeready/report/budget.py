"""The way to an accuracy budget."""

from __future__ import annotations

from rich.console import Group, RenderableType

from edgeready.budget.ladder import Attempt, Judgement, Trail
from edgeready.report.lines import labelled, line
from edgeready.report.tables import new_table


def trail_view(trail: Trail) -> RenderableType:
    """Returns the attempts as a table, with the result on the test images where there is one."""
    table = new_table("attempt", "accuracy", "points lost", "size", "time")
    for attempt in trail.attempts:
        accuracy, drop = attempt.judgement.accuracy, attempt.drop
        table.add_cells(
            attempt.name,
            f"{100 * accuracy.value:.2f} %",
            f"{100 * drop.value:.2f}",
            f"{attempt.size_bytes:,} B",
            f"{attempt.seconds:.1f} s",
        )
        table.add_cells(
            "  95 % interval", _between(accuracy.interval), _between(drop.interval), f"p = {drop.p_value:.2g}"
        )
        if attempt.test is not None:
            accuracy, drop = attempt.test.accuracy, attempt.test.drop
            refuted = "refuted" if drop.verdict(trail.budget) == "broken" else ""
            table.add_cells(
                "  on the test images", f"{100 * accuracy.value:.2f} %", f"{100 * drop.value:.2f}", refuted
            )
    skipped = [labelled("not tried", reason) for reason in trail.skipped]
    return Group(line(f"Budget {100 * trail.budget:g} points, judged on {trail.judged_on}:"), table, *skipped)


def budget_line(trail: Trail) -> str:
    """Returns the result on the test images in a sentence; "" where no attempt keeps the budget."""
    if trail.choice is None:
        return ""
    attempt = trail.attempts[trail.choice]
    test = attempt.test
    return f"{_method(attempt)}: {_verdict(trail, test)}" if test is not None else ""


def _verdict(trail: Trail, test: Judgement) -> str:
    drop, budget = test.drop, 100 * trail.budget
    loss = f"{100 * drop.value:.2f} points lost on {drop.count:,} test images (95 %: {_between(drop.interval)})"
    if trail.verdict == "kept":
        return f"{loss}, within {budget:g}"
    needed = drop.images_needed(trail.budget)
    if needed is None:
        return f"{loss}: more than {budget:g}, but chance may account for it (p = {drop.p_value:.2g})"
    return f"{loss}: within {budget:g} as measured; it would take {needed:,} images to show it"


def _method(attempt: Attempt) -> str:
    method = attempt.method
    parts = [f"{method.calibration} calibration"]
    if method.equalize:
        parts.append("equalized")
    if method.bias_correction:
        parts.append("biases corrected")
    if method.qat is not None:
        parts.append(f"{method.qat.epochs} epochs of quantization-aware training")
    return ", ".join(parts)


def _between(interval: tuple[float, float]) -> str:
    return f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f}"
