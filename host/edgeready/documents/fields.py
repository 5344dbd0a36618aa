"""Reads the fields of a JSON document whose writer is not trusted: of the right type, or an error that names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from edgeready.errors import DocumentError
from edgeready_device.text import cut, plain

LONGEST = 2000  # characters of a text that is kept; chosen: the longest remedy has 400
_LONGEST_VALUE, _LONGEST_PLACE = 40, 80  # of a wrong value and its place, in an error; chosen: it stays one line
# 2**53: beyond it a JSON reader may round, and no figure of ours is near.
_LARGEST = 1 << 53
Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Fields:
    """The fields of the object at `place` of the document in `file`; one that is absent, or null, is None."""

    file: str
    data: Mapping[str, Any] = field(repr=False)
    place: str = ""

    def __contains__(self, name: str) -> bool:
        return self.data.get(name) is not None

    def text(self, name: str) -> str:
        """Returns a text, cut after 2,000 characters; "" where there is none."""
        value = self._value_of(name, str, "text")
        return "" if value is None else value[:LONGEST]

    def texts(self, name: str) -> tuple[str, ...]:
        """Returns a list of texts."""
        values = self._value_of(name, list, "list") or []
        for value in values:
            if not isinstance(value, str):
                raise self.error(name, value, "list of texts")
        return tuple(value[:LONGEST] for value in values)

    def number(self, name: str) -> float | None:
        """Returns a number; None also for NaN, infinity and what is as large: they say that there is no figure."""
        value = self.data.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error(name, value, "number")
        return float(value) if abs(value) <= _LARGEST else None  # a comparison with NaN is false

    def whole(self, name: str) -> int | None:
        """Returns a whole number, from 0."""
        value = self.data.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
            raise self.error(name, value, "whole number from 0")
        return value

    def wholes(self, name: str) -> tuple[int, ...]:
        """Returns a list of whole numbers, from 0."""
        values = self._value_of(name, list, "list") or []
        items = Fields(file=self.file, data={str(i): value for i, value in enumerate(values)}, place=self._path(name))
        return tuple(items.whole(key) or 0 for key in items.data)

    def flag(self, name: str) -> bool | None:
        """Returns true or false."""
        return self._value_of(name, bool, "true or false")

    def child(self, name: str) -> Fields | None:
        """Returns the object `name`."""
        value = self._value_of(name, dict, "object")
        return None if value is None else Fields(file=self.file, data=value, place=self._path(name))

    def children(self, name: str) -> list[Fields]:
        """Returns the objects of the list `name`."""
        values = self._value_of(name, list, "list") or []
        for value in values:
            if not isinstance(value, dict):
                raise self.error(name, value, "list of objects")
        return [
            Fields(file=self.file, data=value, place=f"{self._path(name)}[{number}]")
            for number, value in enumerate(values)
        ]

    def error(self, name: str, value: object, expectation: str) -> DocumentError:
        """Returns the error for a `value` of the field `name`, which is to be an `expectation`."""
        text = cut(plain(str(value)), _LONGEST_VALUE)
        place = cut(plain(self._path(name)), _LONGEST_PLACE)
        return DocumentError(
            f"{self.file}: {place} is {text!r}, no {expectation}: write the file again with the command that made it"
        )

    def _value_of(self, name: str, kind: type[Value], expectation: str) -> Value | None:
        value = self.data.get(name)
        if value is None:
            return None
        if not isinstance(value, kind):
            raise self.error(name, value, expectation)
        return value

    def _path(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name
