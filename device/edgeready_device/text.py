"""Blocks of plain text: two columns, a table, and numbers as people and programs read them.

Text from a file (a label, a tensor's name, a log's line, a file's own name) goes through `printable` or `plain`
before anyone sees it: only this module knows what controls a terminal or a continuous integration.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from edgeready_device.statistics import Proportion

# What a continuous integration takes for a command in a log: GitHub's runner "::error::" at the start of a line and
# "##[error]" anywhere, Azure's "##vso[" and TeamCity's "##teamcity[" anywhere.
_COMMAND = re.compile(r"^(\s*:)(?=:)|(#)(?=#\w*\[)", re.MULTILINE)

_LINE = 80  # columns: what a terminal has when nobody has made it wider
_LEAST_NAME = 16  # columns that a name keeps; chosen: its start and its end are still told apart


def percent(share: Proportion) -> str:
    """A proportion in percent with its 95 % interval and its counts."""
    low, high = share.interval
    return f"{100 * share.value:.2f} % ({100 * low:.2f} to {100 * high:.2f}, {share.hits} of {share.count})"


def proportion_json(share: Proportion) -> dict[str, Any]:
    """A proportion and its 95 % interval, from 0 to 1."""
    return {
        "value": share.value,
        "interval95": list(share.interval),
        "hits": share.hits,
        "count": share.count,
    }


def csv_text(lines: Sequence[Mapping[str, Any]]) -> str:
    """Lines of named cells as CSV (RFC 4180) with a header; a cell that a line lacks, or None, is empty."""
    import csv  # noqa: PLC0415  (a table is rare, and a command's start is not)

    target = io.StringIO()
    names = list(dict.fromkeys(name for line in lines for name in line))
    writer = csv.DictWriter(target, names, restval="")
    writer.writeheader()
    for line in lines:
        writer.writerow({name: plain(cell) if isinstance(cell, str) else cell for name, cell in line.items()})
    return target.getvalue()


def printable(text: str) -> str:
    """Returns text with its line breaks that controls neither a terminal nor a continuous integration.

    Control and direction characters become spaces; a space breaks what would be read as a command. Half a surrogate,
    an undecodable byte of a file's name, stays: streams write it as an escape.
    """
    if not text.replace("\n", "").isprintable():
        text = "".join(c if c.isprintable() or c == "\n" or "\ud800" <= c <= "\udfff" else " " for c in text)
    return _COMMAND.sub(r"\1\2 ", text)


def plain(text: str) -> str:
    """Returns text as `printable` does, in one line and without spaces around it."""
    return _cell(text).strip()


def json_text(data: Any) -> str:
    """Returns `data` as JSON in ASCII, in which no string is a command of a continuous integration."""
    return json.dumps(data).replace("##", "#\\u0023")  # the same data; "##" stands in strings only


def rows(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and values in two columns, each value in one line."""
    width = max(len(name) for name, _ in pairs)
    return "\n".join(f"{name:<{width}}  {_cell(value)}" for name, value in pairs)


def table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in plain text of at most 80 columns; its first column to the left, the others to the right.

    Names that are too long lose their middle. Columns that do not fit follow below, after the first column again.
    """
    every = [[_cell(cell) for cell in line] for line in (header, *lines)]
    widths = _fit_widths([max(columns_of(line[i]) for line in every) for i in range(len(header))])

    def join_cells(line: Sequence[str], block: Sequence[int]) -> str:
        cells = [cut(line[i], widths[i]) for i in block]
        spaces = [" " * (widths[i] - columns_of(cell)) for i, cell in zip(block, cells)]
        right = [space + cell for space, cell in zip(spaces[1:], cells[1:])]
        return "  ".join([cells[0] + spaces[0], *right]).rstrip()

    blocks = _split_columns(widths)
    return "\n\n".join("\n".join(join_cells(line, block) for line in every) for block in blocks)


def cut(text: str, most: int) -> str:
    """Returns `text` in at most `most` columns of a terminal: one that is longer loses its middle."""
    if columns_of(text) <= most:
        return text
    start, end = text, ""
    while start and columns_of(start) > most // 2:
        start = start[:-1]
    for letter in reversed(text):
        if columns_of(start) + 1 + columns_of(letter + end) > most:
            break
        end = letter + end
    return f"{start}…{end}"


def columns_of(text: str) -> int:
    """Returns how many columns of a terminal `text` takes: two for a letter of Chinese, none for an accent."""
    if text.isascii():
        return len(text)
    import unicodedata  # noqa: PLC0415  (most tables are ASCII)

    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text
    )


def _fit_widths(widths: Sequence[int]) -> list[int]:
    """Returns `widths` with a first column so narrow that a line fits, if a name bears it, else one of half a line.

    Other columns are made narrower only where they do not fit beside it: figures are not cut.
    """
    first, *others = widths
    room = _LINE - sum(width + 2 for width in others)
    first = min(first, room if room >= _LEAST_NAME else _LINE // 2)
    return [first, *(min(width, _LINE - first - 2) for width in others)]


def _split_columns(widths: Sequence[int]) -> list[list[int]]:
    """Returns the columns of each block: the first, and as many of the others as fit beside it."""
    blocks, room = [[0]], _LINE - widths[0]
    for i, width in enumerate(widths[1:], 1):
        if width + 2 > room and len(blocks[-1]) > 1:
            blocks.append([0])
            room = _LINE - widths[0]
        blocks[-1].append(i)
        room -= width + 2
    return blocks


def _cell(text: str) -> str:
    return printable(text.replace("\n", " "))


def duration(seconds: float) -> str:
    """Returns seconds with three significant digits in the unit that fits."""
    if seconds < 1e-4:
        return f"{seconds * 1e6:.3g} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds:.3g} s"


def time_text(seconds: float) -> str:
    """Returns a time in seconds since 1970 as ISO 8601 in UTC with milliseconds."""
    from datetime import datetime, timezone  # noqa: PLC0415  (a command that states no time needs it not)

    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def megabytes(size_bytes: int) -> str:
    """Returns bytes with one decimal in MB, 1,000,000 bytes each."""
    return f"{size_bytes / 1e6:,.1f} MB"
