"""What each model was made from, how its training went, the budgets, and everything at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgeready.documents import (
    Accuracy,
    BudgetTable,
    Document,
    FidelityTable,
    Making,
    Readiness,
    Share,
    Size,
    Speed,
    Training,
    Verification,
)
from edgeready.report.page.figures import NO_FIGURE, count, curve, decibels, interval, percent, verdict
from edgeready.report.page.graph import readiness_verdict, share_text
from edgeready.report.page.markup import NOTHING, Markup, element, join, name
from edgeready.report.page.tables import NAME, TEXT, WORD, Column, columns, table
from edgeready_device.text import duration


@dataclass(frozen=True, kw_only=True)
class Glance:
    """What is known of one model in one mode, as it stands in the first table."""

    model: str
    mode: str
    data: str = ""
    top1: Share | None = None
    size: Size | None = None
    readiness: Readiness | None = None
    speed: Speed | None = None


def find_glances(documents: Sequence[Document]) -> tuple[Glance, ...]:
    """Returns a Glance for each accuracy, and for each model and mode that has none, in the order of the documents.

    Sizes, latencies and verdicts stand in every row of their model and mode.
    """
    parts = [part for document in documents for part in document.parts]
    glances: list[Glance] = []
    for part in parts:
        if isinstance(part, Accuracy):
            glances.append(Glance(model=part.model, mode=part.mode, data=part.data, top1=part.top1))
    for part in parts:
        if isinstance(part, Size):
            _fill(glances, part.model, (part.mode,), size=part)
        elif isinstance(part, Speed) and part.mode:
            _fill(glances, part.model, (part.mode,), speed=part)
    for part in parts:
        if isinstance(part, Readiness):
            modes = {glance.mode for glance in glances if glance.model == part.model} - {"float32"}
            own = (part.mode,) if part.mode else tuple(sorted(modes)) or ("",)
            _fill(glances, part.model, own, readiness=part)
    return tuple(dict.fromkeys(glances))


def _fill(glances: list[Glance], model: str, modes: Sequence[str], **figure: Any) -> None:
    """Puts a figure into the rows of `model` in `modes`; adds a row where there is none."""
    for mode in modes:
        places = [i for i, glance in enumerate(glances) if (glance.model, glance.mode) == (model, mode)]
        if not places:
            glances.append(Glance(model=model, mode=mode, **figure))
        for i in places:
            glances[i] = replace(glances[i], **figure)


def glance_section(glances: Sequence[Glance]) -> Markup:
    """Returns one row for each model and mode: accuracy, size, readiness and latency."""
    head = (
        Column(title="model", kind=NAME),
        Column(title="mode", kind=WORD),
        Column(title="data", kind=NAME),
        *columns("top-1", "95 % interval", "model alone"),
        Column(title="Edge TPU", kind=NAME),
        Column(title="median"),
    )
    rows = [
        (
            name(glance.model),
            glance.mode,
            name(glance.data) if glance.data else "",
            percent(None if glance.top1 is None else glance.top1.value),
            interval(glance.top1),
            NO_FIGURE if glance.size is None else count(glance.size.flatbuffer_bytes, "B"),
            NOTHING
            if glance.readiness is None
            else join((readiness_verdict(glance.readiness), *_share_after(glance.readiness))),
            NO_FIGURE if glance.speed is None or glance.speed.median_s is None else duration(glance.speed.median_s),
        )
        for glance in glances
    ]
    return table(head, rows, stacked=True)


def _share_after(part: Readiness) -> list[str]:
    text = share_text(part)
    return [f", {text}"] if text else []


def making_section(parts: Sequence[Making]) -> Markup:
    """Returns the network, the data and the mode of each model, and what speaks against it."""
    return element("div", *(_making(part) for part in parts), class_="side")


def training_section(parts: Sequence[Training]) -> Markup:
    """Returns the loss and, where it was measured, the accuracy over the epochs of each training."""
    return join(_training(part) for part in parts)


def budgets_section(parts: Sequence[BudgetTable]) -> Markup:
    """Returns the budgets of each model, and whether they are kept."""
    head = (
        Column(title="budget", kind=NAME),
        *columns("measured", "limit"),
        Column(title="verdict", kind=WORD),
        Column(title="note", kind=TEXT),
    )
    blocks = []
    for part in parts:
        rows = [
            (
                name(item.name),
                item.value or "no verdict",
                item.limit,
                verdict("kept" if item.passed else "BROKEN", good=item.passed),
                item.note,
            )
            for item in part.budgets
        ]
        blocks.append(join((element("h3", name(part.model)), table(head, rows, stacked=True))))
    return join(blocks)


def verification_section(parts: Sequence[Verification]) -> Markup:
    """Returns whether the answers of each machine are those that were recorded."""
    head = (
        *columns("model", "runtime", kind=NAME),
        Column(title="verdict", kind=WORD),
        *columns("largest difference in steps", "same answers", "of"),
    )
    rows = [
        (
            name(part.model),
            name(part.runtime),
            verdict("right" if part.passed else "WRONG", good=part.passed),
            count(part.largest_steps),
            count(part.agreement.hits if part.agreement else None),
            count(part.agreement.count if part.agreement else None),
        )
        for part in parts
    ]
    return table(head, rows, stacked=True)


def fidelity_section(parts: Sequence[FidelityTable]) -> Markup:
    """Returns how far the outputs of models that are no classifiers are from the float32 models'."""
    head = (
        Column(title="model", kind=NAME),
        Column(title="mode", kind=WORD),
        Column(title="output", kind=NAME),
        *columns("signal to error", "largest error", "largest value", "test rows"),
    )
    rows = [
        (
            name(part.model),
            part.mode,
            name(output.output),
            "no error" if output.snr_db is None else decibels(output.snr_db),
            NO_FIGURE if output.largest_error is None else f"{output.largest_error:.4g}",
            NO_FIGURE if output.largest_value is None else f"{output.largest_value:.4g}",
            count(part.rows),
        )
        for part in parts
        for output in part.outputs
    ]
    return table(head, rows, stacked=True)


