from __future__ import annotations

import numpy as np
import pytest

from edgeready_device.errors import ModelFileError, NotFoundError, UsageError
from edgeready_device.model_file.contract import Description, read_contract
from edgeready_device.model_file.labels import LabelLines, labels_for, parse_labels, read_labels
from edgeready_device.model_file.manifest import InputSpec
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.normalization import Normalization, parse_normalization


@pytest.fixture
def labels(tmp_path):
    def make(data: bytes):
        path = tmp_path / "labels.txt"
        path.write_bytes(data)
        return read_labels(path).lines

    return make


# -- label files -----------------------------------------------------------------------------------------------


def test_labels_are_one_a_line(labels):
    assert labels(b"cat\r\nbig dog\n\nowl\n\n") == ("cat", "big dog", "", "owl")


@pytest.mark.parametrize("data", [b"0 cat\n2  big dog\n", b"0: cat\n2: big dog", b"2:big dog\n\n0:cat\n"])
def test_numbers_and_labels_as_pycoral_has_them_are_told_apart(labels, data):
    assert LabelLines(labels(data)).numbered == {0: "cat", 2: "big dog"}
    assert labels_for(LabelLines(labels(data)), 4) == ("cat", "1", "big dog", "3")


@pytest.mark.parametrize("data", [b"0 cat\ndog\n", b"7 up\n7 down\n", b"0\n1\n", "٣ cat\n".encode(), b"-1 cat\n"])
def test_lines_that_are_not_all_numbered_are_labels_as_they_stand(labels, data):
    assert labels(data) == tuple(data.decode().splitlines())
    assert LabelLines(labels(data)).numbered is None


@pytest.mark.parametrize(
    ("lines", "classes", "expected"),
    [
        (("3 cent", "5 cent"), 2, ("3 cent", "5 cent")),
        (("1 cent", "2 cent", "5 cent"), 3, ("1 cent", "2 cent", "5 cent")),
        (("1 euro", "2 cent"), 2, ("1 euro", "2 cent")),
        (("0 cat", "1 dog"), 2, ("cat", "dog")),
        (("1 dog", "0 cat"), 2, ("cat", "dog")),
        (("0 crane", "1 crane"), 2, ("crane", "crane")),
        (("1 cat", "2 dog"), 3, ("0", "cat", "dog")),
        (("0 cat", "3 dog"), 5, ("cat", "1", "2", "dog", "4")),
    ],
)
def test_numbers_are_of_the_classes_only_where_they_can_be(lines, classes, expected):
    assert labels_for(LabelLines(lines), classes) == expected


@pytest.mark.parametrize(
    ("lines", "classes"),
    [
        (("0 cat", "1 dog"), 3),  # a background class may stand in front
        (("1 cent", "2 cent", "3 cent"), 4),  # three classes of one name
    ],
)
def test_numbers_that_may_mean_another_class_are_labels_and_do_not_fit(model, lines, classes):
    assert labels_for(LabelLines(lines), classes) == lines


def test_a_label_may_not_steer_the_terminal(labels):
    assert labels(b"c\x1b[2Jat\n") == ("c [2Jat",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_the_mark_at_the_start_tells_the_encoding(labels, encoding):
    assert labels("Käse\r\n犬\r\n".encode(encoding)) == ("Käse", "犬")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_named(labels, encoding):
    with pytest.raises(UsageError, match=r"labels\.txt: cannot be read \(it holds zero bytes, as UTF-16"):
        labels("cat\ndog\n".encode(encoding))


def test_latin_1_is_named_with_its_line_and_what_to_do(labels):
    with pytest.raises(UsageError) as caught:
        labels("cat\nKäse\n".encode("latin-1"))
    assert str(caught.value).endswith(
        "labels.txt: cannot be read (line 2 is not UTF-8 (byte 0xe4), perhaps Latin-1: save the file as UTF-8, as "
        "iconv -f latin1 -t utf8 does)"
    )


def test_labels_inside_a_model_that_are_no_text_have_replacement_characters():
    assert parse_labels("cat\nKäse\n".encode("latin-1")) == ("cat", "K\ufffdse")
    assert parse_labels("cat\nKäse\n".encode("utf-16")) == ("cat", "Käse")


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


@pytest.mark.parametrize("key", [-1, "cat", 0.5])
def test_a_label_of_no_class_is_refused(key):
    with pytest.raises(UsageError, match="classes are whole numbers from 0 on"):
        labels_for({key: "owl"}, 4)


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
    [
        ({"resize": "fill"}, "the resize rule is 'fill': choose stretch, crop, letterbox"),
        ({"scores": "sure"}, "the scores are 'sure': choose logits or probabilities"),
        ({"color": "RGB"}, "the colour order is 'RGB': choose rgb, bgr"),
        ({"layout": "chw"}, "the layout is 'chw': choose nhwc, nchw"),
        ({"preset": "imagenet"}, "the preset is 'imagenet': choose raw, unit, signed-unit, teachable-machine"),
        ({"crop": 0.0}, "the crop is 0: give the share of each side, above 0 and at most 1"),
        ({"crop": 87.5}, "the crop is 87.5: give the share"),
        ({"output": -1}, "the output is -1: outputs are counted from 0"),
        ({"labels": "cat"}, "the labels are 'cat': give a list with one label a class"),
    ],
)
def test_a_rule_that_is_none_is_a_usage_error(said, message):
    with pytest.raises(UsageError, match=message):
        Description(**said)
