"""Label files: one label a line, or lines of number and label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Union

from edgeready_device.errors import ModelFileError, NotFoundError, UsageError
from edgeready_device.text import plain

_MAX_LABELS = 100_000  # chosen: several times the 21,841 classes of ImageNet-21k
_MAX_LABEL_CHARACTERS = 1000  # chosen: a label is shown in one line
_MAX_LABEL_BYTES = 16 << 20  # chosen: above any file that the two limits allow in practice

Labels = Union["tuple[str, ...]", Mapping[int, str]]


def parse_labels(data: bytes) -> tuple[str, ...]:
    """The labels in the bytes of a label file, one a line; control characters become spaces.

    Raises ModelFileError for more, or longer ones, than a classifier has.
    """
    text = data.decode("utf-8", "replace")
    split = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    longest = max(map(len, split))
    if len(split) > _MAX_LABELS or longest > _MAX_LABEL_CHARACTERS:
        raise ModelFileError(
            f"its label file has {len(split)} lines, the longest of {longest} characters: "
            f"{_MAX_LABELS} and {_MAX_LABEL_CHARACTERS} are the most"
        )
    lines = [plain(line) for line in split]
    while lines and not lines[-1]:
        lines.pop()
    return tuple(lines)


def labels_for(labels: Labels, classes: int) -> tuple[str, ...]:
    """One label for each of the `classes`, the number where none is given; raises ModelFileError for too many."""
    if not isinstance(labels, Mapping):
        return tuple(labels)
    largest = max(labels)
    if largest >= classes:
        raise ModelFileError(
            f"a label for class {largest}, of {classes} classes from 0 on: give the file that belongs to the model"
        )
    return tuple(labels.get(index, str(index)) for index in range(classes))


def read_labels(path: Path) -> Labels:
    """The labels in a text file: one a line, or PyCoral's lines of number and label, as `17 cat` or `17: cat`.

    Raises NotFoundError, or UsageError for a file without labels or with more than a classifier has.
    """
    try:
        with path.open("rb") as stream:
            lines = parse_labels(stream.read(_MAX_LABEL_BYTES))
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: no such file; name a text file with one label a line") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if not lines:
        raise UsageError(f"{path} holds no labels: write one label a line")
    return _parse_numbers(lines) or lines


def _parse_numbers(lines: Sequence[str]) -> dict[int, str] | None:
    """Class numbers and their labels where every line has both and no number comes twice, else None."""
    labels: dict[int, str] = {}
    for line in filter(None, lines):
        number, _, label = line.replace(":", " ", 1).partition(" ")
        if not (number.isascii() and number.isdigit()) or int(number) in labels or not label.strip():
            return None
        labels[int(number)] = label.strip()
    return labels
