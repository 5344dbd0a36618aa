"""Which line of a label file belongs to which class: lists with the background, COCO's gaps, numbers from 0 or 1."""

from __future__ import annotations

import pytest

from edgeready_device.detection.class_labels import label_classes
from edgeready_device.errors import ModelFileError

COCO = tuple("???" if i in (11, 25, 28, 29, 44, 65, 67, 68, 70, 82) else f"thing {i}" for i in range(90))


@pytest.mark.parametrize(
    ("labels", "offset", "expected"),
    [
        (None, None, ("0", "1", "2")),
        ((), None, ("0", "1", "2")),
        (("cat", "dog", "owl"), None, ("cat", "dog", "owl")),
        (("???", "cat", "dog", "owl"), None, ("cat", "dog", "owl")),
        (("Background", "cat", "dog", "owl"), None, ("cat", "dog", "owl")),
        (("x", "cat", "dog", "owl"), 1, ("cat", "dog", "owl")),
        (("cat", "dog", "owl", "x"), 0, ("cat", "dog", "owl")),
        (("cat", "???", "owl"), None, ("cat", "1", "owl")),
        (("cat", "", "owl"), None, ("cat", "1", "owl")),
        ({0: "cat", 2: "owl"}, None, ("cat", "1", "owl")),
        ({1: "cat", 3: "owl"}, None, ("cat", "1", "owl")),
        ({0: "background", 1: "cat", 2: "dog", 3: "owl"}, None, ("cat", "dog", "owl")),
        ({1: "cat"}, 1, ("cat", "1", "2")),
    ],
)
def test_labels_belong_to_classes(labels, offset, expected):
    assert label_classes(labels, 3, offset) == expected


def test_cocos_list_has_gaps_and_perhaps_the_background_first():
    assert label_classes(COCO, 90)[10:13] == ("thing 10", "11", "thing 12")
    assert label_classes(("???", *COCO), 90) == label_classes(COCO, 90)


@pytest.mark.parametrize("labels", [tuple(map(str, range(80))), dict(enumerate(map(str, range(80))))])
def test_cocos_names_without_the_gaps_do_not_fit_90_classes(labels):
    with pytest.raises(ModelFileError, match=r"^80 labels without gaps for 90 classes: COCO's numbers have gaps"):
        label_classes(labels, 90)
    assert label_classes(labels, 80)[79] == "79"


@pytest.mark.parametrize(
    ("labels", "offset", "message"),
    [
        (("a", "b"), None, r"^2 labels for 3 classes: give the file that belongs"),
        (("a", "b"), 0, r"^2 labels for 3 classes"),
        (("a", "b", "c"), 1, r"^3 labels for 3 classes"),
        (("a", "b", "c", "d"), None, r"^4 labels for 3 classes, the first 'a': say with --label-offset"),
        (("???", "b", "c"), None, r"^3 labels for 3 classes, the first '\?\?\?': say with --label-offset"),
        (("a",) * 5, None, r"^5 labels for 3 classes"),
        ({0: "a", 4: "b"}, None, r"^a label for class 4, of 3 classes"),
        ({0: "a", 3: "b"}, None, r"^the labels have the numbers 0 to 3, the model 3 classes: say"),
        ({1: "a", 2: "b"}, None, r"^the labels have the numbers 1 to 2, the model 3 classes: say"),
    ],
)
def test_labels_that_do_not_fit_or_fit_in_two_ways_are_refused(labels, offset, message):
    with pytest.raises(ModelFileError, match=message):
        label_classes(labels, 3, offset)
