"""Everything at a glance: one row for each model and mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgeready.documents import Accuracy, Document, Readiness, Share, Size, Speed
from edgeready.report.page.figures import NO_FIGURE, count, interval, percent
from edgeready.report.page.graph import readiness_verdict, share_text
from edgeready.report.page.markup import NOTHING, Markup, join, name
from edgeready.report.page.tables import NAME, WORD, Column, columns, table
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
