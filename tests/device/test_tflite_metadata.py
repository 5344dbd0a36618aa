from __future__ import annotations

import contextlib

import numpy as np
import pytest

from edgeready_device.errors import ModelFileError
from edgeready_device.normalization import Normalization
from edgeready_device.tflite.graph import read_graph
from edgeready_device.tflite.metadata import ENTRY, LabelFiles, TfliteMetadata, read_tflite_metadata


@pytest.fixture
def entry(model):
    """The bytes of the metadata entry of a model in models.py."""
    return lambda name: read_graph(model(name).read_bytes()).metadata[ENTRY]


def test_name_labels_and_normalization_are_read(entry):
    assert read_tflite_metadata(entry("sums_normalized")) == TfliteMetadata(
        "standard", "", (LabelFiles("names.txt"),), Normalization((2.0,), (0.5,)), ("names.txt",)
    )


def test_each_output_has_its_label_file_and_english_display_names(entry):
    assert read_tflite_metadata(entry("sums_localized")).outputs == (LabelFiles("ids.txt", "names_en.txt"),)
    found = read_tflite_metadata(entry("two_scores"))
    assert found.outputs == (LabelFiles("features.txt"), LabelFiles("scores.txt", "scores_en.txt"))
    assert found.label_file == "features.txt"
    assert found.label_files == ("features.txt", "scores.txt", "scores_en.txt")


def test_every_associated_file_is_listed_once(entry):
    found = read_tflite_metadata(entry("sums_listed"))
    assert (found.label_file, found.files, found.normalization) == (
        "labels.txt",
        ("edgeready.json", "labels.txt"),
        None,
    )


@pytest.mark.parametrize("data", [b"", b"M001", bytes(4) + b"M002" + bytes(20), bytes(4) + b"TFL3" + bytes(20)])
def test_another_kind_of_flatbuffer_is_refused(data):
    with pytest.raises(ModelFileError, match="not the identifier b'M001'") as caught:
        read_tflite_metadata(data)
    assert caught.value.exit_code == 3


def test_a_deviation_of_zero_is_refused(entry):
    data = entry("sums_normalized")
    half = np.float32(0.5).tobytes()
    assert data.count(half) == 1
    with pytest.raises(ModelFileError, match="standard deviation of 0"):
        read_tflite_metadata(data.replace(half, bytes(4)))


def test_every_truncation_is_refused(entry):
    data = entry("sums_normalized")
    for size in range(0, len(data), 4):
        with pytest.raises(ModelFileError):
            read_tflite_metadata(data[:size])


def test_a_few_changed_bytes_are_our_error_or_harmless(entry):
    data = entry("sums_normalized")
    generator = np.random.default_rng(6)
    for _ in range(600):
        changed = bytearray(data)
        changed[int(generator.integers(0, len(data)))] = int(generator.integers(0, 256))
        with contextlib.suppress(ModelFileError):
            read_tflite_metadata(bytes(changed))
