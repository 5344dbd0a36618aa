"""Fonts for labels of any language: Pillow's own where it has the letters, else one that this machine has."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Optional

_SUFFIXES = (".ttf", ".otf", ".ttc")
# In this order: fonts with many scripts first, since each file is opened until one has the letters.
_WIDE = ("notosanscjk", "notosans", "dejavusans", "droidsansfallback", "arialunicode", "unifont", "freesans", "wqy")
_STYLES = ("bold", "italic", "oblique", "mono", "condensed", "serif", "light", "thin", "black", "emoji")
_MOST_FILES = 500  # chosen: what a system with many fonts has for most scripts; each takes a millisecond or less
_MOST_LETTERS = 20  # of those that are lacking are named; chosen: a line
_SIZE = 24  # of the letters that are compared; chosen: two different letters look different
_NO_LETTER = "\U0010ffff"  # Unicode has none there: a font draws what it draws for each letter that it lacks
_PACKAGES = "fonts-noto-core, or fonts-noto-cjk for Chinese, Japanese and Korean"


def font_for(text: str, size: int) -> Any:
    """Returns the Pillow font of `size` that has the most letters of `text`, its own where that has all."""
    return _open(_file_for(_letters(text), _folders()), size)


def font_file(text: str) -> Path | None:
    """Returns the file of that font; None for Pillow's own."""
    path = _file_for(_letters(text), _folders())
    return None if path is None else Path(path)


def missing_letters(texts: Iterable[str]) -> str:
    """Returns a sentence with the letters of `texts` that no font here has; empty where every label can be drawn."""
    lacking: dict[str, None] = {}
    for text in texts:
        letters = _letters(text)
        path = _file_for(letters, _folders())
        lacking.update(dict.fromkeys(letter for letter in sorted(letters) if not _has_letter(path, letter)))
    if not lacking:
        return ""
    named = "".join(list(lacking)[:_MOST_LETTERS]) + ("..." if len(lacking) > _MOST_LETTERS else "")
    return f"no font here has {named}, which are drawn as boxes: install one (on Debian {_PACKAGES})"


def _letters(text: str) -> frozenset[str]:
    """The letters that a font must have: neither spaces, nor what is combined with a letter."""
    return frozenset(c for c in text if unicodedata.category(c)[0] not in "MZC")


def _folders() -> tuple[str, ...]:
    """Where fonts lie, by the rules of freedesktop.org and of macOS; the user's own first."""
    home = os.environ.get("HOME", "")
    data = os.environ.get("XDG_DATA_HOME") or (f"{home}/.local/share" if home else "")
    shared = (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    own = ([f"{data}/fonts"] if data else []) + ([f"{home}/.fonts", f"{home}/Library/Fonts"] if home else [])
    return (*own, *(f"{folder}/fonts" for folder in shared if folder), "/Library/Fonts", "/System/Library/Fonts")


@lru_cache(maxsize=4)
def _files(folders: tuple[str, ...]) -> tuple[str, ...]:
    paths = [
        os.path.join(folder, name)
        for start in folders
        for folder, _, names in os.walk(start)
        for name in names
        if name.lower().endswith(_SUFFIXES)
    ]
    return tuple(sorted(paths, key=_rank)[:_MOST_FILES])


def _rank(path: str) -> tuple[int, int, str]:
    name = os.path.basename(path).lower().replace("-", "").replace("_", "")
    wide = next((number for number, start in enumerate(_WIDE) if name.startswith(start)), len(_WIDE))
    return sum(style in name for style in _STYLES), wide, path


@lru_cache(maxsize=1024)
def _file_for(letters: frozenset[str], folders: tuple[str, ...]) -> Optional[str]:  # noqa: UP045  (Python 3.9)
    best, most = None, sum(_has_letter(None, letter) for letter in letters)
    for path in _files(folders) if most < len(letters) else ():
        count = sum(_has_letter(path, letter) for letter in letters)
        if count > most:
            best, most = path, count
        if most == len(letters):
            break
    return best


@lru_cache(maxsize=65536)
def _has_letter(path: str | None, letter: str) -> bool:
    """Whether the font draws `letter` as something else than a letter that there is not."""
    try:
        font = _open(path, _SIZE)
        if not hasattr(font, "path"):  # Pillow's font of one size
            return letter.encode("latin-1", "ignore") != b""
        mask, box = font.getmask(letter), font.getmask(_NO_LETTER)
    except (OSError, ValueError):  # no font, or one of pictures in fixed sizes
        return False
    return (mask.size, bytes(mask)) != (box.size, bytes(box))


@lru_cache(maxsize=64)
def _open(path: str | None, size: int) -> Any:
    from PIL import ImageFont  # noqa: PLC0415  (Pillow is an extra)

    if path is not None:
        return ImageFont.truetype(path, size)
    try:
        return ImageFont.load_default(size)
    except (TypeError, ImportError, OSError):  # Pillow before 10.1, or built without FreeType: a font of one size
        return ImageFont.load_default()
