"""The page of a report in a real headless Chromium: it says nothing, asks for nothing, and fits every width."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import report_documents as documents
from chromium import PROGRAM, Chromium
from test_report_page import NASTY, nasty_build, poisoned

from edgeready.documents import read_documents
from edgeready.report.page import format_page

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium here: apt-get install chromium"),
]
# What reaches beyond the page's right side without being in a box that scrolls by itself.
OVERFLOW = """
[...document.querySelectorAll('body *')].filter(e => !e.closest('.wide') &&
  e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(e => e.outerHTML.slice(0, 80))
"""
BROKEN_IMAGES = "[...document.images].filter(i => !i.naturalWidth).length"
GROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def browser():
    with Chromium() as chromium:
        yield chromium


def write_page(folder: Path, title: str, contents: list) -> str:
    paths = []
    for number, content in enumerate(contents):
        paths.append(folder / f"{number}.json")
        paths[-1].write_text(json.dumps(content))
    page = folder / "page.html"
    page.write_text(format_page(read_documents(paths), title), "utf-8")
    return page.as_uri()


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, str]:
    """A page of every document, one of hostile texts, and one of a thousand classes with long names."""
    every = documents.every_document()
    hostile = {command: poisoned(document) for command, document in every.items()}
    hostile["build"] = nasty_build()
    share = {"value": 0.5, "interval95": [0.4, 0.6], "hits": 5, "count": 10}
    names = [f"{i}{'verylongnamewithoutabreak' * 8}" for i in range(1000)]
    large = {
        **documents.evaluate_document("folder/" + "long" * 30 + ".tflite"),
        "per_class": dict.fromkeys(names, share),
        "confusion": [[5 if i == j else int((i + j) % 200 == 0) for j in range(1000)] for i in range(1000)],
    }
    folders = {name: tmp_path_factory.mktemp(name) for name in ("whole", "hostile", "large")}
    return {
        "whole": write_page(
            folders["whole"], "Pets", [*every.values(), documents.build_document(out="other.tflite")]
        ),
        "hostile": write_page(folders["hostile"], NASTY, [*hostile.values()]),
        "large": write_page(folders["large"], "x" * 500, [large]),
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("name", ["whole", "hostile", "large"])
def test_the_page_says_nothing_asks_for_nothing_and_fits(browser, pages, name, width, scheme):
    page = browser.open(pages[name], width=width, scheme=scheme)
    assert page.evaluate("document.readyState") == "complete"
    assert page.complaints == []
    assert page.requests == []
    assert page.evaluate("innerWidth") == width
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert page.evaluate(OVERFLOW) == []
    assert page.evaluate(BROKEN_IMAGES) == 0
    assert page.evaluate("document.scripts.length") == 0
    assert page.evaluate(GROUND) == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 24, 29)")


PAPER = 718  # pixels: A4 with margins of one centimetre


def test_on_paper_every_table_fits_the_sheet(browser, pages):
    page = browser.open(pages["whole"], width=PAPER, media="print")
    right = "[...document.querySelectorAll('body *')].map(e => e.getBoundingClientRect().right)"
    assert page.evaluate(f"Math.max(...{right})") <= PAPER


def test_on_paper_a_dark_page_is_light_and_has_no_links_to_press(browser, pages):
    page = browser.open(pages["whole"], width=768, scheme="dark", media="print")
    assert page.evaluate(GROUND) == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"


def test_the_policy_of_the_page_lets_nothing_run_or_load_that_is_put_into_it(browser, pages):
    page = browser.open(pages["whole"], width=768)
    put = (
        "document.body.insertAdjacentHTML('beforeend', '<img src=https://example.invalid/a.png>'); "
        "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s); "
        "window.ran === undefined"
    )
    assert page.evaluate(put) is True
    assert page.evaluate("fetch('https://example.invalid/').then(() => 1, () => 0) && 1") == 1
    texts = [event["entry"]["text"] for event in page.complaints if "entry" in event]
    assert any("Content Security Policy" in text for text in texts)
