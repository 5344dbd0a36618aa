"""A search for the best network: its budgets, every network with what became of it, and accuracy over bytes."""

from __future__ import annotations

from collections.abc import Sequence

from edgeready.documents import Searched, SearchTable
from edgeready.report.page.figures import count, paragraphs, percent, scatter, verdict
from edgeready.report.page.markup import Markup, element, join, name
from edgeready.report.page.tables import NAME, TEXT, WORD, Column, columns, table

_MOST_ROWS = 40  # chosen: as many as of the other long tables


def search_section(parts: Sequence[SearchTable]) -> Markup:
    """Returns each search."""
    return join(_search(part) for part in parts)


def _search(part: SearchTable) -> Markup:
    title = element("h3", name(part.output))
    budgets = element("p", f"Budgets: {', '.join(part.limits) or 'none'}. Data: ", name(part.data), ".")
    head = (
        Column(title="network", kind=NAME),
        *columns("bytes", "multiply-accumulates", "epochs of its trials", "trial", "trained to the end"),
        Column(title="uint8 on the test images"),
        Column(title="", kind=WORD),
        Column(title="what became of it", kind=TEXT),
    )
    rows = [_row(network) for network in part.networks[:_MOST_ROWS]]
    more = len(part.networks) - len(rows)
    notes = [
        "trial and trained to the end: right of the validation images, which chose; bytes of a trial are estimated",
        *([f"{more:,} more networks are in the document"] if more > 0 else []),
        *([f"left out: {part.left_out}"] if part.left_out else []),
        *(f"doubt: {doubt}" for doubt in part.doubts),
    ]
    plot = scatter(
        "right of the validation images over kB of the file",
        (
            ("last trial", [_point(network, network.trial) for network in part.networks]),
            ("trained to the end", [_point(network, network.validation) for network in part.networks]),
        ),
        mark=None if part.max_size is None else part.max_size / 1000,
    )
    return join((title, budgets, plot, table(head, rows, stacked=True), paragraphs(notes)))


def _row(network: Searched) -> tuple[str, ...]:
    return (
        name(network.name),
        count(network.size_bytes),
        count(network.macs),
        count(network.epochs),
        percent(network.trial),
        percent(network.validation),
        percent(network.uint8),
        verdict("best", good=True) if network.is_best else "",
        network.fate,
    )


def _point(network: Searched, value: float | None) -> tuple[float, float] | None:
    return None if network.size_bytes is None or value is None else (network.size_bytes / 1000, value)
