"""The names of a trained model's classes, and data whose classes are put in their order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeready.dataset.dataset import Dataset, Parts
from edgeready.errors import DatasetError, UsageError
from edgeready_device.model_file.label_match import match_labels
from edgeready_device.model_file.labels import LabelLines, Labels
from edgeready_device.text import plain

_NUMBER_BEFORE = re.compile(r"(?P<number>[0-9]{1,6})\s*[.,;:)=]\s*(?P<name>.+)")
_NUMBER_BEHIND = re.compile(r"(?P<name>.+?)(\s*[,;:=]\s*|\s+)(?P<number>[0-9]{1,6})")
_QUOTED = re.compile(r"(?P<quote>['\"])(?P<name>.+)(?P=quote),?")
_MOST_NAMES = 8  # in a message; chosen: they fit two lines, and a misfit shows in the first few


@dataclass(frozen=True, kw_only=True)
class ClassNames:
    """The names of a model's classes in the order of its outputs, and what errors call the file that has them.

    A line as "1 cent" may be a name, or a number and a name: there is one of the `readings` for each, and the data
    decide. Data that only number their classes get the first of them, where they may (`by_number`). `remedy` says
    what to do where none fits.
    """

    readings: tuple[tuple[str, ...], ...]
    origin: str
    remedy: str
    by_number: bool = True


def class_names_of(labels: Labels, origin: str, remedy: str) -> ClassNames:
    """The class names in `labels`, of the file that errors call `origin`.

    Empty lines are no classes. Raises UsageError for a name that comes twice, for numbers with gaps, and for less
    than two names.
    """
    if isinstance(labels, LabelLines):
        lines = tuple(line for line in labels.lines if line)
        numbers = labels.numbered or {}
        numbered = _in_order(numbers)
        readings = [lines] if numbered is None else [numbered, lines] if 0 in numbers else [lines, numbered]
        readings += _read_otherwise(lines)
    elif isinstance(labels, Mapping):
        ordered = _in_order(labels)
        if ordered is None:
            raise UsageError(
                f"{origin} numbers its labels {_list(map(str, sorted(labels)))}: number them 0, 1, 2, ..."
            )
        readings = [ordered]
    else:
        readings = [tuple(labels)]
    unique = tuple(reading for reading in readings if len(set(reading)) == len(reading) > 1) or tuple(
        reading for reading in readings if len(set(reading)) == len(reading)
    )
    if not unique:
        name = next(name for name in readings[0] if readings[0].count(name) > 1)
        raise UsageError(f"{origin} names {name!r} twice: give every class its own name")
    if len(unique[0]) < 2:
        raise UsageError(
            f"{origin} has {len(unique[0])} labels: write one for each output of the model, at least two"
        )
    if not all(unique[0]):
        raise UsageError(f"{origin} has an empty label: write one for each output of the model")
    return ClassNames(readings=unique, origin=origin, remedy=remedy)


def order_classes(parts: Parts, names: ClassNames, source: str) -> Parts:
    """`parts` with the classes of `names` in their order, and a note that says so.

    A class is called as the model calls it. Raises DatasetError, naming both sides, where the names of the classes of
    `source` are others.
    """
    classes = parts.train.classes
    named, places = _choose_reading(classes, names)
    note = _match_note(classes, named, places, names.origin)
    if names.by_number and set(places) == {None} and classes == tuple(map(str, range(len(names.readings[0])))):
        named, places = names.readings[0], tuple(range(len(classes)))
        note = (
            f"{names.origin} names the classes by their numbers: 0 is {plain(named[0])!r}, 1 is {plain(named[1])!r}"
        )
    if None in places or len(places) < len(named):
        raise DatasetError(_misfit(classes, named, places, names, source))
    index = np.array(places, dtype=np.int64)

    def reorder(part: Dataset | None) -> Dataset | None:
        return None if part is None else replace(part, classes=named, labels=index[part.labels])

    train = reorder(parts.train)
    return replace(
        parts,
        train=parts.train if train is None else train,
        validation=reorder(parts.validation),
        test=reorder(parts.test),
        notes=(*parts.notes, note) if note else parts.notes,
    )


def _read_otherwise(lines: Sequence[str]) -> list[tuple[str, ...]]:
    """What lines may mean, too: numbers with other signs, numbers behind, quotes, all labels in one line."""
    if len(lines) == 1:
        return [tuple(part.strip() for part in re.split("[,;]", lines[0]) if part.strip())]
    readings = []
    for pattern in (_NUMBER_BEFORE, _NUMBER_BEHIND):
        matches = [pattern.fullmatch(line) for line in lines]
        numbered = {int(match["number"]): match["name"].strip() for match in matches if match is not None}
        ordered = _in_order(numbered) if len(numbered) == len(lines) else None
        readings += [] if ordered is None else [ordered]
    quoted = [_QUOTED.fullmatch(line) for line in lines]
    if all(quoted):
        readings.append(tuple(match["name"].strip() for match in quoted if match is not None))
    return readings


def _in_order(labels: Mapping[int, str]) -> tuple[str, ...] | None:
    """The labels by their numbers, where these run from 0 or from 1 without a gap; else None."""
    numbers = sorted(labels)
    if not numbers or numbers[0] not in (0, 1) or numbers[-1] - numbers[0] != len(numbers) - 1:
        return None
    return tuple(labels[number] for number in numbers)


def _choose_reading(classes: Sequence[str], names: ClassNames) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
    """The reading with which most of `classes` agree, and the place of each class in it."""
    matches = [(reading, match_labels(classes, reading)) for reading in names.readings]
    return min(matches, key=lambda match: match[1].count(None))


def _match_note(classes: Sequence[str], named: Sequence[str], places: Sequence[int | None], origin: str) -> str:
    others = [
        f"{plain(name)!r} is {plain(named[place])!r}"
        for name, place in zip(classes, places, strict=True)
        if place is not None and name != named[place]
    ]
    text = f"the classes have the names and the order of {origin}"
    return f"{text}: {_list(others)}" if others else text


def _misfit(
    classes: Sequence[str], named: Sequence[str], places: Sequence[int | None], names: ClassNames, source: str
) -> str:
    strange = [plain(name) for name, place in zip(classes, places, strict=True) if place is None]
    missing = [plain(name) for index, name in enumerate(named) if index not in places]
    facts = []
    if missing:
        facts.append(f"{_list(missing)} of the labels {_have(missing)} no images")
    if strange:
        facts.append(f"{_list(strange)} of the data {_have(strange)} no label")
    return (
        f"{names.origin} has {len(named)} labels ({_list(map(plain, named))}), {source} has {len(classes)} classes "
        f"({_list(map(plain, classes))}), and {', '.join(facts)}: {names.remedy}"
    )


def _have(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _list(names: Sequence[str] | map[str]) -> str:
    texts = [repr(name) if "," in name else name for name in names]
    return ", ".join(texts[:_MOST_NAMES]) + (", ..." if len(texts) > _MOST_NAMES else "")
