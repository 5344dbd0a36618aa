from __future__ import annotations

import numpy as np
import pytest

from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.contract import Description, read_contract
from edgeready_device.model_file.manifest import InputSpec, Manifest
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


def test_a_float_model_has_no_table(contract):
    found = contract("echo_float")
    assert (found.table, found.input.quant, found.output.quant, found.raw_pixels) == (None, None, None, False)


def test_an_input_of_rank_three_has_one_channel(contract):
    assert contract("rank3").frame == InputSpec(2, 4, 1)


def test_an_rgb_input_has_three_channels(contract):
    assert contract("rgb").frame == InputSpec(16, 16, 3)


def test_the_standard_metadata_gives_the_normalization(contract):
    found = contract("float_metadata")
    assert found.frame.normalization == Normalization((2.0,), (0.5,))
    assert (found.raw_pixels, found.pixels, found.notes) == (False, "(pixel - 2) / 0.5", ())
    found.check()


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
        ("two_inputs", "2 inputs and 1 outputs: an image classifier has one input"),
        (
            "two_outputs",
            "1 inputs and 2 outputs (0: 'y' [1, 4], 1: 'z' [1, 4]): say which output holds the scores with "
            "--output N (Description(output=N)), if it is an image classifier",
        ),
        ("map_output", "the output 'y' has the shape [1, 2, 2, 3]: an image classifier gives one row"),
        ("flat_input", "the input 'x' is uint8 [1, 4]: an image classifier takes [1, height, width]"),
        (
            "batch_of_two",
            "the output 'y' has the shape [1, 4]: an image classifier gives one row of scores for each of its 2 "
            "frames",
        ),
        ("four_channels", "the input 'x' is uint8 [1, 2, 2, 4]: an image classifier takes"),
        ("no_pixels", "the input is 0x2 pixels: it needs at least 1x1"),
        ("no_scale", "'y' is uint8 without a scale: an image classifier's scores are quantized or float"),
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
    contract = read_contract(read_model_file(path))
    with pytest.raises(ModelFileError) as caught:
        contract.check()
    assert str(caught.value) == (
        f"{path}: {len(labels.split())} labels for 3 classes: give the file that belongs to the model, or the right "
        "ones with --labels (Description(labels=...))"
    )


def test_labels_that_are_given_go_before_wrong_ones_in_the_file(complete):
    file = read_model_file(complete(labels=b"left\nright\n"))
    contract = read_contract(file, Description(labels=("a", "b", "c")))
    contract.check()
    assert contract.labels == ("a", "b", "c")


def test_display_names_in_english_are_the_labels_and_the_first_file_where_they_lack_one(complete):
    parts = {"ids.txt": b"/m/1\n/m/2\n/m/3\n", "names_de.txt": b"Haus\nBaum\nHund\n"}
    path = complete("sums_localized", labels=None, extra={**parts, "names_en.txt": b"Building\n\nDog\n"})
    assert read_contract(read_model_file(path)).labels == ("Building", "/m/2", "Dog")
    path = complete("sums_localized", labels=None, extra=parts)
    assert read_contract(read_model_file(path)).labels == ("/m/1", "/m/2", "/m/3")
    path = complete("sums_localized", labels=None, extra={**parts, "names_en.txt": b"a\nb\nc\nd\n"})
    assert read_contract(read_model_file(path)).labels == ("/m/1", "/m/2", "/m/3")


# -- which output, which layout, how many frames ---------------------------------------------------------------


def test_the_output_with_the_scores_is_chosen_with_its_own_labels(complete):
    extra = {"features.txt": b"a\nb\nc\nd\n", "scores.txt": b"/m/1\n/m/2\n", "scores_en.txt": b"cat\ndog\n"}
    file = read_model_file(complete("two_scores", labels=None, extra=extra))
    scores, features = (read_contract(file, Description(output=number)) for number in (1, 0))
    assert (scores.output_number, scores.output.shape, scores.labels) == (1, (1, 2), ("cat", "dog"))
    assert (features.output_number, features.output.shape, features.labels) == (0, (1, 4), ("a", "b", "c", "d"))


