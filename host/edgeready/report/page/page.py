"""The page: which sections there are, in which order, and what is around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edgeready.documents import (
    Accuracy,
    AttemptTable,
    BudgetTable,
    Disagreements,
    Document,
    FidelityTable,
    LayerErrors,
    Making,
    Profile,
    Readiness,
    SearchTable,
    Size,
    Speed,
    SpeedComparison,
    Training,
    Verification,
)
from edgeready.report.page.accuracy import accuracy_section, confusion_section, disagreements_section
from edgeready.report.page.glance import find_glances, glance_section
from edgeready.report.page.graph import layers_section, readiness_section
from edgeready.report.page.making import making_section, training_section
from edgeready.report.page.markup import NOTHING, Markup, element, name
from edgeready.report.page.search import search_section
from edgeready.report.page.speed import comparison_section, profile_section, size_section, speed_section
from edgeready.report.page.style import style_sheet
from edgeready.report.page.verdicts import (
    attempts_section,
    budgets_section,
    fidelity_section,
    verification_section,
)
from edgeready.workflows.report import GENERATOR
from edgeready_device import __version__

# Nothing is loaded, and nothing runs: also where a text of a file should slip through the escaping.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True, kw_only=True)
class _Section:
    """A section of the page: its address and title, the kind of parts that it shows, and what shows them."""

    address: str
    title: str
    kind: type
    show: Callable[[Sequence[Any]], Markup]


_SECTIONS = (
    _Section(address="making", title="What it was made from", kind=Making, show=making_section),
    _Section(address="search", title="The search for the network", kind=SearchTable, show=search_section),
    _Section(address="budgets", title="Budgets", kind=BudgetTable, show=budgets_section),
    _Section(address="attempts", title="The way to the accuracy budget", kind=AttemptTable, show=attempts_section),
    _Section(address="accuracy", title="Accuracy", kind=Accuracy, show=accuracy_section),
    _Section(address="fidelity", title="Outputs against float32", kind=FidelityTable, show=fidelity_section),
    _Section(address="confusion", title="Confusion", kind=Accuracy, show=confusion_section),
    _Section(
        address="disagreements", title="Where the answers differ", kind=Disagreements, show=disagreements_section
    ),
    _Section(address="size", title="Size", kind=Size, show=size_section),
    _Section(address="readiness", title="Edge TPU readiness", kind=Readiness, show=readiness_section),
    _Section(address="layers", title="Error of each layer", kind=LayerErrors, show=layers_section),
    _Section(address="training", title="Training", kind=Training, show=training_section),
    _Section(address="speed", title="Speed, machine by machine", kind=Speed, show=speed_section),
    _Section(address="compared", title="Measurements compared", kind=SpeedComparison, show=comparison_section),
    _Section(address="verification", title="Verification", kind=Verification, show=verification_section),
    _Section(address="profile", title="What each op costs", kind=Profile, show=profile_section),
)


def format_page(documents: Sequence[Document], title: str) -> str:
    """Returns the report on `documents` as one HTML page that needs nothing else."""
    sections = _show_sections(documents)
    head = [
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width,initial-scale=1"),
        element("meta", name="generator", content=f"{GENERATOR} {__version__}"),
        element("link", rel="icon", href="data:,"),  # else a browser asks the server for one
        element("title", title),
        element("style", Markup(style_sheet())),
    ]
    links = [element("a", section.title, href=f"#{section.address}") for section, _ in sections]
    main = [
        element("section", element("h2", section.title, id=section.address), contents)
        for section, contents in sections
    ]
    body = element(
        "body",
        element("header", element("h1", name(title)), element("nav", *links)),
        element("main", *main),
        _footer(documents),
    )
    return f"<!DOCTYPE html>\n{element('html', element('head', *head), body, lang='en')}\n"


def _show_sections(documents: Sequence[Document]) -> list[tuple[_Section, Markup]]:
    glances = find_glances(documents)
    sections = []
    if glances:
        first = _Section(address="glance", title="At a glance", kind=Document, show=glance_section)
        sections.append((first, first.show(glances)))
    for section in _SECTIONS:
        parts = [part for document in documents for part in document.parts if isinstance(part, section.kind)]
        contents = section.show(_without_copies(parts)) if parts else NOTHING
        if contents:
            sections.append((section, contents))
    return sections


def _without_copies(parts: Sequence[Any]) -> list[Any]:
    """Returns `parts` without those that say the same again: a build has what a check of its file repeats."""
    different: list[Any] = []
    for part in parts:
        if not any(part == other for other in different):
            different.append(part)
    return different


def _footer(documents: Sequence[Document]) -> Markup:
    sources = [element("li", name(document.file), f": {document.command}") for document in documents]
    return element("footer", element("p", f"Made by edgeready {__version__} from"), element("ul", *sources))
