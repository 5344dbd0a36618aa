"""Tables: they scroll by themselves where they are wider than the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeready.report.page.figures import NO_FIGURE
from edgeready.report.page.markup import Markup, element

NAME, WORD, TEXT, BAR, NUMBER = "name", "word", "text", "bars", "num"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table: its title, and what is in it: a NAME, a WORD, a TEXT, a BAR or a NUMBER."""

    title: str
    kind: str = NUMBER


def columns(*titles: str, kind: str = NUMBER) -> tuple[Column, ...]:
    """Returns columns of one kind."""
    return tuple(Column(title=title, kind=kind) for title in titles)


def table(head: Sequence[Column], rows: Sequence[Sequence[str]], *, stacked: bool = False) -> Markup:
    """Returns a table of `rows`, each with a cell for each column; cells that no row fills are left out.

    A `stacked` one has its cells one below the other, with their titles, where the page is narrow.
    """
    used = [i for i in range(len(head)) if i == 0 or any(row[i] not in ("", NO_FIGURE) for row in rows)]
    titles = element("tr", *(element("th", head[i].title, scope="col", class_=head[i].kind) for i in used))
    lines = [element("tr", *(_cell(row[i], head[i]) for i in used)) for row in rows]
    body = element(
        "table", element("thead", titles), element("tbody", *lines), class_="stacked" if stacked else "plain"
    )
    return element("div", body, class_="wide", tabindex="0")


def _cell(text: str, column: Column) -> Markup:
    """Returns a cell with its column's title, which a stacked table shows; one without a figure is left out there."""
    kind = f"{column.kind} none" if text in ("", NO_FIGURE) else column.kind
    return element("td", text, class_=kind, data_title=column.title)
