"""Blocks of plain text: two columns, a table, and numbers as people and programs read them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from edgeready_device.statistics import Proportion


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
    writer.writerows(lines)
    return target.getvalue()


def plain(text: str) -> str:
    """Text of a file in one line, control characters as spaces, so that it cannot control the terminal."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def rows(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and values in two columns."""
    width = max(len(name) for name, _ in pairs)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in pairs)


def table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in plain text; the first column to the left, the others to the right."""
    every = [header, *lines]
    widths = [max(len(line[i]) for line in every) for i in range(len(header))]

    def join_cells(line: Sequence[str]) -> str:
        right = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        return "  ".join([line[0].ljust(widths[0]), *right]).rstrip()

    return "\n".join(join_cells(line) for line in every)


def duration(seconds: float) -> str:
    """Returns seconds with three significant digits in the unit that fits."""
    if seconds < 1e-4:
        return f"{seconds * 1e6:.3g} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds:.3g} s"


def megabytes(size_bytes: int) -> str:
    """Returns bytes with one decimal in MB, 1,000,000 bytes each."""
    return f"{size_bytes / 1e6:,.1f} MB"
