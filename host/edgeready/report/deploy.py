"""Shows what became of each board."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType

from edgeready.report.lines import labelled, line
from edgeready.report.tables import new_table
from edgeready.workflows.deploy import BoardResult, Deployment
from edgeready_device.text import duration, megabytes, plain

_COLUMNS = ("verdict", "runtime", "threads", "median", "sent", "took")


def deployment_view(deployment: Deployment) -> RenderableType:
    """Returns one row a board, the reason of each failure, and the count."""
    table = new_table("board", *_COLUMNS)
    for board in deployment.boards:
        table.add_cells(*_cells(board), style="red" if board.failure else None)
    notes = [labelled(board.host, board.failure, "red") for board in deployment.failures]
    systems = [labelled(board.host, board.system) for board in deployment.boards if board.system]
    return Group(table, line(), *systems, *notes, line(_count(deployment)))


def rollback_view(deployment: Deployment) -> RenderableType:
    """Returns the version that each board runs now, or why it does not."""
    lines = [labelled(board.host, board.failure or f"runs {board.version}") for board in deployment.boards]
    return Group(*lines, line(_count(deployment)))


def _cells(board: BoardResult) -> tuple[str, ...]:
    took = duration(board.seconds)
    if board.failure:
        return (board.host, "FAILED", "", "", "", "", took)
    measured: dict[str, Any] = board.answers.get("benchmark") or {}
    emulated, steady = measured.get("emulated"), measured.get("steady")
    verdict = "EMULATED" if emulated else "steady" if steady else "NOT STEADY"
    median = measured.get("median_s")
    return (
        board.host,
        verdict,
        plain(str(measured.get("runtime", "")))[:40],
        plain(str(measured.get("threads", "")))[:10],
        duration(median) if isinstance(median, float) else "",
        megabytes(board.sent_bytes),
        took,
    )


def _count(deployment: Deployment) -> str:
    count = len(deployment.boards)
    good = count - len(deployment.failures)
    return f"{good} of {count} {'board' if count == 1 else 'boards'}"
