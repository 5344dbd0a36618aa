"""Data whose classes are called and ordered as a trained model's labels say."""

from __future__ import annotations

import numpy as np
import pytest

from edgeready.dataset.class_names import class_names_of, order_classes
from edgeready.dataset.dataset import Dataset, Parts
from edgeready.errors import DatasetError, UsageError
from edgeready_device.model_file.labels import LabelLines


def parts_of(*classes: str) -> Parts:
    """A training set with an image of each class, and a test set with those in the opposite order."""
    count = len(classes)
    images = np.arange(count * 4, dtype=np.uint8).reshape(count, 2, 2)
    labels = np.arange(count, dtype=np.int64)
    return Parts(
        train=Dataset(name="set", images=images, labels=labels, classes=classes),
        test=Dataset(name="set", images=images, labels=labels[::-1].copy(), classes=classes),
    )


def ordered(lines: tuple[str, ...], *classes: str) -> Parts:
    return order_classes(parts_of(*classes), class_names_of(LabelLines(lines), "'labels.txt'", "do this"), "'photos'")


@pytest.mark.parametrize(
    "lines",
    [
        ("dog", "cat", "owl"),
        ("0 dog", "1 cat", "2 owl"),
        ("2 owl", "0 dog", "1 cat"),
        ("1: dog", "2: cat", "3: owl"),
        ("dog", "", "cat", "owl", ""),
        ("0,dog", "1,cat", "2,owl"),
        ("1) dog", "3) owl", "2) cat"),
        ("dog 0", "owl 2", "cat 1"),
        ("dog,0", "owl,2", "cat,1"),
        ('"dog",', '"cat",', '"owl"'),
        ("dog, cat, owl",),
    ],
)
def test_classes_are_in_the_order_of_the_labels_in_every_part(lines):
    parts = ordered(lines, "cat", "dog", "owl")
    assert parts.train.classes == ("dog", "cat", "owl")
    assert parts.train.labels.tolist() == [1, 0, 2]
    assert parts.test is not None
    assert parts.test.labels.tolist() == [2, 0, 1]
    assert parts.validation is None
    assert parts.notes == ("the classes have the names and the order of 'labels.txt'",)


def test_names_that_differ_in_case_and_spaces_are_matched_and_said():
    parts = ordered(("0 T-Shirt", "1 Big Dog"), "big_dog", "tshirt")
    assert parts.train.classes == ("T-Shirt", "Big Dog")
    assert parts.train.labels.tolist() == [1, 0]
    assert parts.notes == (
        "the classes have the names and the order of 'labels.txt': 'big_dog' is 'Big Dog', 'tshirt' is 'T-Shirt'",
    )


@pytest.mark.parametrize(
    ("lines", "classes"),
    [
        (("0 cat", "1 dog"), ("0 cat", "1 dog")),  # folders that are called like the lines
        (("5 cent", "1 cent"), ("1 cent", "5 cent")),
        (("2 euro", "1 cent"), ("1 cent", "2 euro")),
    ],
)
def test_a_number_in_a_name_stays_where_the_data_have_it(lines, classes):
    assert ordered(lines, *classes).train.classes == lines


def test_data_that_only_number_their_classes_get_names():
    parts = ordered(("zero", "one"), "0", "1")
    assert (parts.train.classes, parts.train.labels.tolist()) == (("zero", "one"), [0, 1])
    assert parts.notes == ("'labels.txt' names the classes by their numbers: 0 is 'zero', 1 is 'one'",)


def test_numbers_are_names_where_the_labels_have_them():
    parts = ordered(("2", "0", "1"), "0", "1", "2")
    assert (parts.train.classes, parts.train.labels.tolist()) == (("2", "0", "1"), [1, 2, 0])


@pytest.mark.parametrize(
    ("lines", "classes", "said"),
    [
        (
            ("cat", "dog", "fox"),
            ("cat", "wolf"),
            "'labels.txt' has 3 labels (cat, dog, fox), 'photos' has 2 classes (cat, wolf), and dog, fox of the "
            "labels have no images, wolf of the data has no label: do this",
        ),
        (("cat", "dog", "fox"), ("cat", "dog"), "fox of the labels has no images: do this"),
        (("cat", "dog"), ("cat", "dog", "fox"), "and fox of the data has no label: do this"),
        (("Katze", "Hund"), ("cat", "dog"), "cat, dog of the data have no label: do this"),
        (
            ("5,cat", "7,dog"),
            ("cat", "dog"),
            "'5,cat', '7,dog' of the labels have no images, cat, dog of the data have no label: do this",
        ),
        (("zero", "one"), ("0", "1", "2"), "0, 1, 2 of the data have no label: do this"),
        (
            ("one", "two", "1"),
            ("0", "1", "2"),
            "one, two of the labels have no images, 0, 2 of the data have no label: do this",
        ),
        (("Cat", "CAT"), ("cat", "dog"), "cat, dog of the data have no label: do this"),
    ],
)
def test_names_that_do_not_fit_are_refused_with_both_sides(lines, classes, said):
    with pytest.raises(DatasetError) as caught:
        ordered(lines, *classes)
    assert str(caught.value).endswith(said)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (LabelLines(("cat", "cat")), "L names 'cat' twice: give every class its own name"),
        (LabelLines(("cat", "")), "L has 1 labels: write one for each output of the model, at least two"),
        ({0: "cat", 2: "dog"}, "L numbers its labels 0, 2: number them 0, 1, 2, ..."),
        (("cat", ""), "L has an empty label: write one for each output of the model"),
    ],
)
def test_labels_that_are_no_names_of_classes_are_refused(labels, said):
    with pytest.raises(UsageError) as caught:
        class_names_of(labels, "L", "do this")
    assert str(caught.value) == said
