"""The style of all tables."""

from __future__ import annotations

from rich.table import Table

from edgeready.report.lines import line
from edgeready_device.text import cut

_MOST_NAME = 40  # columns; chosen: beside the numbers of the widest of these tables, a line of 80


class LineTable(Table):
    """A table whose cells are lines: a name with markup or line breaks in it is shown as it is."""

    def add_cells(self, *cells: str, style: str | None = None) -> None:
        """Adds a row of text in `style`."""
        first, *others = cells
        self.add_row(line(cut(first, _MOST_NAME)), *map(line, others), style=style)


def new_table(first: str, *others: str) -> LineTable:
    """An empty table: the `first` column of text, the `others` of numbers."""
    table = LineTable(box=None, pad_edge=False, header_style="bold")
    table.add_column(line(first))
    for name in others:
        table.add_column(line(name), justify="right")
    return table
