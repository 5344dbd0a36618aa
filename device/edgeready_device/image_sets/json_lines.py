"""Tables of labels as JSON lines: an object for each image, as in metadata.jsonl."""

from __future__ import annotations

import json
from pathlib import Path

from edgeready_device.errors import DatasetError
from edgeready_device.image_sets.table_columns import Table


def table_of_json_lines(path: Path, text: str, part: str | None) -> Table:
    """The table in `text`, the content of `path`: its columns are the keys that all lines have.

    Values that are no text, number or truth, as boxes and lists are, make no column. Raises DatasetError, naming the
    line, for one that is no object.
    """
    rows: list[tuple[int, dict[str, str]]] = []
    for line, content in enumerate(text.splitlines(), 1):
        if not content.strip():
            continue
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise DatasetError(f"{str(path)!r} line {line} is no JSON object: write one for each image in a line")
        rows.append((line, {key: str(cell) for key, cell in value.items() if isinstance(cell, (str, int, float))}))
    if not rows:
        raise DatasetError(f"{str(path)!r} is empty: write a JSON object for each image in a line")
    columns = tuple(key for key in rows[0][1] if all(key in row for _, row in rows))
    return Table(
        path=path,
        part=part,
        columns=columns,
        rows=tuple((line, tuple(row[key] for key in columns)) for line, row in rows),
    )
