from __future__ import annotations

import numpy as np
import pytest

from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.contract import read_contract
from edgeready_device.model_file.manifest import InputSpec
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.model_file.tensor_spec import TensorSpec
from edgeready_device.normalization import Normalization
from edgeready_device.quantization import QuantParams

PIXELS = np.array([[0, 1], [2, 255]], np.uint8)


@pytest.fixture
def contract(model):
    return lambda name: read_contract(read_model_file(model(name)))


def test_scale_and_zero_point_come_from_the_flatbuffer(contract):
    found = contract("sums")
    assert found.input == TensorSpec("image", 0, (1, 2, 2, 1), "uint8", QuantParams(1.0, 0))
    assert found.output == TensorSpec("logits", 7, (1, 3), "uint8", QuantParams(0.125, 10))


def test_a_foreign_file_has_documented_defaults(contract):
    found = contract("sums")
    assert found.frame == InputSpec(2, 2, 1, "stretch", Normalization((0.0,), (255.0,)))
    assert found.labels == ("0", "1", "2")
    assert found.scores == "logits"
    assert found.raw_pixels is True


def test_softmax_behind_a_quantize_gives_probabilities(contract):
    assert contract("conv").scores == "probabilities"


def test_uint8_pixels_of_a_foreign_file_go_in_as_they_are(contract):
    assert contract("sums").table.identity


def test_int8_pixels_of_a_foreign_file_are_moved_by_128(contract):
    found = contract("echo_int8")
    assert found.raw_pixels is True
    assert found.table(PIXELS).tolist() == [[-128, -127], [-126, 127]]


def test_int16_pixels_of_a_foreign_file_are_zero_to_one_in_its_scale(contract):
    # scale 1 / 32768: 255 is 1.0, which saturates at 32767; 1 is 32768 / 255 = 128.5
    found = contract("echo_int16")
    assert found.raw_pixels is False
    assert found.table(PIXELS).tolist() == [[0, 129], [257, 32767]]


def test_a_float_model_has_no_table(contract):
    found = contract("echo_float")
    assert (found.table, found.input.quant, found.output.quant, found.raw_pixels) == (None, None, None, False)


def test_an_input_of_rank_three_has_one_channel(contract):
    assert contract("rank3").frame == InputSpec(2, 4, 1)


def test_an_rgb_input_has_three_channels(contract):
    assert contract("rgb").frame == InputSpec(16, 16, 3)


def test_the_standard_metadata_gives_the_normalization(contract):
    found = contract("sums_normalized")
    assert found.frame.normalization == Normalization((2.0,), (0.5,))
    assert found.raw_pixels is False
    assert found.table(np.array([2, 3, 100, 255], np.uint8)).tolist() == [0, 2, 196, 255]


def test_edgeready_json_gives_normalization_resize_rule_and_scores(complete):
    frame = InputSpec(2, 2, 1, "letterbox", Normalization((1.0,), (2.0,)))
    found = read_contract(read_model_file(complete("sums_normalized", frame=frame, scores="probabilities")))
    assert found.frame == frame
    assert found.scores == "probabilities"
    assert found.labels == ("0", "1", "2")  # the metadata names names.txt, which this file lacks
    assert found.table(np.array([1, 5], np.uint8)).tolist() == [0, 2]


def test_labels_are_those_of_the_file(complete):
    assert read_contract(read_model_file(complete())).labels == ("left", "right", "both")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("two_inputs", "2 inputs and 1 outputs: an image classifier has one of each"),
        ("two_outputs", "1 inputs and 2 outputs: an image classifier has one of each"),
        ("map_output", "the output 'y' has the shape [1, 2, 2, 3]: an image classifier gives one row"),
        ("one_class", "the output 'y' has the shape [1, 1]: an image classifier gives one row of at least 2"),
        ("flat_input", "the input 'x' is uint8 [1, 4]: an image classifier takes [1, height, width]"),
        ("batch_of_two", "the input 'x' is uint8 [2, 2, 2, 1]: an image classifier takes"),
        ("four_channels", "the input 'x' is uint8 [1, 2, 2, 4]: an image classifier takes"),
        ("int32_input", "the input 'x' is int32 [1, 2, 2, 1]: an image classifier takes"),
        ("no_pixels", "the input is 0x2 pixels: it needs at least 1x1"),
        ("no_scale", "'x' is uint8 without a scale"),
        ("zero_scale", "the scale is 0.0: it must be a positive number"),
        ("per_axis_end", "'x' has 3 scales: an end has one"),
    ],
)
def test_what_is_no_image_classifier_is_refused_by_its_name(contract, model, name, message):
    with pytest.raises(ModelFileError) as caught:
        contract(name)
    assert str(caught.value).startswith(f"{model(name)}: {message}")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("labels", [b"left\nright\n", b"a\nb\nc\nd\n"])
def test_labels_and_classes_must_agree(complete, labels):
    path = complete(labels=labels)
    with pytest.raises(ModelFileError) as caught:
        read_contract(read_model_file(path))
    assert str(caught.value).startswith(f"{path}: {len(labels.split())} labels for 3 classes: give the file")


def test_a_normalization_of_other_channels_than_the_model_has_is_refused(complete):
    frame = InputSpec(2, 2, 3, "stretch", Normalization((0.0, 1.0, 2.0), (1.0, 1.0, 1.0)))
    path = complete(frame=frame)
    with pytest.raises(ModelFileError) as caught:
        read_contract(read_model_file(path))
    assert str(caught.value) == f"{path}: the normalization has 3 means for 1 channels"