def _making(part: Making) -> Markup:
    height, width, channels = part.shape
    image = "" if height is None or width is None else f"{height} x {width}, {'RGB' if channels == 3 else 'grey'}"
    train, calibration, test = part.images
    facts = [
        ("network", name(part.network) if part.network else ""),
        ("mode", f"{part.mode}, made by {part.engine}" if part.engine else part.mode),
        ("data", name(part.data) if part.data else ""),
        ("classes", f"{len(part.classes):,}" if part.classes else ""),
        ("images", image),
        ("training, calibration, test", f"{train:,}, {calibration:,}, {test:,}" if test else ""),
        ("baseline", f"{percent(part.majority)}, always the largest class" if part.majority is not None else ""),
        ("pixels", part.convention),
    ]
    rows = [(label, value) for label, value in facts if value]
    body = [
        element("tr", element("th", label, scope="row"), element("td", value, class_="text")) for label, value in rows
    ]
    doubts = [element("p", verdict("doubt: ", good=False), text) for text in part.doubts]
    notes = [element("li", text) for text in (*part.calibration, *(f"rewritten: {text}" for text in part.rewrites))]
    return element(
        "section",
        element("h3", name(part.model)),
        *doubts,
        element("div", element("table", *body), class_="wide"),
        element("ul", *notes) if notes else NOTHING,
    )


def _training(part: Training) -> Markup:
    epochs = part.epochs
    losses = [("training", [epoch.loss for epoch in epochs]), ("validation", [epoch.val_loss for epoch in epochs])]
    shares = [
        ("training", [epoch.accuracy for epoch in epochs]),
        ("validation", [epoch.val_accuracy for epoch in epochs]),
    ]
    plots = [
        curve(f"{title} over {len(epochs)} epochs", _measured(lines), percent_scale=title == "accuracy")
        for title, lines in (("loss", losses), ("accuracy", shares))
        if _measured(lines)
    ]
    if not plots:
        return NOTHING
    return join((element("h3", name(part.model)), element("div", *plots, class_="side")))


def _measured(lines: Sequence[tuple[str, list[float | None]]]) -> list[tuple[str, list[float | None]]]:
    return [(label, line) for label, line in lines if any(value is not None for value in line)]
