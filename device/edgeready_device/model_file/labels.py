"""Label files: one label a line, lines of class number and label, JSON, or a label map."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from edgeready_device.errors import ModelFileError, NotFoundError, UsageError
from edgeready_device.input_file import read_file
from edgeready_device.model_file.label_formats import parse_structured
from edgeready_device.text import plain

MAX_LABELS = 100_000  # chosen: several times the 21,841 classes of ImageNet-21k
_MAX_LABEL_CHARACTERS = 1000  # chosen: a label is shown in one line
_MAX_LABEL_BYTES = 16 << 20  # chosen: above any file that the two limits allow in practice

# The marks at a file's start that name its encoding; that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


PlainLabels = Union["tuple[str, ...]", Mapping[int, str]]


@dataclass(frozen=True)
class LabelLines:
    """The lines of a label file, which may hold class numbers: that depends on the number of classes."""

    lines: tuple[str, ...]

    @property
    def numbered(self) -> dict[int, str] | None:
        """The labels by class number, where every line has both and no number comes twice; else None."""
        return _parse_numbers(self.lines)

    @property
    def plain(self) -> PlainLabels:
        """The labels by class number where every line has both, else the lines."""
        return self.numbered or self.lines

    def choose(self, classes: int) -> tuple[str, ...] | dict[int, str]:
        """Returns the labels of `classes` classes: the lines as they stand, or by their numbers.

        Numbers are those of the classes where they run from 0 to the last class, and where some are missing, as in
        PyCoral's files. Else they belong to the labels: a class may be called "3 cent".
        """
        numbered = self.numbered
        if numbered is None:
            return self.lines
        from_zero = sorted(numbered) == list(range(len(numbered)))
        if from_zero:  # too few of them may be shifted by a background class: no label is better than a wrong one
            return numbered if len(numbered) == classes else self.lines
        distinct = len(set(numbered.values())) == len(numbered)
        return numbered if distinct and len(self.lines) != classes else self.lines


Labels = Union["tuple[str, ...]", Mapping[int, str], LabelLines]


def parse_labels(data: bytes) -> tuple[str, ...]:
    """The labels in the bytes of a model's label file, one a line; control characters become spaces.

    Bytes that are no text become the replacement character. Raises ModelFileError for more, or longer ones, than a
    classifier has.
    """
    text, encoding = _unmark(data)
    return _split(text.decode(encoding, "replace"))


def decode_labels(data: bytes) -> tuple[str, ...]:
    """The labels in the bytes of a label file, as `parse_labels` has them, but only where all of it is text.

    Raises ModelFileError for another encoding than UTF-8 or, with its mark at the start, UTF-16.
    """
    return _split(_decode(data))


def _decode(data: bytes) -> str:
    text, encoding = _unmark(data)
    try:
        decoded = text.decode(encoding)
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        raise ModelFileError(
            f"line {line} is not {encoding.upper()} (byte 0x{text[error.start]:02x}), perhaps Latin-1: save the file "
            "as UTF-8, as iconv -f latin1 -t utf8 does"
        ) from error
    if "\0" in decoded:
        raise ModelFileError("it holds zero bytes, as UTF-16 without its mark does: save it as UTF-8")
    return decoded


def _unmark(data: bytes) -> tuple[bytes, str]:
    """The bytes behind the mark of their encoding, and its name; UTF-8 without a mark."""
    return next(((data[len(mark) :], name) for mark, name in _MARKS if data.startswith(mark)), (data, "utf-8"))


def _split(text: str) -> tuple[str, ...]:
    split = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    longest = max(map(len, split))
    if len(split) > MAX_LABELS or longest > _MAX_LABEL_CHARACTERS:
        raise ModelFileError(
            f"its label file has {len(split)} lines, the longest of {longest} characters: "
            f"{MAX_LABELS} and {_MAX_LABEL_CHARACTERS} are the most"
        )
    lines = [plain(line) for line in split]
    while lines and not lines[-1]:
        lines.pop()
    return tuple(lines)


def labels_for(labels: Labels, classes: int) -> tuple[str, ...]:
    """One label for each of the `classes`, the number where none is given; raises ModelFileError for too many."""
    if isinstance(labels, LabelLines):
        labels = labels.choose(classes)
    if not isinstance(labels, Mapping):
        return tuple(labels)
    strange = next((key for key in labels if not isinstance(key, int) or key < 0), None)
    if strange is not None:
        raise UsageError(f"a label for class {strange!r}: classes are whole numbers from 0 on")
    largest = max(labels, default=0)
    if largest >= classes:
        raise ModelFileError(
            f"a label for class {largest}, of {classes} classes from 0 on: give the file that belongs to the model"
        )
    return tuple(labels.get(index, str(index)) for index in range(classes))


def read_labels(path: Path) -> Labels:
    """The labels in a text file: one a line, or PyCoral's lines of number and label, as `17 cat` or `17: cat`.

    JSON is a list of labels, an object of numbers and labels or of labels and numbers (Keras' `class_indices`), or
    has one of these in it (`labels`, `id2label`, ...); a label map of TensorFlow has an `item` for each class.
    Raises NotFoundError, or UsageError for a file without labels, in another encoding than UTF-8 or UTF-16, or with
    more than a classifier has.
    """
    try:
        text = _decode(read_file(path, _MAX_LABEL_BYTES))
        structured = parse_structured(text)
        lines = _split(text) if structured is None else ()
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: no such file; name a text file with one label a line") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if structured is not None:
        return _clean(path, structured)
    if not lines:
        raise UsageError(f"{path} holds no labels: write one label a line")
    return LabelLines(lines)


def _clean(path: Path, entries: PlainLabels) -> PlainLabels:
    """The labels without control characters; raises UsageError for more, or longer ones, than a classifier has."""
    texts = entries.values() if isinstance(entries, Mapping) else entries
    if not entries or len(entries) > MAX_LABELS or max(map(len, texts)) > _MAX_LABEL_CHARACTERS:
        raise UsageError(
            f"{path} has {len(entries)} labels: it takes 1 to {MAX_LABELS}, of up to {_MAX_LABEL_CHARACTERS} "
            "characters"
        )
    if isinstance(entries, Mapping):
        return {number: plain(label).strip() for number, label in entries.items()}
    return tuple(plain(label).strip() for label in entries)


def _parse_numbers(lines: Sequence[str]) -> dict[int, str] | None:
    labels: dict[int, str] = {}
    for line in filter(None, lines):
        number, _, label = line.replace(":", " ", 1).partition(" ")
        if not (number.isascii() and number.isdigit()) or int(number) in labels or not label.strip():
            return None
        labels[int(number)] = label.strip()
    return labels or None
