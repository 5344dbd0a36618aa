"""The one way from a text to HTML: what is no Markup is escaped, so that a name of a file means nothing."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from edgeready_device.text import cut, plain

_LONGEST = 400  # characters of a text on the page; chosen: the longest remedy fits
_WORK = 1000  # characters that are looked at at all; chosen: cutting takes time with the square of them
_LONGEST_NAME = 120  # of a label, a layer or a file; chosen: two lines on a phone
_VOID = frozenset({"br", "img", "link", "meta"})


class Markup(str):
    """HTML that needs no escaping."""

    __slots__ = ()


NOTHING = Markup("")


def element(tag: str, *children: str, **attributes: str) -> Markup:
    """Returns an element of `children`, of which texts are escaped.

    An underscore in the name of an attribute stands for "-", one at its end for nothing (`class_`).
    """
    pairs = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(clean(value))}"' for name, value in attributes.items()
    )
    if tag in _VOID:
        return Markup(f"<{tag}{pairs}>")
    return Markup(f"<{tag}{pairs}>{join(children)}</{tag}>")


def join(children: Iterable[str]) -> Markup:
    """Returns `children` one after the other, of which texts are escaped."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in children))


def escape(text: str) -> Markup:
    """Returns a text of at most 400 characters without control and direction characters, escaped."""
    return Markup(html.escape(cut(clean(text[:_WORK]), _LONGEST)))


def name(text: str) -> Markup:
    """Returns a name out of a file, isolated: letters that run from right to left turn nothing beside it."""
    short = cut(plain(clean(text[:_WORK])), _LONGEST_NAME)
    pieces = re.split(r"(?<=[/_.])", short or "(no name)")  # where a path breaks without harm
    return element("bdi", Markup("<wbr>".join(html.escape(piece) for piece in pieces if piece)))


def clean(text: str) -> str:
    """Returns a text in which every character can be written as UTF-8, and none controls anything."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(letter if letter.isprintable() else " " for letter in text)
