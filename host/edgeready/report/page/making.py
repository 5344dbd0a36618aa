"""What each model was made from, and how its training went."""

from __future__ import annotations

from collections.abc import Sequence

from edgeready.documents import Making, Training
from edgeready.report.page.figures import curve, percent, verdict
from edgeready.report.page.markup import NOTHING, Markup, element, join, name


def making_section(parts: Sequence[Making]) -> Markup:
    """Returns the network, the data and the mode of each model, and what speaks against it."""
    return element("div", *(_making(part) for part in parts), class_="side")


def training_section(parts: Sequence[Training]) -> Markup:
    """Returns the loss and, where it was measured, the accuracy over the epochs of each training."""
    return join(_training(part) for part in parts)


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
        ("validation", f"{part.validation:,}" if part.validation else ""),
        ("training, calibration, test", f"{train:,}, {calibration:,}, {test:,}" if test else ""),
        ("baseline", f"{percent(part.majority)}, always the largest class" if part.majority is not None else ""),
        ("pixels", part.convention),
    ]
    rows = [(label, value) for label, value in facts if value]
    body = [
        element("tr", element("th", label, scope="row"), element("td", value, class_="text")) for label, value in rows
    ]
    doubts = [element("p", verdict("doubt: ", good=False), text) for text in part.doubts]
    rewrites = [f"rewritten: {text}" for text in part.rewrites]
    notes = [element("li", text) for text in (*part.data_notes, *part.calibration, *rewrites)]
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
        curve(
            f"{title} over {len(epochs)} epochs",
            _measured(lines),
            percent_scale=title == "accuracy",
            mark=part.best_epoch,
        )
        for title, lines in (("loss", losses), ("accuracy", shares))
        if _measured(lines)
    ]
    if not plots:
        return NOTHING
    facts = []
    if part.best_epoch:
        facts.append(f"The weights of epoch {part.best_epoch} were kept, the best on the validation images.")
    if part.ending:
        facts.append(f"The training {part.ending}.")
    elif part.stopped_early:
        facts.append("The training was stopped early.")
    note = element("p", " ".join(facts), class_="note") if facts else NOTHING
    return join((element("h3", name(part.model)), note, element("div", *plots, class_="side")))


def _measured(lines: Sequence[tuple[str, list[float | None]]]) -> list[tuple[str, list[float | None]]]:
    return [(label, line) for label, line in lines if any(value is not None for value in line)]
