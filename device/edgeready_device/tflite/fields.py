"""What a field of a flatbuffer's table can hold, as the rows of the schema say it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """What one field of a table holds.

    `kind` is "number", "numbers" (a vector of them), "text", "table", "tables" (a vector of them), "union" (a table
    whose type is in the field before), or "unread": no reader follows it. `width` is the size in bytes of the number,
    or of the offset to anything else; `element` is that of a vector's element; `name` is the table's or the union's.
    """

    kind: str
    width: int = 4
    element: int = 4
    name: str = ""


# BYTE is also a bool, INT also a float: a reader of the layout needs the width alone.
BYTE, INT, LONG = Field("number", 1), Field("number", 4), Field("number", 8)
BYTES, SHORTS, INTS, LONGS = (Field("numbers", element=width) for width in (1, 2, 4, 8))
TEXT, UNREAD = Field("text"), Field("unread")


def table(name: str) -> Field:
    """A field that holds the table `name`."""
    return Field("table", name=name)


def tables(name: str) -> Field:
    """A field that holds a vector of tables `name`."""
    return Field("tables", name=name)


def union(name: str) -> Field:
    """A field that holds a table of the union `name`; the field before it has the number of its type."""
    return Field("union", name=name)
