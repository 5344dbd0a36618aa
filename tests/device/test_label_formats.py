"""Label files in JSON and as label maps, and names that stand for labels."""

from __future__ import annotations

import json

import pytest

from edgeready_device.errors import UsageError
from edgeready_device.model_file.label_match import match_labels
from edgeready_device.model_file.labels import LabelLines, read_labels


def read(tmp_path, text: str):
    path = tmp_path / "labels.json"
    path.write_text(text, encoding="utf-8")
    return read_labels(path)


@pytest.mark.parametrize(
    ("document", "labels"),
    [
        (["cat", " big dog "], ("cat", "big dog")),
        ({"tfjsVersion": "1.3.1", "labels": ["Class 1", "Class 2"]}, ("Class 1", "Class 2")),
        ({"model_type": "vit", "id2label": {"0": "cat", "1": "dog"}}, {0: "cat", 1: "dog"}),
        ({"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}, {0: "tench", 1: "goldfish"}),
        ({"dog": 1, "cat": 0}, {1: "dog", 0: "cat"}),
        ({"categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]}, {1: "cat", 2: "dog"}),
        ({"names": {"0": "猫", "1": "dog"}}, {0: "猫", 1: "dog"}),
        ([{"name": "cat"}, {"name": "dog"}], ("cat", "dog")),
    ],
)
def test_json_has_labels_in_their_order_or_by_their_numbers(tmp_path, document, labels):
    assert read(tmp_path, json.dumps(document, ensure_ascii=False)) == labels


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("['cat', 'dog']", ("cat", "dog")),
        ("{'dog': 1, 'cat': 0}", {1: "dog", 0: "cat"}),
        ("{0: 'cat', 1: 'dog'}\n", {0: "cat", 1: "dog"}),
    ],
)
def test_what_python_prints_is_read(tmp_path, text, labels):
    assert read(tmp_path, text) == labels


def test_a_label_map_has_an_item_for_each_number(tmp_path):
    text = 'item {\n  id: 1\n  name: "/m/01"\n  display_name: "cat\\"s"\n}\nitem { name: \'dog\' id: 2 }\n'
    assert read(tmp_path, text) == {1: 'cat"s', 2: "dog"}


@pytest.mark.parametrize("text", ["[cat]\n[dog]\n", "{cat\ndog\n", "item one\nitem two\n"])
def test_lines_that_only_begin_like_json_are_labels(tmp_path, text):
    assert read(tmp_path, text) == LabelLines(tuple(text.split("\n")[:2]))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"format": "layers"}', "it is JSON without labels: write a list of labels, or an object of numbers"),
        ("[]", "it is JSON without labels"),
        ("{}", "it is JSON without labels"),
        ("[1, 2]", "it holds '1' in the place of a label"),
        ('{"0": null}', "it holds 'None' in the place of a label"),
        ('{"a": 0, "b": 0}', "it has two labels of one number: give each its own"),
        ("item { id: 1 }", "it is a label map with an item that lacks an id or a name: add it"),
        ("item { name: 'a' }", "it is a label map with an item that lacks an id or a name: add it"),
        (json.dumps(["x" * 1001, "y"]), "has 2 labels: it takes 1 to 100000, of up to 1000 characters"),
    ],
)
def test_a_document_of_another_form_is_refused_with_a_remedy(tmp_path, text, reason):
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert reason in str(caught.value)
    assert str(tmp_path / "labels.json") in str(caught.value)


@pytest.mark.parametrize(
    ("names", "labels", "places"),
    [
        (("cat", "dog"), ("dog", "cat"), (1, 0)),
        (("big_dog", "T-Shirt"), ("t shirt", "Big Dog"), (1, 0)),
        (("Ka\u0308se", "straße"), ("Käse", "STRASSE"), (0, 1)),
        (("cat", "Cat"), ("Cat", "cat"), (1, 0)),
        (("cat", "CAT"), ("cat", "Cat"), (0, 1)),
        (("cat", "CAT"), ("Cat", "dog"), (None, None)),
        (("cat",), ("CAT", "Cat"), (None,)),
        (("-", "_"), ("_", "-"), (1, 0)),
        (("cat", "wolf"), ("cat", "dog"), (0, None)),
    ],
)
def test_a_name_stands_for_the_one_label_of_the_same_letters(names, labels, places):
    assert match_labels(names, labels) == places
