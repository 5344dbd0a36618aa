"""The model card: YAML that a hub reads, and Markdown in which no text of a file is a sign."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import report_documents as documents
from foreign_text import HOSTILE
from markdown_it import MarkdownIt
from test_report_page import NASTY, nasty_build, poisoned

from edgeready.documents import read_documents
from edgeready.report.card import escape, format_card, quote

yaml = pytest.importorskip("yaml", reason="PyYAML, of the extra `test`, is not installed")


def card_of(tmp_path: Path, *contents: Any, title: str = "Pets") -> str:
    paths = []
    for number, content in enumerate(contents):
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_text(json.dumps(content))
    return format_card(read_documents(paths), title)


def front_matter(card: str) -> dict[str, Any]:
    assert card.startswith("---\n")
    text, _, _ = card.removeprefix("---\n").partition("\n---\n")
    return yaml.safe_load(text)


def test_the_front_matter_is_that_of_model_hubs(tmp_path):
    found = front_matter(card_of(tmp_path, documents.build_document()))
    index = found.pop("model-index")
    assert found == {
        "license": None,  # the author's to fill in
        "library_name": "tflite",
        "pipeline_tag": "image-classification",
        "tags": ["tflite", "edge-tpu", "quantized"],
        "metrics": ["accuracy"],
    }
    assert [model["name"] for model in index] == ["Pets"]
    assert index[0]["results"][1] == {
        "task": {"type": "image-classification"},
        "dataset": {"name": "pets", "type": "pets"},
        "metrics": [{"type": "accuracy", "value": 0.833333, "name": "top-1 pets.tflite uint8"}],
    }


def test_the_sections_are_those_of_a_hubs_template(tmp_path):
    card = card_of(tmp_path, *documents.every_document().values())
    assert re.findall(r"(?m)^#+ .*$", card) == [
        "# Pets",
        "## Model Details",
        "## Uses",
        "## Bias, Risks, and Limitations",
        "## How to Get Started with the Model",
        "## Training Details",
        "## Evaluation",
        "## Technical Specifications",
    ]
    assert "- **Network:** pets-cnn" in card
    assert "| out/pets.tflite | uint8 | pets | 83.33 % | 43.65 to 96.99 % | 6 | 83.33 % |" in card
    assert "| pi5 |  |  |  | its disk is full |" in card
    assert "- unsupported-op: " in card
    assert "- conv: the remedy of conv" in card
    assert 'model = Model.load("pets.tflite")' in card


def test_what_is_not_known_is_left_to_its_author(tmp_path):
    card = card_of(tmp_path, documents.benchmark_document())
    found = front_matter(card)
    assert found == {"license": None, "library_name": "tflite", "tags": ["tflite"]}
    assert card.count("[More Information Needed]") == 5
    assert 'Model.load("model.tflite")' in card


def test_a_model_that_is_not_ready_has_no_such_tag(tmp_path):
    found = front_matter(card_of(tmp_path, documents.check_document()))
    assert found["tags"] == ["tflite"]


def test_what_the_data_lack_is_among_the_risks(tmp_path):
    document = documents.build_document()
    document["data"]["notes"] = ["pets has no test images"]
    card = card_of(tmp_path, document)
    assert (
        "- out/pets.tflite: pets has no test images"
        in card.split("## Bias, Risks, and Limitations")[1].split("##")[0]
    )


def test_the_epochs_name_the_one_that_was_kept(tmp_path):
    training = {"epochs": [{"loss": 1.0}, {"loss": 0.5}, {"loss": 0.6}], "best_epoch": 2, "stopped_early": True}
    card = card_of(tmp_path, documents.build_document(training=training))
    assert "- **Epochs:** 3, the weights of epoch 2 were kept" in card


def test_the_search_for_the_network_is_part_of_the_training(tmp_path):
    card = card_of(tmp_path, documents.build_document(), documents.search_document())
    training = card.split("## Training Details")[1].split("##")[0]
    assert "A search among 3 networks on pets chose the network (at most 22,000 B):" in training
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in training.splitlines() if line[:1] == "|"]
    assert rows[0] == ["Network", "File", "Multiply-accumulates", "Validation", "Test in uint8", "What became of it"]
    assert [(row[1], *row[3:]) for row in rows[2:]] == [
        ("22,000 B", "93.00 %", "90.50 %", "chosen"),
        ("19,000 B", "88.00 %", "90.50 %", "it is no better than a guess"),
        (rows[4][1], "", "", "it diverged"),
    ]


def test_a_search_that_found_none_and_had_no_limit_says_so(tmp_path):
    document = documents.search_document() | {"finals": [], "best": None, "budget": {}}
    card = card_of(tmp_path, document)
    assert "A search among 3 networks on pets found no network (no limit):" in card
    assert "chosen" not in card


def test_a_doubt_is_among_the_risks(tmp_path):
    card = card_of(tmp_path, documents.build_document(doubts=["it guesses"]))
    risks = card.split("## Bias, Risks, and Limitations")[1].split("##")[0]
    assert "- out/pets.tflite: it guesses" in risks


class Rendered(HTMLParser):
    """The elements that a card becomes on a hub."""

    def __init__(self, card: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        body = card.partition("\n---\n")[2]
        # As hubs do: CommonMark with tables and strike-through, and HTML let through, which is the worst case.
        self.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(body))

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))


SIGNS = [
    "# h",
    "- l",
    "1. n",
    "* s",
    "> q",
    "| a | b |",
    "```",
    "<b>",
    "[a](http://x)",
    "![a](b)",
    "---",
    "a\n---",
    "&lt;",
]


def test_a_hostile_card_is_rendered_as_the_same_elements_as_a_harmless_one(tmp_path):
    every = documents.every_document()
    del every["layers"]  # a word of theirs decides which of them are listed
    hostile = {command: poisoned(document) for command, document in every.items()}
    hostile["build"] = nasty_build()
    every["build"]["doubts"] = ["d"]
    plain = Rendered(card_of(tmp_path, *every.values()))
    assert [tag for tag, _ in plain.elements] == [
        tag for tag, _ in Rendered(card_of(tmp_path, *hostile.values(), title=NASTY)).elements
    ]
    assert {tag for tag, _ in plain.elements} == set(
        "h1 h2 p ul li strong pre code table thead tbody tr th td".split()
    )


@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_of_markdown_in_any_name_makes_no_element(tmp_path, sign):
    build = documents.build_document(out=sign, network=sign, doubts=[sign])
    build["data"]["classes"] = [sign, "b"]
    checked = documents.check_document()
    checked[0]["blockers"][0]["detail"] = checked[0]["file"] = sign
    plain = documents.build_document(out="a", network="a", doubts=["a"])
    plain["data"]["classes"] = ["a", "b"]
    checked_plain = documents.check_document()
    found = [tag for tag, _ in Rendered(card_of(tmp_path, build, checked, title=sign)).elements]
    assert found == [tag for tag, _ in Rendered(card_of(tmp_path, plain, checked_plain, title="a")).elements]


def test_a_hostile_text_in_every_field_stays_text(tmp_path):
    every = {command: poisoned(document) for command, document in documents.every_document().items()}
    every["build"] = nasty_build()
    title = f"- x: [a](javascript:b) # | {NASTY}"
    card = card_of(tmp_path, *every.values(), title=title)
    assert [letter for letter in card if not letter.isprintable() and letter != "\n"] == []
    card.encode("utf-8")
    found = front_matter(card)
    assert found["model-index"][0]["name"].startswith("- x: [a](javascript:b) # | <script>alert(1)</script>\"'>")
    assert set(found) == {"license", "library_name", "pipeline_tag", "tags", "metrics", "model-index"}
    _, _, body = card.removeprefix("---\n").partition("\n---\n")
    code = body.split("```")
    assert len(code) == 3
    assert code[1].count("\n") == 7
    body = code[0] + code[2]
    assert "<" not in body
    assert re.search(r"(?<!\\)[\[\]](?!More|\n)", body.replace("Needed]", "")) is None
    tables = [block.splitlines() for block in body.split("\n\n") if block.startswith("|")]
    assert len(tables) == 5
    for lines in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1, lines


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain words, 98.05 %", "plain words, 98.05 %"),
        ("demo/digits.tflite", "demo/digits.tflite"),
        ("a_b *c* `d`", r"a\_b \*c\* \`d\`"),
        ("1. x", r"1\. x"),
        ("12) x", r"12\) x"),
        ("- x", r"\- x"),
        ("# x", r"\# x"),
        ("> x", r"\> x"),
        ("a | b", r"a \| b"),
        ("<b>&amp;", "&lt;b>&amp;amp;"),
        ("https://x www.x a@b", r"https\://x www\.x a\@b"),
        ("[a](b) ![c](d)", r"\[a\](b) !\[c\](d)"),
        (":smile:", r"\:smile:"),
        ("\\", "\\\\"),
        ("a\n# b\r\n\x1b", "a # b"),
        ("", "(no name)"),
        ("x\u202ey", "x y"),
        ("\udcff", "?"),
    ],
)
def test_a_sign_of_markdown_is_escaped_where_it_is_one(text, escaped):
    assert escape(text) == escaped


@pytest.mark.parametrize(
    "text", ["a: b", '"x"', "- a", "#", "\u4e2d\u6587", "'", "a\nb", "\\", HOSTILE, "{}", "null"]
)
def test_a_text_is_one_string_of_yaml(text):
    found = yaml.safe_load(f"a: {quote(text)}")["a"]
    assert isinstance(found, str)
    assert found.isprintable()
    assert text.split()[0].strip("\x1b")[:1] == found[:1]
