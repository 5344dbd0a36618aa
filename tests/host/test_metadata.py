"""The standard TFLite Metadata says what was asked for."""

from __future__ import annotations

import pytest

from edgeready.model_file.tflite_metadata import tflite_metadata
from edgeready_device.model_file.manifest import InputSpec
from edgeready_device.normalization import Normalization
from edgeready_device.tflite.flatbuffer import Flatbuffer, Table
from edgeready_device.tflite.metadata import IDENTIFIER, LabelFiles, TfliteMetadata, read_tflite_metadata

TORCH = Normalization((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
IMAGE_PROPERTIES, RGB, GRAYSCALE = 2, 1, 2  # metadata_schema.fbs


def made(channels: int = 3, normalization: Normalization | None = None, name: str = "net") -> bytes:
    frame = InputSpec(32, 24, channels, "stretch", normalization or Normalization())
    return tflite_metadata(name, "1.2.3", frame, "labels.txt", ["edgeready.json", "golden.npz"])


def subgraph(data: bytes) -> Table:
    return Flatbuffer(data).root(IDENTIFIER).tables(3)[0]


def test_the_device_package_reads_back_what_was_written():
    assert read_tflite_metadata(made()) == TfliteMetadata(
        "net",
        "1.2.3",
        (LabelFiles("labels.txt"),),
        Normalization((0.0,), (255.0,)),
        ("edgeready.json", "golden.npz", "labels.txt"),
    )


def test_a_normalization_per_channel_is_read_back_as_float32():
    found = read_tflite_metadata(made(3, TORCH)).normalization
    assert found is not None
    assert found.mean == pytest.approx(TORCH.mean, rel=1e-7)
    assert found.std == pytest.approx(TORCH.std, rel=1e-7)


@pytest.mark.parametrize(("channels", "space"), [(3, RGB), (1, GRAYSCALE)])
def test_the_input_is_an_image_in_the_colour_space_of_its_channels(channels, space):
    content = subgraph(made(channels)).tables(2)[0].table(3)
    assert content is not None
    assert content.scalar(0, "B") == IMAGE_PROPERTIES
    properties = content.table(1)
    assert properties is not None
    assert properties.scalar(0, "b") == space


def test_one_input_and_one_output_are_described():
    main = subgraph(made())
    assert [tensor.text(0) for tensor in main.tables(2)] == ["image"]
    assert [tensor.text(0) for tensor in main.tables(3)] == ["scores"]


def test_the_label_file_belongs_to_the_output_and_is_of_the_kind_axis_labels():
    files = subgraph(made()).tables(3)[0].tables(6)
    assert [(file.text(0), file.scalar(2, "b")) for file in files] == [("labels.txt", 2)]


def test_a_parser_version_is_stated():
    assert Flatbuffer(made()).root(IDENTIFIER).text(7) == "1.0.0"


def test_a_name_in_any_script_is_kept():
    assert read_tflite_metadata(made(name="Äpfel 苹果")).name == "Äpfel 苹果"


def test_the_identifier_is_that_of_the_standard_and_equal_arguments_give_equal_bytes():
    assert made()[4:8] == b"M001"
    assert made() == made()
    assert made(1) != made(3)
