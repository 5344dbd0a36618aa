"""Accuracy with its intervals, which class is taken for which, and where quantization changes the answer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeready.documents import Accuracy, ClassShare, Disagreement, Disagreements
from edgeready.report.page.figures import count, interval, percent, whisker
from edgeready.report.page.markup import NOTHING, Markup, element, join, name
from edgeready.report.page.tables import BAR, NAME, NUMBER, WORD, Column, columns, table

_MOST_CELLS = 20  # classes of a matrix; chosen: it fits a page of paper, and more are read as pairs anyhow
# Pairs of classes, beside a matrix and without one. Chosen: a screenful; 1,000 classes stay below 100 kB.
_PAIRS_BESIDE, _MOST_PAIRS = 10, 30
_SHORT = 3  # letters; chosen: more of them are written upwards in the head of a matrix
_MOST_CLASSES = 40  # of the table of classes; chosen as the plots' limit


def accuracy_section(parts: Sequence[Accuracy]) -> Markup:
    """Returns the accuracy of every model with its 95 % interval, and that of each class."""
    low, high = _scale(parts)
    rows = [_accuracy_row(part, low, high) for part in parts]
    head = (
        Column(title="model", kind=NAME),
        Column(title="mode", kind=WORD),
        Column(title="data", kind=NAME),
        Column(title="top-1"),
        Column(title=f"{100 * low:.0f} to {percent(high, 0)}", kind=BAR),
        *columns("95 % interval", "right", "of"),
        *columns("top-5", "as float32", "unseen"),
        Column(title="runtime", kind=NAME),
    )
    note = element(
        "p",
        "The interval is Wilson's. When two accuracies differ by less than the width of their intervals, the test "
        "images do not tell them apart. As float32: the share of the images with the float32 model's answer. Unseen: "
        "the accuracy on images that the file was not made with, where some were.",
        class_="note",
    )
    return join((table(head, rows, stacked=True), note, _classes_tables(parts)))


def confusion_section(parts: Sequence[Accuracy]) -> Markup:
    """Returns the matrix of each model with few classes, and the most frequent mistakes of every one."""
    matrices = [part for part in parts if part.confusion is not None]
    chosen_parts = _choose_modes(matrices)
    blocks = [_confusion(part) for part in chosen_parts]
    left = len(matrices) - len(chosen_parts)
    note = element("p", f"Other modes of these models, left out: {left}.", class_="note") if left else NOTHING
    return join((element("div", *blocks, class_="side"), note)) if blocks else NOTHING


def _choose_modes(parts: Sequence[Accuracy]) -> list[Accuracy]:
    """Returns float32 and one other mode of each model: uint8, else its first. Modes make much the same mistakes."""
    others: dict[str, str] = {}
    for part in parts:
        if part.mode == "uint8" or (part.mode != "float32" and part.model not in others):
            others[part.model] = part.mode
    return [part for part in parts if part.mode in ("float32", others.get(part.model))]


def disagreements_section(parts: Sequence[Disagreements]) -> Markup:
    """Returns the images on which a model and float32 disagree, with all three answers."""
    return join(_disagreements(part) for part in parts)


def _scale(parts: Sequence[Accuracy]) -> tuple[float, float]:
    """Returns whole percents between which all intervals lie."""
    lows = [part.top1.low for part in parts if part.top1.low is not None]
    highs = [part.top1.high for part in parts if part.top1.high is not None]
    return math.floor(100 * min(lows, default=0.0)) / 100, math.ceil(100 * max(highs, default=1.0)) / 100


def _accuracy_row(part: Accuracy, low: float, high: float) -> tuple[str, ...]:
    share = part.top1
    label = f"{percent(share.value)}, 95 % interval {interval(share)}"
    return (
        name(part.model),
        part.mode,
        name(part.data) if part.data else "",
        percent(share.value),
        whisker(share, low, high, label=label),
        interval(share),
        count(share.hits),
        count(share.count),
        percent(part.top5.value) if part.top5 else "",
        percent(part.agreement.value) if part.agreement else "",
        percent(part.unseen.value) if part.unseen else "",
        name(part.runtime) if part.runtime else "",
    )


def _classes_tables(parts: Sequence[Accuracy]) -> Markup:
    """Returns the accuracy by class, the models with the same classes side by side in one table."""
    groups: dict[tuple[str, ...], list[Accuracy]] = {}
    for part in parts:
        if part.classes:
            groups.setdefault(tuple(item.label for item in part.classes), []).append(part)
    return element("div", *(_classes_table(labels, group) for labels, group in groups.items()), class_="side")


def _classes_table(labels: Sequence[str], group: Sequence[Accuracy]) -> Markup:
    worst = sorted(range(len(labels)), key=lambda i: _value(group[-1].classes[i]))
    shown_classes = worst[:_MOST_CLASSES]
    head = (Column(title="class", kind=NAME), *(Column(title=_title(part, group), kind=NUMBER) for part in group))
    rows = []
    for i in shown_classes:
        shares = (part.classes[i].share for part in group)
        cells = (
            percent(share.value) + (f" of {share.count:,}" if share.count is not None else "") for share in shares
        )
        rows.append((name(labels[i]), *cells))
    more = len(labels) - len(shown_classes)
    note = element("p", f"The {_MOST_CLASSES} worst of {len(labels):,} classes.", class_="note") if more else NOTHING
    models = list(dict.fromkeys(part.model for part in group))
    about = name(models[0]) if len(models) == 1 else f"{len(models)} models"
    return element("section", element("h3", about, ", by class, the worst first"), table(head, rows), note)


def _title(part: Accuracy, group: Sequence[Accuracy]) -> str:
    same = len({other.model for other in group}) == 1
    return (part.mode or "top-1") if same else f"{part.model} {part.mode}".strip()


def _value(item: ClassShare) -> float:
    """Returns what the classes are sorted by; one without images comes last."""
    if item.share.value is None or item.share.count == 0:
        return 2.0
    return item.share.value


def _labels(part: Accuracy) -> list[str]:
    """Returns the class names; numbers where two classes have the same name, which leaves one of them out."""
    size = 0 if part.confusion is None else len(part.confusion)
    if len(part.classes) == size:
        return [item.label for item in part.classes]
    return [f"class {i}" for i in range(size)]


def _confusion(part: Accuracy) -> Markup:
    matrix = part.confusion
    if matrix is None:
        return NOTHING
    labels = _labels(part)
    wrong = matrix - np.diag(np.diag(matrix))
    title = element("h3", name(part.model), f" {part.mode}".rstrip())
    total, mistakes = int(matrix.sum()), int(wrong.sum())
    text = element("p", f"Taken for another class: {mistakes:,} of {total:,} images.", class_="note")
    cells = _matrix(matrix, wrong, labels) if len(labels) <= _MOST_CELLS else NOTHING
    return element("section", title, text, cells, _pairs(matrix, wrong, labels))


def _matrix(matrix: NDArray[np.int64], wrong: NDArray[np.int64], labels: Sequence[str]) -> Markup:
    """Returns the counts, a row for each true class; a mistake is the darker, the larger its part of the class."""
    shares = wrong / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    most = max(float(shares.max()), 1e-9)
    style = "answer" if max(map(len, labels)) > _SHORT else "short"
    corner = element("th", "true \\ answer", scope="col")
    rows = [element("tr", corner, *(element("th", name(label), scope="col", class_=style) for label in labels))]
    for i, label in enumerate(labels):
        cells = []
        for j in range(len(labels)):
            number = int(matrix[i, j])
            if i == j:
                cells.append(element("td", f"{number:,}", class_="right"))
            elif number:
                part = f"--part:{0.15 + 0.6 * float(shares[i, j]) / most:.2f}"
                cells.append(element("td", f"{number:,}", class_="wrong", style=part))
            else:
                cells.append(element("td"))
        rows.append(element("tr", element("th", name(label), scope="row"), *cells))
    return element("div", element("table", *rows, class_="confusion"), class_="wide", tabindex="0")


def _pairs(matrix: NDArray[np.int64], wrong: NDArray[np.int64], labels: Sequence[str]) -> Markup:
    most = _PAIRS_BESIDE if len(labels) <= _MOST_CELLS else _MOST_PAIRS
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    places = [divmod(int(place), len(labels)) for place in order if wrong.flat[place]]
    if not places:
        return NOTHING
    rows = [
        (name(labels[i]), name(labels[j]), f"{int(wrong[i, j]):,}", percent(wrong[i, j] / matrix[i].sum(), 1))
        for i, j in places
    ]
    heading = element("h3", "The most frequent mistakes")
    head = (*columns("true class", "taken for", kind=NAME), *columns("times", "of the class"))
    return join((heading, table(head, rows)))


def _disagreements(part: Disagreements) -> Markup:
    title = element("h3", name(part.model), f" {part.mode}".rstrip())
    if not part.count:
        return join((title, element("p", f"None: {part.mode} and float32 give the same answers.")))
    text = (
        f"float32 and {part.mode} disagree on {part.count:,} of {part.images:,} test images: float32 is right on "
        f"{part.baseline_right:,}, {part.mode} on {part.model_right:,}, neither on {part.neither_right:,}."
    )
    first = len(part.examples)
    note = f"The first {first} of them:" if first < part.count else ""
    pictures = element("div", *(_picture(example, part.mode) for example in part.examples), class_="pictures")
    return join((title, element("p", text), element("p", note, class_="note") if note else NOTHING, pictures))


def _picture(example: Disagreement, mode: str) -> Markup:
    small = example.picture.startswith("data:image/png")  # its own pixels; a larger one is a JPEG
    image = NOTHING
    if example.picture:
        image = element(
            "img", src=example.picture, alt=f"test image {example.index}", class_="small" if small else "photo"
        )
    lines = [element("div", f"#{example.index} is ", name(example.truth))]
    for label, answer in (("float32", example.baseline), (mode, example.model)):
        right = answer == example.truth
        sign = element("span", "✓ " if right else "✗ ", class_="good" if right else "bad")
        lines.append(element("div", sign, f"{label}: ", name(answer)))
    return element("figure", image, element("figcaption", *lines))
