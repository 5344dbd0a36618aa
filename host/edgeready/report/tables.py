"""The style of all tables."""

from __future__ import annotations

from rich.table import Table


def new_table(first: str, *others: str) -> Table:
    """An empty table: the `first` column of text, the `others` of numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table
