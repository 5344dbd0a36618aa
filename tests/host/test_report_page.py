"""The page of a report: every figure in its place, and no text of a file that is anything but text."""

from __future__ import annotations

import copy
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import report_documents as documents
from foreign_text import HOSTILE

from edgeready.documents import Share, read_documents
from edgeready.report.page import format_page
from edgeready.report.page.figures import bar, curve, decibels, percent, whisker
from edgeready.report.page.markup import element, escape, name
from edgeready.report.page.page import POLICY
from edgeready.report.page.style import DARK, LIGHT

READY = "ready, 7 of 7 ops mapped"
VOID = {"meta", "link", "img"}
TAGS = set(
    """
    html head meta title style link body header h1 h2 h3 nav a main section div p table thead tbody tr th td bdi wbr
    span strong ul li figure figcaption img svg rect line text polyline footer
    """.split()
)
NASTY = f"<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;<!--{HOSTILE}\u202e\u05d0\u05d1\udcff"


class Page(HTMLParser):
    """A page as a browser reads it: its elements with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.stack: list[str] = []
        self.texts: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in {*VOID, "wbr"}:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
        if {"td", "th"} & set(self.stack):
            self.rows[-1][-1] += data

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    @property
    def titles(self) -> list[str]:
        """The addresses of the sections, as the links on top have them."""
        return [found["href"].removeprefix("#") for tag, found in self.elements if tag == "a"]


def page_of(tmp_path: Path, *contents: Any, title: str = "A report") -> Page:
    return Page(html_of(tmp_path, *contents, title=title))


def html_of(tmp_path: Path, *contents: Any, title: str = "A report") -> str:
    paths = []
    for number, content in enumerate(contents):
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_text(json.dumps(content))
    return format_page(read_documents(paths), title)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Page:
    """A page of every document."""
    return page_of(tmp_path_factory.mktemp("whole"), *documents.every_document().values())


def test_the_page_needs_nothing_and_runs_nothing(tmp_path):
    text = html_of(tmp_path, *documents.every_document().values())
    page = Page(text)
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert {tag for tag, _ in page.elements} <= TAGS
    policies = [found["content"] for tag, found in page.elements if found.get("http-equiv")]
    assert policies == [POLICY] == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    for tag, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on")]
        for key in ("href", "src"):
            address = attributes.get(key, "#")
            assert address.startswith(("#", "data:image/png;base64,")) or (tag, address) == ("link", "data:,")
    style = text.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_the_style_has_dark_light_paper_and_narrow_pages(tmp_path):
    text = html_of(tmp_path, documents.evaluate_document())
    for rule in (
        "prefers-color-scheme:dark",
        "@media print",
        "screen and (max-width:40rem)",
        "color-scheme:light dark",
    ):
        assert rule in text


def test_every_section_has_its_link_and_comes_from_what_the_files_hold(whole):
    ids = [attributes["id"] for tag, attributes in whole.elements if tag == "h2"]
    assert ids == whole.titles
    assert (
        ids
        == (
            "glance making search budgets accuracy fidelity confusion disagreements size readiness layers training "
            "speed compared verification profile"
        ).split()
    )


@pytest.mark.parametrize(
    ("command", "titles"),
    [
        ("check", "glance readiness"),
        ("evaluate", "glance accuracy confusion"),
        ("layers", "layers"),
        ("benchmark", "speed"),
        ("deploy", "speed"),
        ("profile", "profile"),
        ("compare", "compared"),
        ("gate", "budgets"),
        ("search", "search"),
        ("verify", "verification"),
        ("compile", "glance readiness"),
        ("convert", "glance fidelity size readiness"),
        ("modes", "glance accuracy confusion disagreements size speed"),
    ],
)
def test_a_file_alone_makes_its_sections_and_no_others(tmp_path, command, titles):
    assert page_of(tmp_path, documents.every_document()[command]).titles == titles.split()


def test_the_figures_of_a_build_are_in_their_rows(tmp_path):
    page = page_of(tmp_path, documents.build_document())
    assert page.rows[:3] == [
        ["model", "mode", "data", "top-1", "95 % interval", "model alone", "Edge TPU", "median"],
        ["out/pets.tflite", "float32", "pets", "100.00 %", "60.97 to 100.00", "84,448 B", "", "0.5 ms"],
        ["out/pets.tflite", "uint8", "pets", "83.33 %", "43.65 to 96.99", "24,256 B", READY, "0.5 ms"],
    ]
    assert ["network", "pets-cnn"] in page.rows
    assert ["training, calibration, test", "30, 9, 6"] in page.rows
    head = ["model", "mode", "data", "top-1", "43 to 100 %", "95 % interval", "right", "of"]
    assert head in [row[:8] for row in page.rows]
    assert ["out/pets.tflite", "uint8", "pets", "83.33 %", "", "43.65 to 96.99", "5", "6"] in [
        row[:8] for row in page.rows
    ]
    assert ["emu [bold]", "100.00 % of 2", "50.00 % of 2"] in page.rows
    assert ["emu [bold]", "", "1", "1"] in page.rows
    assert ["emu [bold]", "dog", "1", "50.0 %"] in page.rows
    text = "".join(page.texts)
    assert (
        "float32 and uint8 disagree on 1 of 6 test images: float32 is right on 1, uint8 on 0, neither on 0." in text
    )
    assert "#5 is emu [bold]✓ float32: emu [bold]✗ uint8: dog" in text


def test_two_models_stand_side_by_side(tmp_path):
    other = documents.build_document(out="other.tflite")
    page = page_of(tmp_path, documents.build_document(), other)
    names = [row[0] for row in page.rows[1:5]]
    assert names == ["out/pets.tflite"] * 2 + ["other.tflite"] * 2
    assert [
        "class",
        "out/pets.tflite float32",
        "out/pets.tflite uint8",
        "other.tflite float32",
        "other.tflite uint8",
    ] in (page.rows)


def test_two_builds_of_one_name_are_told_apart_by_their_documents(tmp_path):
    first, second = documents.build_document(), documents.build_document(network="other")
    page = page_of(tmp_path, first, second, documents.modes_document())
    names = [f"out/pets.tflite ({tmp_path / f'{number}.json'})" for number in (0, 1)]
    assert [row[0] for row in page.rows[1:5]] == [names[0]] * 2 + [names[1]] * 2
    assert {row[0] for row in page.rows[5:8]} == {"pets-cnn"}
    titles = [row for row in page.rows if row[0] == "class"]
    assert titles[0] == ["class", *(f"{name} {mode}" for name in names for mode in ("float32", "uint8"))] + [
        f"pets-cnn {mode}" for mode in ("float32", "uint8", "dynamic")
    ]


def test_two_evaluations_of_one_model_are_two_rows(tmp_path):
    other = {**documents.evaluate_document(), "data": "others"}
    other["top1"] = {**other["top1"], "value": 0.5}
    page = page_of(tmp_path, documents.evaluate_document(), other, documents.evaluate_document())
    assert [row[:3] for row in page.rows[1:3]] == [["m.tflite", "pets", "83.33 %"], ["m.tflite", "others", "50.00 %"]]
    assert page.titles == ["glance", "accuracy", "confusion"]
    assert [row[0] for row in page.rows[3:4]] == ["model"]


def test_a_check_of_the_same_file_adds_no_second_verdict(tmp_path):
    build = documents.build_document()
    page = page_of(tmp_path, build, [build["readiness"]])
    assert "".join(page.texts).count("all 7 ops") == 0
    assert sum(attributes.get("id") == "readiness" for _, attributes in page.elements) == 1
    assert [row for row in page.rows if row[:2] == ["0", "QUANTIZE"]] == [["0", "QUANTIZE", "Edge TPU"]]


def test_the_verdict_on_each_mode_stands_at_a_glance(tmp_path):
    document = documents.modes_document()
    document["modes"][1]["edgetpu"] = {"ready": True, "verdict": "ready", "mapped": 7}
    document["modes"][2]["edgetpu"] = {"ready": False, "verdict": "not ready", "mapped": 1}
    page = page_of(tmp_path, document)
    assert [(row[1], row[6]) for row in page.rows[:4]] == [
        ("mode", "Edge TPU"),
        ("float32", ""),
        ("uint8", "ready"),
        ("dynamic", "not ready"),
    ]
    assert "readiness" not in page.titles


def test_what_stays_on_the_cpu_has_its_reason_and_remedy(whole):
    text = "".join(whole.texts)
    assert "unsupported-op: " in text
    assert "where: op 5 LEAKY_RELU" in text
    assert "remedy: use keras.layers.ReLU() in place of LeakyReLU" in text
    [row] = [row for row in whole.rows if row[:2] == ["5", "LEAKY_RELU"]]
    assert row[2:4] == ["CPU", "unsupported-op"]


def test_the_boards_stand_beside_each_other_with_their_reasons(whole):
    rows = {row[0]: row for row in whole.rows}
    assert [rows[board][2] for board in ("pi4", "qemu", "pi5")] == ["", "", ""]
    assert [rows[board][3] for board in ("pi4", "qemu", "pi5")] == ["NOT STEADY", "EMULATED", "FAILED"]
    assert rows["pi4"][5] == "12.3 ms"
    text = "".join(whole.texts)
    assert "pi4: throttled: the clock fell to 600 MHz; cool it" in text
    assert "pi5: its disk is full" in text
    assert "qemu: measured under emulation, which is no measure of any board" in text


def test_the_ops_of_a_profile_stand_with_the_slowest_first(whole):
    rows = [row for row in whole.rows if row[-1] in ("XNNPACK", "built-in")]
    assert rows == [
        ["2 to 4", "ADD", "sum", "", "75.0 %", "30 \u00b5s", "built-in"],
        ["1", "CONV_2D", "conv", "", "25.0 %", "10 \u00b5s", "XNNPACK"],
    ]
    text = "".join(whole.texts)
    assert "a run without the profiler takes 50 \u00b5s, of which the ops are 80.0 %" in text
    assert "the ops are 80 % of a run, not 90 to 105 %: LiteRT counts whole microseconds" in text


def test_a_board_without_a_profile_says_why(tmp_path):
    deployment = documents.deploy_document()
    deployment["boards"][1] |= {"profile": None, "profile_failure": "profile needs ai-edge-litert 2.3"}
    page = page_of(tmp_path, deployment)
    assert "qemu: no profile: profile needs ai-edge-litert 2.3" in page.texts
    assert "qemu: measured under emulation, which is no measure of any board" in page.texts


def test_a_comparison_says_what_is_shown_of_the_second(whole):
    [row] = [row for row in whole.rows if row[0] == "before.json"]
    assert row[1:4] == ["after.json", "4 ms", "6 ms"]
    assert re.fullmatch(r"\+50\.\d\d", row[4])
    assert re.fullmatch(r"\+4\d\.\d\d to \+5\d\.\d\d", row[5])
    assert row[6] == "slower"
    assert "before.json, after.json: threads: 1, then 2" in whole.texts


def test_budgets_layers_outputs_and_verifications_have_their_rows(whole):
    assert ["size", "25.26 kB", "500 kB", "kept", ""] in whole.rows
    assert ["readiness", "not ready", "ready", "BROKEN", "op 3 ELU; use ReLU"] in whole.rows
    assert ["p90", "no verdict", "20 ms", "BROKEN", "emulated"] in whole.rows
    assert ["conv", "conv_2d", "", "90 %", "3", "12.3 dB", "12.3 dB", "weights"] in whole.rows
    assert ["relu", "conv_2d", "", "10 %", "0", "exact", "exact", ""] in whole.rows
    assert ["silent", "conv_2d", "", "0 %", "\u2013", "lost", "lost", "inherited"] in whole.rows
    assert ["t.tflite", "int8", "boxes", "31.2 dB", "0.125", "2", "12"] in whole.rows
    assert ["t.tflite", "int8", "mask", "no error", "0", "1", "12"] in whole.rows
    assert ["m.tflite", "ai-edge-litert 2.3.0", "right", "1", "16", "16"] in whole.rows


def test_a_search_has_its_networks_with_what_became_of_each(tmp_path):
    page = page_of(tmp_path, documents.search_document())
    assert page.titles == ["search"]
    rows = [row for row in page.rows if "resnet" in row[0]]
    assert [(row[1], row[3:]) for row in rows] == [
        ("22,000", ["10", "90.00 %", "93.00 %", "90.50 %", "best", ""]),
        ("19,000", ["10", "85.00 %", "88.00 %", "90.50 %", "", "it is no better than a guess"]),
        (rows[2][1], ["3", "\u2013", "\u2013", "\u2013", "", "it diverged"]),
    ]
    assert "Budgets: at most 22,000 B. Data: " in page.texts
    dots = [attributes for tag, attributes in page.elements if tag == "rect" and attributes.get("width") == "6"]
    assert [dot["class"] for dot in dots] == ["blue", "blue", "orange", "orange"]
    assert [dot["y"] for dot in dots] == ["71.5", "179.0", "7.0", "114.5"]


def test_networks_of_a_search_that_were_dropped_say_why(tmp_path):
    document = documents.search_document()
    document["finals"], document["best"], document["front"] = [], None, document["front"][:1]
    document["trials"] = [trial for trial in document["trials"] if trial["failure"] == ""]
    document |= {"left_out": "2 networks", "doubts": ["nothing keeps it"]}
    page = page_of(tmp_path, document)
    assert sorted(row[-1] for row in page.rows[1:]) == [
        "dropped after 10 epochs: others were better, or as good and smaller",
        "it was to be trained to the end, and there was no time, or no file came of it",
        "not tried",
    ]
    assert {"left out: 2 networks", "doubt: nothing keeps it"} <= set(page.texts)


def test_the_attempts_of_a_budget_are_shown_with_the_one_that_was_accepted(tmp_path):
    page = page_of(tmp_path, documents.build_document(budget=documents.trail_document()))
    first, second = (row for row in page.rows if row[0] in ("better", "equalized"))
    assert first[1:6] == ["99.10 %", "98.90 to 99.27", "0.90", "0.73 to 1.10", "\u2013"]
    assert first[6:] == ["1,000 B", "1.5 s", ""]
    assert second[3:] == ["0.10", "-0.01 to 0.22", "0.50", "1,100 B", "20 s", "accepted"]
    text = "".join(page.texts)
    assert "Budget 0.50 points, judged on 10,000 images held out: unclear" in text
    assert "not tried: training: no Keras model" in text
    broken = {"out": None, "budget": {**documents.trail_document(), "choice": None, "verdict": "broken"}}
    page = page_of(tmp_path, broken)
    assert page.titles == ["attempts"]
    assert "no file: every attempt loses more" in page.texts


def test_what_check_and_layers_add_of_a_profile_stands_beside_their_figures(tmp_path):
    [checked] = documents.check_document()
    checked["profile"] = {"file": "p.json", "machine": "Pi 5", "sum_s": 0.012, "cpu_s": 0.003, "notes": []}
    layers = documents.layers_document()
    layers["layers"][0]["time_share"] = 0.184
    page = page_of(tmp_path, [checked], layers)
    assert "its ops take 12 ms on Pi 5, of which those for the CPU 3 ms" in "".join(page.texts)
    assert ["conv", "conv_2d", "", "90 %", "18.4 %", "3", "12.3 dB", "12.3 dB", "weights"] in page.rows


def test_a_validation_and_what_the_data_lack_are_said(tmp_path):
    document = documents.build_document()
    document["data"] |= {"validation": {"cat": 2, "dog": 3}, "notes": ["pets has no test images"]}
    page = page_of(tmp_path, document)
    assert ["validation", "5"] in page.rows
    assert "pets has no test images" in page.texts


def test_doubts_and_rewrites_are_read_first(tmp_path):
    document = documents.build_document(doubts=["it guesses"], rewrites=["op 3: LeakyReLU"])
    text = "".join(page_of(tmp_path, document).texts)
    assert "doubt: it guesses" in text
    assert "rewritten: op 3: LeakyReLU" in text


# Texts of a file


def poisoned(value: Any, key: str = "") -> Any:
    """`value` with a nasty end to every text in it, and every class named so."""
    if isinstance(value, dict):
        labels = key == "per_class"
        return {(f"{name}{NASTY}" if labels else name): poisoned(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item, key) for item in value]
    if value and isinstance(value, str) and key not in ("schema", "picture"):
        return f"{value}{NASTY}"
    return value


def nasty_build() -> Any:
    document = poisoned(documents.build_document(doubts=["d"], rewrites=["r"], proposed=["p"]))
    document[document["mode"]] = document.pop("uint8")
    return document


def test_a_hostile_text_in_every_field_stays_text(tmp_path):
    every = {command: poisoned(document) for command, document in documents.every_document().items()}
    every["build"] = nasty_build()
    text = html_of(tmp_path, *every.values(), title=NASTY)
    page = Page(text)
    assert {tag for tag, _ in page.elements} <= TAGS
    assert [tag for tag, attributes in page.elements for name in attributes if name.startswith("on")] == []
    assert [attributes["src"][:22] for tag, attributes in page.elements if tag == "img"] == [
        "data:image/png;base64,"
    ] * 3
    assert "<script>alert(1)</script>" in "".join(page.texts)
    body = text.split("</style>")[1]
    assert [letter for letter in body if not letter.isprintable() and letter != "\n"] == []
    text.encode("utf-8")


def test_a_label_that_runs_from_right_to_left_is_isolated():
    assert name("\u05d0\u05d1/\u05d2") == "<bdi>\u05d0\u05d1/<wbr>\u05d2</bdi>"
    assert name("a\u202eb\u2066c") == "<bdi>a b c</bdi>"


def test_names_are_cut_and_never_empty():
    assert name("") == name(" \n\t") == "<bdi>(no name)</bdi>"
    assert len(name("x" * 10_000)) < 150
    assert len(escape("<" * 10_000)) <= 4 * 400


def test_what_is_no_markup_is_escaped_also_in_attributes():
    assert element("p", "<b>", element("i", "&")) == "<p>&lt;b&gt;<i>&amp;</i></p>"
    assert element("p", title='"<x>\n') == '<p title="&quot;&lt;x&gt; "></p>'
    assert element("p", "\udcff\ud800") == "<p>??</p>"


# Figures


def without_figures(value: Any) -> Any:
    """`value` with NaN in the place of every number that is not whole."""
    if isinstance(value, dict):
        return {key: without_figures(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_figures(item) for item in value]
    return float("nan") if isinstance(value, float) else value


def test_figures_that_are_no_numbers_are_left_out(tmp_path):
    page = page_of(tmp_path, *map(without_figures, documents.every_document().values()))
    assert len(page.titles) == 15  # and no training, of which no figure is left
    assert "training" not in page.titles
    texts = [text for text in page.texts if "{" not in text]  # and not the style sheet
    assert [text for text in texts if re.search(r"\b(nan|inf|None)\b", text, re.IGNORECASE)] == []
    assert page.rows[1] == ["out/pets.tflite", "float32", "pets", "84,448 B", ""]


def test_an_evaluation_without_counts_of_pairs_has_no_confusion(tmp_path):
    document = documents.evaluate_document()
    del document["confusion"]
    assert page_of(tmp_path, document).titles == ["glance", "accuracy"]


def test_of_many_modes_float32_and_uint8_have_their_confusion(tmp_path):
    document = documents.modes_document()
    page = page_of(tmp_path, document, documents.evaluate_document())
    text = "".join(page.texts)
    assert text.count("Taken for another class") == 3
    for title in ("pets-cnn float32", "pets-cnn uint8", "m.tflite"):
        assert f"{title}Taken" in text
    assert "Other modes of these models, left out: 1." in text
    document["modes"][1]["mode"] = "int8"
    text = "".join(page_of(tmp_path, document).texts)
    assert ("pets-cnn int8Taken" in text, "pets-cnn dynamicTaken" in text) == (True, False)


def test_a_thousand_classes_make_no_large_page(tmp_path):
    names = [f"class number {i} \u4e2d" for i in range(1000)]
    share = {"value": 0.5, "interval95": [0.4, 0.6], "hits": 5, "count": 10}
    confusion = [[5 if i == j else 1 if (i + j) % 200 == 0 else 0 for j in range(1000)] for i in range(1000)]
    document = {
        **documents.evaluate_document(),
        "per_class": dict.fromkeys(names, share),
        "confusion": confusion,
    }
    page = html_of(tmp_path, document)
    assert len(page) < 40_000
    rows = Page(page).rows
    assert len([row for row in rows if row[1:3] == ["class number 200 \u4e2d", "1"]]) == 1
    assert "The 40 worst of 1,000 classes." in page
    assert "confusion" in page


def test_five_thousand_mapped_ops_make_no_large_page_and_the_refused_one_is_there(tmp_path):
    [document] = documents.check_document()
    mapped = next(op for op in document["ops"] if op["target"] == "edgetpu")
    refused = next(op for op in document["ops"] if op["target"] == "cpu")
    document["ops"] = [*({**mapped, "index": i} for i in range(5000)), {**refused, "index": 5000}]
    page = html_of(tmp_path, [document])
    assert len(page) < 120_000
    assert [row[:3] for row in Page(page).rows if row[0] == "5000"] == [["5000", "LEAKY_RELU", "CPU"]]
    assert "4,701 more ops, all of them mapped, are left out." in page


def test_of_a_hundred_causes_thirty_are_shown_and_the_others_counted(tmp_path):
    [document] = documents.check_document()
    document["blockers"] = document["blockers"] * 100
    text = html_of(tmp_path, [document])
    assert text.count('class="cause"') == 30
    assert "70 more causes are left out." in text


def test_two_classes_of_one_name_are_numbered(tmp_path):
    document = documents.evaluate_document()
    document["per_class"] = {"cat": document["per_class"]["cat"]}
    rows = page_of(tmp_path, document).rows
    assert ["class 2", "class 1", "1", "50.0 %"] in rows


def test_the_epoch_whose_weights_were_kept_is_marked(tmp_path):
    epochs = [{"epoch": i, "loss": 3 - i, "accuracy": 0.5, "val_loss": 2.0, "val_accuracy": 0.4} for i in (1, 2)]
    document = documents.build_document(training={"epochs": epochs, "best_epoch": 2, "stopped_early": True})
    text = html_of(tmp_path, document)
    assert (
        "The weights of epoch 2 were kept, the best on the validation images. The training was stopped early." in text
    )
    assert text.count('class="mark" x1="352.0" x2="352.0"') == 2
    assert ("loss over 2 epochs" in text, "accuracy over 2 epochs" in text) == (True, True)
    document["training"]["ending"] = "stopped at epoch 2: no lower loss"
    assert "The training stopped at epoch 2: no lower loss." in html_of(tmp_path, document)
    document["training"]["best_epoch"] = 9
    assert 'class="mark"' not in html_of(tmp_path, document)


def test_a_curve_has_its_gaps_and_a_flat_one_is_drawn():
    drawn = curve("loss", [("training", [3.0, None, 1.0, 0.5]), ("validation", [None, 2.0, None, None])])
    lines = re.findall(r'<polyline points="([^"]*)" class="(\w+)">', drawn)
    assert [(len(points.split()), style) for points, style in lines] == [(2, "first"), (2, "first"), (2, "second")]
    assert 'aria-label="loss"' in drawn
    assert re.findall(r'text-anchor="(?:middle|end)">(\d+)<', drawn) == ["1", "2", "4"]
    assert "<polyline" in curve("one", [("training", [0.25])])
    assert "<polyline" in curve("flat", [("training", [0.25, 0.25])], percent_scale=True)
    assert curve("none", [("training", [None])]) == ""
    assert curve("nothing", []) == ""


def test_a_curve_of_many_epochs_has_no_more_points_than_pixels():
    text = curve("loss", [("training", [1.0 / (1 + i) for i in range(100_000)])])
    assert len(text) < 10_000
    assert re.findall(r'text-anchor="(?:middle|end)">(\d+)<', text) == ["1", "50000", "100000"]


def test_a_text_of_a_megabyte_is_cut_in_no_time():
    for text in ("x" * 1_000_000, "\u4e2d" * 1_000_000):
        assert len(name(text)) < 400
        assert len(escape(text)) <= 400


def test_a_bar_stays_within_its_track():
    assert 'class="blue" width="50.00"' in bar(1.0, 2.0, label="a")
    assert 'class="blue" width="100.00"' in bar(9.0, 2.0, label="a")
    assert 'class="blue" width="0.00"' in bar(-9.0, 2.0, label="a")
    assert bar(None, 2.0, label="a") == bar(1.0, 0.0, label="a") == bar(1.0, float("nan"), label="a") == ""


def test_a_whisker_goes_from_the_lower_end_to_the_higher():
    drawn = whisker(Share(value=0.5, low=0.25, high=0.75), 0.0, 1.0, label="a")
    assert 'x="25.00" y="4" width="50.00"' in drawn
    assert whisker(Share(value=None), 0.0, 1.0, label="a") == ""
    assert whisker(Share(value=0.5), 1.0, 1.0, label="a") == ""


def test_figures_are_written_with_their_units():
    assert [percent(value) for value in (None, 0.0, 0.98765, 1.0)] == ["\u2013", "0.00 %", "98.77 %", "100.00 %"]
    assert [decibels(value) for value in (None, 1.25, float("inf"), float("-inf"))] == [
        "\u2013",
        "1.2 dB",
        "exact",
        "lost",
    ]


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.1."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "plate"])
def test_every_text_can_be_read_on_its_ground(colours, ground):
    for ink in ("ink", "grey", "good", "bad", "warn", "blue", "orange"):
        dark, light = sorted((luminance(colours[ink]), luminance(colours[ground])))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, ink


def test_the_documents_are_not_changed_by_a_page(tmp_path):
    document = documents.build_document()
    before = copy.deepcopy(document)
    html_of(tmp_path, document)
    assert document == before
