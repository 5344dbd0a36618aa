"""Shows how a model keeps its budgets: one table, or annotations for continuous integration."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType

from edgeready.report.annotations import annotation
from edgeready.report.lines import labelled, line
from edgeready.report.tables import new_table
from edgeready.workflows.gate import BudgetCheck, GateReport


def gate_view(report: GateReport) -> RenderableType:
    """Returns the budgets as a table, what a reader must know of each, and the verdict."""
    table = new_table("budget", "measured", "limit", "verdict")
    for check in report.checks:
        verdict = "kept" if check.passed else "BROKEN"
        table.add_cells(check.name, _value(check), _limit(check), verdict, style=None if check.passed else "red")
    notes = [labelled(check.name, check.note) for check in report.checks if check.note]
    return Group(table, line(), *notes, line(verdict_text(report), "green" if report.passed else "red"))


def verdict_text(report: GateReport) -> str:
    """Returns the verdict in one line, with the names of the budgets that are broken."""
    broken = ", ".join(check.name for check in report.failures)
    count = len(report.checks)
    number = f"all {count} budgets are" if count > 1 else "the budget is"
    return f"{report.file}: broken: {broken}" if broken else f"{report.file}: {number} kept"


def gate_annotations(report: GateReport) -> Iterator[str]:
    """Yields an ::error line for each budget that is broken, a ::notice where all are kept."""
    for check in report.failures:
        text = f"{_value(check)}, the limit is {_limit(check)}"
        message = f"{text}; {check.note}" if check.note else text
        yield annotation("error", report.file, title=f"edgeready gate: {check.name}", message=message)
    if report.passed:
        yield annotation("notice", report.file, title="edgeready gate", message=verdict_text(report))


def _value(check: BudgetCheck) -> str:
    if check.value is None:
        return "no verdict"
    return check.value if isinstance(check.value, str) else f"{_digits(check.value)} {check.unit}"


def _limit(check: BudgetCheck) -> str:
    if isinstance(check.budget, str):
        return check.budget
    return f"{'at least' if check.least else 'at most'} {check.budget:g} {check.unit}"


def _digits(value: float) -> str:
    """Two places, or as many as three digits need where the value is small: no 0.00 ms."""
    return f"{value:,.2f}" if value >= 1 or value == 0 else f"{value:.3g}"
