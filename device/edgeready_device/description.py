"""What a caller says of a model file in place of what the file says itself, or does not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from edgeready_device.errors import ModelFileError, NotFoundError, UsageError
from edgeready_device.manifest import RESIZE_RULES, SCORES
from edgeready_device.preprocess import Normalization
from edgeready_device.text import plain

_MAX_LABEL_BYTES = 16 << 20

Labels = Union["tuple[str, ...]", Mapping[int, str]]


@dataclass(frozen=True)
class Description:
    """How to read a model; what is None stays as the file has it.

    `labels` has one entry a class, or maps class numbers to labels; `resize` is "stretch", "crop" or "letterbox";
    `scores` is "logits" or "probabilities".
    """

    labels: Labels | None = None
    normalization: Normalization | None = None
    resize: str | None = None
    scores: str | None = None

    def __post_init__(self) -> None:
        if self.resize is not None and self.resize not in RESIZE_RULES:
            raise UsageError(f"the resize rule is {self.resize!r}: choose {', '.join(RESIZE_RULES)}")
        if self.scores is not None and self.scores not in SCORES:
            raise UsageError(f"the scores are {self.scores!r}: choose {' or '.join(SCORES)}")


def labels_for(given: Labels, classes: int) -> tuple[str, ...]:
    """One label for each of the `classes`, the number where none is given; raises ModelFileError for too many."""
    if not isinstance(given, Mapping):
        return tuple(given)
    beyond = max(given)
    if beyond >= classes:
        raise ModelFileError(
            f"a label for class {beyond}, of {classes} classes from 0 on: give the file that belongs to the model"
        )
    return tuple(given.get(index, str(index)) for index in range(classes))


def read_labels(path: Path) -> Labels:
    """The labels in a text file: one a line, or PyCoral's lines of number and label, as `17 cat` or `17: cat`.

    Raises NotFoundError, or UsageError for a file without labels.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(_MAX_LABEL_BYTES).decode("utf-8", "replace")
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: no such file; name a text file with one label a line") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    lines = [plain(line) for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise UsageError(f"{path} holds no labels: write one label a line")
    return _numbered(lines) or tuple(lines)


def _numbered(lines: Sequence[str]) -> dict[int, str] | None:
    """Class numbers and their labels where every line has both and no number comes twice, else None."""
    found: dict[int, str] = {}
    for line in filter(None, lines):
        number, _, label = line.replace(":", " ", 1).partition(" ")
        if not (number.isascii() and number.isdigit()) or int(number) in found or not label.strip():
            return None
        found[int(number)] = label.strip()
    return found


def normalization_from(mean: str | None, std: str | None) -> Normalization | None:
    """The Normalization of two texts, a number or one per channel with commas; None when neither is given.

    Raises UsageError for texts that hold no such numbers.
    """
    if mean is None and std is None:
        return None
    means, stds = _numbers("mean", mean or "0"), _numbers("std", std or "255")
    count = max(len(means), len(stds))
    means, stds = (values * count if len(values) == 1 else values for values in (means, stds))
    try:
        return Normalization(means, stds)
    except ModelFileError as error:
        raise UsageError(
            f"{error}: give finite numbers, as many means as deviations, and no deviation of 0"
        ) from error


def _numbers(name: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"{name} is {text!r}: write 127.5, or one number a channel: 123.7,116.3,103.5") from error
