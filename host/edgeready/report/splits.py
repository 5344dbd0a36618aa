"""Shows the parts of a data set."""

from __future__ import annotations

from rich.console import Group, RenderableType

from edgeready.dataset import Splits
from edgeready.report.lines import line
from edgeready.report.tables import new_table


def splits_view(splits: Splits) -> RenderableType:
    """Returns the parts of a data set as a table, a row for each class."""
    first = splits.train
    data = splits.parts()
    names = [name for name in ("train", "calibration", "validation", "test") if name in data]
    table = new_table("class", *names)
    parts = [data[name].class_counts() for name in names]
    for name in first.classes:
        table.add_cells(name, *(f"{part[name]:,}" for part in parts))
    table.add_cells("all", *(f"{sum(part.values()):,}" for part in parts), style="bold")
    pixels = f"{first.height}x{first.width} {'RGB' if first.channels == 3 else 'grey'}"
    removed = f"; {splits.removed} training images left out because {_holders(splits)}" if splits.removed else ""
    return Group(table, line(f"{first.name}: images of {pixels}{removed}"), *(line(note) for note in splits.notes))


def _holders(splits: Splits) -> str:
    return "the test set has them" if splits.validation is None else "the test set or the validation has them"
