"""Accuracy, confusion, and the images on which two models disagree, out of a document."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgeready.documents.fields import LONGEST, Fields

MOST_EXAMPLES = 12  # what our documents hold; a document of anybody's may hold more
_LONGEST_PICTURE = 64 << 10  # characters; chosen: ten times what a picture of noise takes
_PICTURE = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share from 0 to 1 with its 95 % interval and its counts; what is no number is None."""

    value: float | None
    low: float | None = None
    high: float | None = None
    hits: int | None = None
    count: int | None = None


@dataclass(frozen=True, kw_only=True)
class ClassShare:
    """How many images of one class were right."""

    label: str
    share: Share


@dataclass(frozen=True, kw_only=True, eq=False)
class Accuracy:
    """What a model in `mode` ("" where it is not stated) said of labelled images.

    `confusion` (classes, classes) counts the true class in the row and the answer in the column; None where it is not
    known. `unseen` is the accuracy on the images that the file was not made with.
    """

    model: str
    mode: str
    data: str
    runtime: str
    top1: Share
    top5: Share | None = None
    agreement: Share | None = None
    unseen: Share | None = None
    classes: tuple[ClassShare, ...] = field(default=(), repr=False)
    confusion: NDArray[np.int64] | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """One image with its true class, the baseline's answer and the model's; `picture` is a data URI, or ""."""

    index: int
    truth: str
    baseline: str
    model: str
    picture: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Disagreements:
    """How often a model in `mode` differs from float32, who is right then, and some of the images."""

    model: str
    mode: str
    count: int
    images: int
    baseline_right: int
    model_right: int
    neither_right: int
    examples: tuple[Disagreement, ...] = field(default=(), repr=False)


def read_share(fields: Fields | None) -> Share | None:
    """Returns a proportion as our documents have it; None where there is none."""
    if fields is None:
        return None
    low, high = read_interval(fields)
    return Share(
        value=fields.number("value"), low=low, high=high, hits=fields.whole("hits"), count=fields.whole("count")
    )


def read_interval(fields: Fields, name: str = "interval95") -> tuple[float | None, float | None]:
    """Returns the two ends of an interval; None where there is none."""
    values = fields.data.get(name)
    if values is None:
        return None, None
    if not isinstance(values, list) or len(values) != 2:
        raise fields.error(name, values, "list of two numbers")
    place = f"{fields.place}.{name}" if fields.place else name
    ends = Fields(file=fields.file, data=dict(zip(("low", "high"), values)), place=place)
    return ends.number("low"), ends.number("high")


def read_accuracy(
    fields: Fields, *, model: str, mode: str = "", data: str = "", agreement: Fields | None = None
) -> Accuracy:
    """Returns the Accuracy in an evaluation's document."""
    familiarity = fields.child("seen")
    return Accuracy(
        model=model,
        mode=mode,
        data=data,
        runtime=fields.text("runtime"),
        top1=read_share(fields.child("top1")) or Share(value=None),
        top5=read_share(fields.child("top5")),
        agreement=read_share(agreement),
        unseen=None if familiarity is None else read_share(familiarity.child("top1_unseen")),
        classes=_read_classes(fields.child("per_class")),
        confusion=_read_confusion(fields),
    )


def read_disagreements(fields: Fields, model: str) -> Disagreements:
    """Returns the Disagreements in a document; a picture that is no PNG or JPEG in base64 is left out."""
    return Disagreements(
        model=model,
        mode=fields.text("mode"),
        count=fields.whole("count") or 0,
        images=fields.whole("images") or 0,
        baseline_right=fields.whole("baseline_right") or 0,
        model_right=fields.whole("model_right") or 0,
        neither_right=fields.whole("neither_right") or 0,
        examples=tuple(
            Disagreement(
                index=example.whole("index") or 0,
                truth=example.text("truth"),
                baseline=example.text("baseline"),
                model=example.text("model"),
                picture=_read_picture(example),
            )
            for example in fields.children("examples")[:MOST_EXAMPLES]
        ),
    )


def _read_classes(fields: Fields | None) -> tuple[ClassShare, ...]:
    if fields is None:
        return ()
    return tuple(
        ClassShare(label=label[:LONGEST], share=read_share(fields.child(label)) or Share(value=None))
        for label in fields.data
    )


def _read_confusion(fields: Fields) -> NDArray[np.int64] | None:
    rows = fields.data.get("confusion")
    if rows is None:
        return None
    expectation = "square table of counts"
    if not isinstance(rows, list) or any(not isinstance(row, list) or len(row) != len(rows) for row in rows):
        raise fields.error("confusion", type(rows).__name__, expectation)
    if any(type(count) is not int or not 0 <= count < 1 << 31 for row in rows for count in row):
        wrong = next(count for row in rows for count in row if type(count) is not int or not 0 <= count < 1 << 31)
        raise fields.error("confusion", wrong, expectation)
    return np.array(rows, np.int64).reshape(len(rows), len(rows)) if rows else None


def _read_picture(fields: Fields) -> str:
    uri = fields.data.get("picture")
    if not isinstance(uri, str) or len(uri) > _LONGEST_PICTURE:
        return ""
    return uri if _PICTURE.fullmatch(uri) else ""