def test_an_output_that_is_not_there_is_refused(model):
    with pytest.raises(ModelFileError, match=r"there is no output 2: it has 2, counted from 0 \(0: 'y' \[1, 4\]"):
        read_contract(read_model_file(model("two_outputs")), Description(output=2))


def test_the_manifest_names_the_output_with_the_scores(complete):
    manifest = Manifest("two", InputSpec(2, 2, 1, normalization=Normalization((0.0,), (1.0,))), "logits", output=1)
    path = complete("two_scores", labels=None, parts={"edgeready.json": manifest.to_json().encode()})
    assert read_contract(read_model_file(path, check_hashes=False)).output_number == 1


def test_channels_first_are_recognized_where_no_other_reading_makes_a_picture(contract, model):
    found = contract("echo_nchw")
    assert (found.frame.height, found.frame.width, found.frame.channels, found.frame.layout) == (2, 4, 3, "nchw")
    assert contract("echo_nchw_or_nhwc").frame.layout == "nhwc"
    found = read_contract(read_model_file(model("echo_nchw_or_nhwc")), Description(layout="nchw")).frame
    assert (found.height, found.width, found.channels, found.layout) == (2, 3, 3, "nchw")


def test_a_layout_that_makes_no_picture_is_refused(model):
    with pytest.raises(ModelFileError, match=r"uint8 \[1, 3, 2, 4\], read as nhwc: an image classifier takes"):
        read_contract(read_model_file(model("echo_nchw")), Description(layout="nhwc"))


def test_several_frames_at_once_are_a_batch(contract):
    assert (contract("echo_batch").batch, contract("echo_batch").labels) == (3, ("0", "1", "2", "3"))
    assert contract("sums").batch == 1


def test_a_sigmoids_number_scores_the_second_of_two_classes(contract):
    found = contract("sigmoid")
    assert (found.binary, found.scores, found.labels, found.output_refusal) == (True, "probabilities", ("0", "1"), "")
    found = contract("sigmoid_uint8")
    assert (found.binary, found.scores) == (True, "probabilities")


def test_one_number_that_is_no_sigmoids_must_be_said(model):
    file = read_model_file(model("sigmoid_logit"))
    given = Description(preset="raw")
    with pytest.raises(ModelFileError, match="the output 'scores' is one number and not a sigmoid's") as caught:
        read_contract(file, given).check()
    assert "--scores logits or --scores probabilities" in str(caught.value)
    found = read_contract(file, Description(preset="raw", scores="logits"))
    found.check()
    assert (found.scores, found.labels) == ("logits", ("0", "1"))


def test_one_label_is_that_of_the_class_which_the_number_scores(complete):
    file = read_model_file(complete("sigmoid", labels=b"cat\n"))
    assert read_contract(file).labels == ("not cat", "cat")
    assert "1 labels for 3 classes" in read_contract(read_model_file(complete(labels=b"cat\n"))).output_refusal


def test_a_row_that_a_pool_gives_may_be_features_until_somebody_says_scores(complete, model):
    file = read_model_file(model("pooled"))
    with pytest.raises(ModelFileError, match="it seems to be an embedding, or an image classifier that"):
        read_contract(file).check()
    for said in (Description(scores="logits"), Description(labels=("a", "b", "c"))):
        read_contract(file, said).check()
    frame = InputSpec(2, 2, 3, normalization=Normalization((0.0,), (1.0,)))
    read_contract(read_model_file(complete("pooled", labels=None, frame=frame))).check()  # the manifest says logits


def test_the_scale_of_squashed_scores_tells_probabilities(contract):
    assert contract("squashed").scores == "probabilities"
    assert contract("sums").scores == "logits"


def test_a_normalization_of_other_channels_than_the_model_has_is_refused(complete):
    frame = InputSpec(2, 2, 3, "stretch", Normalization((0.0, 1.0, 2.0), (1.0, 1.0, 1.0)))
    path = complete(frame=frame)
    with pytest.raises(ModelFileError) as caught:
        read_contract(read_model_file(path))
    assert str(caught.value) == f"{path}: the normalization has 3 means for 1 channels"
