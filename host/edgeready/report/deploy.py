"""Shows what became of each board."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType

from edgeready.documents.fields import Fields
from edgeready.documents.speed import ProfileRow, read_profile
from edgeready.errors import DocumentError
from edgeready.quantization.layer_names import name_layers
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
    hottest = [labelled(board.host, text) for board in deployment.boards if (text := _hottest(board))]
    return Group(table, line(), *systems, *hottest, *notes, line(_count(deployment)))


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


def _hottest(board: BoardResult) -> str:
    """Returns what the slowest op of a board's profile takes, or why there is none; "" where nobody asked for one."""
    document = board.answers.get("profile")
    if not isinstance(document, dict):
        failure = board.answers.get("profile_failure")
        return f"no profile: {plain(str(failure))}" if failure else ""
    try:
        profile = read_profile(Fields(file=board.host, data=document))
    except DocumentError as error:
        return f"no profile: {error}"
    row = profile.rows[0] if profile.rows else None
    if row is None or row.seconds is None or row.share is None:
        return "no profile: it names no op"
    share = f"{duration(row.seconds)}, {100 * row.share:.1f} % of the time"
    return f"the hottest op is {_op_text(row)}: {share}{', EMULATED' if profile.emulated else ''}"


def _op_text(row: ProfileRow) -> str:
    numbers = "-".join(str(op) for op in sorted({*row.ops[:1], *row.ops[-1:]}))
    (layer,) = name_layers([[row.layer]])
    return f"{numbers} {plain(row.operator)}" + (f" of {plain(layer)!r}" if row.layer else "")


def _count(deployment: Deployment) -> str:
    count = len(deployment.boards)
    good = count - len(deployment.failures)
    return f"{good} of {count} {'board' if count == 1 else 'boards'}"
