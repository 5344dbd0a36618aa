from __future__ import annotations

import numpy as np
import pytest

from edgeready_device.errors import ModelFileError, NotFoundError, UsageError
from edgeready_device.model_file.contract import Description, read_contract
from edgeready_device.model_file.labels import labels_for, read_labels
from edgeready_device.model_file.manifest import InputSpec
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.normalization import Normalization, parse_normalization


@pytest.fixture
def labels(tmp_path):
    def make(data: bytes):
        path = tmp_path / "labels.txt"
        path.write_bytes(data)
        return read_labels(path)

    return make


# -- label files -----------------------------------------------------------------------------------------------


def test_labels_are_one_a_line(labels):
    assert labels(b"cat\r\nbig dog\n\nowl\n\n") == ("cat", "big dog", "", "owl")


@pytest.mark.parametrize("data", [b"0 cat\n2  big dog\n", b"0: cat\n2: big dog", b"2:big dog\n\n0:cat\n"])
def test_numbers_and_labels_as_pycoral_has_them_are_told_apart(labels, data):
    assert labels(data) == {0: "cat", 2: "big dog"}


@pytest.mark.parametrize("data", [b"0 cat\ndog\n", b"7 up\n7 down\n", b"0\n1\n", "٣ cat\n".encode(), b"-1 cat\n"])
def test_lines_that_are_not_all_numbered_are_labels_as_they_stand(labels, data):
    assert labels(data) == tuple(data.decode().splitlines())


def test_a_label_may_not_steer_the_terminal(labels):
    assert labels(b"c\x1b[2Jat\n\xff\n") == ("c [2Jat", "\ufffd")


@pytest.mark.parametrize("data", [b"", b"\n \n"])
def test_a_file_without_labels_is_refused(labels, data):
    with pytest.raises(UsageError, match=r"labels\.txt holds no labels: write one label a line"):
        labels(data)


def test_more_labels_than_a_classifier_has_are_refused(labels):
    with pytest.raises(UsageError, match=r"labels\.txt: cannot be read \(its label file has 100002 lines"):
        labels(b"a\n" * 100_001)


def test_a_label_file_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match=r"none\.txt: no such file"):
        read_labels(tmp_path / "none.txt")
    with pytest.raises(UsageError, match="cannot be read"):
        read_labels(tmp_path)


def test_numbered_labels_leave_the_number_where_there_is_none():
    assert labels_for({2: "owl", 0: "cat"}, 4) == ("cat", "1", "owl", "3")


def test_a_label_beyond_the_classes_is_refused():
    with pytest.raises(ModelFileError, match="a label for class 4, of 4 classes from 0 on"):
        labels_for({4: "owl"}, 4)


# -- normalization ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mean", "std", "expected"),
    [
        (None, None, None),
        ("127.5", "127.5", Normalization((127.5,), (127.5,))),
        ("10", None, Normalization((10.0,), (255.0,))),
        (None, "2", Normalization((0.0,), (2.0,))),
        ("1,2,3", "4", Normalization((1.0, 2.0, 3.0), (4.0, 4.0, 4.0))),
    ],
)
def test_a_normalization_is_written_as_on_the_host(mean, std, expected):
    assert parse_normalization(mean, std) == expected


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ("a", "1", "--mean is 'a': write 127.5"),
        ("1", "1,,2", "--std is '1,,2'"),
        ("1", "0", "--std is 0: nothing can be divided by it"),
        ("nan", "1", "--mean is 'nan': write finite numbers"),
        (None, "inf", "--std is 'inf': write finite numbers"),
        ("1,2", "1,2,3", "--mean has 2 numbers, --std 3: give one of each a channel"),
    ],
)
def test_what_is_no_normalization_is_a_usage_error(mean, std, message):
    with pytest.raises(UsageError, match=message) as caught:
        parse_normalization(mean, std)
    assert caught.value.exit_code == 2


# -- what is said goes before what the file says ---------------------------------------------------------------


def test_a_foreign_file_is_read_as_it_is_described(model):
    said = Description(("a", "b", "c"), Normalization((2.0,), (0.5,)), "crop", "probabilities")
    found = read_contract(read_model_file(model("sums")), said)
    assert (found.labels, found.scores, found.raw_pixels) == (("a", "b", "c"), "probabilities", False)
    assert found.frame == InputSpec(2, 2, 1, "crop", Normalization((2.0,), (0.5,)))
    assert found.table(np.array([2, 3, 100, 255], np.uint8)).tolist() == [0, 2, 196, 255]


def test_a_complete_file_is_read_as_it_is_described(complete):
    frame = InputSpec(2, 2, 1, "letterbox", Normalization((1.0,), (2.0,)))
    file = read_model_file(complete(frame=frame))
    assert read_contract(file, Description(resize="crop")).frame.resize == "crop"
    assert read_contract(file, Description(resize="crop")).frame.normalization == frame.normalization
    own = Normalization((5.0,), (6.0,))
    assert read_contract(file, Description(normalization=own)).frame.normalization == own
    assert read_contract(file, Description({1: "two"})).labels == ("0", "two", "2")
    assert read_contract(file, Description()).labels == ("left", "right", "both")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Description(("a", "b")), "2 labels for 3 classes"),
        (Description({3: "d"}), "a label for class 3, of 3 classes"),
        (Description(normalization=Normalization((1.0,) * 3, (1.0,) * 3)), "3 means for 1 channels"),
    ],
)
def test_a_description_that_does_not_fit_names_the_file(model, said, message):
    with pytest.raises(ModelFileError, match=message) as caught:
        read_contract(read_model_file(model("sums")), said)
    assert str(caught.value).startswith(str(model("sums")))


@pytest.mark.parametrize(
    ("said", "message"),
    [({"resize": "fill"}, "the resize rule is 'fill'"), ({"scores": "sure"}, "the scores are 'sure'")],
)
def test_a_rule_that_is_none_is_a_usage_error(said, message):
    with pytest.raises(UsageError, match=message):
        Description(**said)
