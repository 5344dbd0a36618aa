"""How pixels go into a model: what a caller, the file and the input's range say, and which of them is believed."""

from __future__ import annotations

import numpy as np
import pytest

from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.contract import Description, read_contract
from edgeready_device.model_file.pixels import pixel_rule
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.model_file.tensor_spec import TensorSpec
from edgeready_device.normalization import PRESETS, RAW, SIGNED_UNIT, UNIT, Normalization
from edgeready_device.quantization import QuantParams

EVERY = np.arange(256, dtype=np.uint8)
TORCH = PRESETS["torchvision"].normalization


def rule(dtype, scale=None, zero_point=0, *, described=None, manifest=None, metadata=None):
    quant = None if scale is None else QuantParams(scale, zero_point)
    spec = TensorSpec("image", 0, (1, 2, 2, 3), dtype, quant)
    return pixel_rule(spec, described=described, manifest=manifest, metadata=metadata)


# -- float inputs ----------------------------------------------------------------------------------------------


def test_a_float_input_of_which_nothing_is_said_is_refused_with_the_three_usual_ways():
    found = rule("float32")
    assert (found.normalization, found.basis, found.text, found.table) == (None, "", "not stated", None)
    assert found.refusal == (
        "the file does not state the normalization of its float32 input, and a wrong one gives wrong answers: say "
        "--mean 127.5 --std 127.5 (-1 to 1), --mean 0 --std 255 (0 to 1), --mean 0 --std 1 (0 to 255), or --preset "
        "raw|unit|signed-unit|teachable-machine|keras-mobilenet|keras-resnet|keras-densenet|keras-efficientnet|"
        "torchvision (in Python Description(normalization=...) or Description(preset=...))"
    )


@pytest.mark.parametrize("source", ["described", "manifest", "metadata"])
def test_a_float_input_takes_what_is_said(source):
    found = rule("float32", **{source: SIGNED_UNIT})
    assert (found.normalization, found.text, found.refusal) == (SIGNED_UNIT, "(pixel - 127.5) / 127.5", "")


def test_a_caller_goes_before_the_manifest_and_that_before_the_metadata():
    assert rule("float32", described=RAW, manifest=UNIT, metadata=SIGNED_UNIT).normalization == RAW
    assert rule("float32", manifest=UNIT, metadata=SIGNED_UNIT).normalization == UNIT


# -- 8-bit inputs ----------------------------------------------------------------------------------------------

USUAL = [
    ("uint8", 1.0, 0, "0 to 255"),
    ("uint8", 1 / 255, 0, "0 to 1"),
    ("uint8", 1 / 256, 0, "0 to 0.9961"),
    ("uint8", 1 / 127.5, 127, "-0.9961 to 1.004"),
    ("uint8", 1 / 127.5, 128, "-1.004 to 0.9961"),
    ("uint8", 1 / 128, 128, "-1 to 0.9922"),
    ("int8", 1 / 255, -128, "0 to 1"),
    ("int8", 1 / 127.5, 0, "-1.004 to 0.9961"),
    ("int8", 1 / 127.5, -1, "-0.9961 to 1.004"),
    ("int8", 1.0, -128, "0 to 255"),
    ("int8", 1.0, 0, "-128 to 127"),
    ("uint8", 1 / 255, 128, "-0.502 to 0.498"),
]


@pytest.mark.parametrize(("dtype", "scale", "zero_point", "span"), USUAL)
@pytest.mark.parametrize("metadata", [None, RAW, UNIT, SIGNED_UNIT, TORCH])
def test_a_usual_range_decides_that_pixels_go_in_as_they_are(dtype, scale, zero_point, span, metadata):
    found = rule(dtype, scale, zero_point, metadata=metadata)
    assert (found.raw, found.refusal) == (True, "")
    assert found.table(EVERY).tolist() == list(range(-128, 128) if dtype == "int8" else range(256))
    assert found.text == f"pixels as they are: the {dtype} input's range is {span}"


@pytest.mark.parametrize(
    ("scale", "zero_point", "metadata"),
    [(1.0, 0, RAW), (1 / 255, 0, UNIT), (1 / 127.5, 127, SIGNED_UNIT), (1 / 128, 128, Normalization((127,), (128,)))],
)
def test_metadata_that_says_what_the_range_says_is_no_contradiction(scale, zero_point, metadata):
    assert rule("uint8", scale, zero_point, metadata=metadata).note == ""


@pytest.mark.parametrize(
    ("scale", "zero_point", "metadata", "spans"),
    [
        (1.0, 0, SIGNED_UNIT, ("(pixel - 127.5) / 127.5, which is -1 to 1,", "range of 0 to 255:")),
        (1.0, 0, UNIT, ("(pixel - 0) / 255, which is 0 to 1,", "range of 0 to 255:")),
        (1 / 255, 0, SIGNED_UNIT, ("which is -1 to 1,", "range of 0 to 1:")),
        (1 / 127.5, 128, UNIT, ("which is 0 to 1,", "range of -1.004 to 0.9961:")),
        (1 / 255, 0, RAW, ("which is 0 to 255,", "range of 0 to 1:")),
        (1 / 255, 0, TORCH, ("which is -2.118 to 2.64,", "range of 0 to 1:")),
    ],
)
def test_metadata_that_contradicts_a_usual_range_is_noted_and_not_applied(scale, zero_point, metadata, spans):
    note = rule("uint8", scale, zero_point, metadata=metadata).note
    assert note.startswith("the TFLite Metadata says (pixel - ")
    assert all(span in note for span in spans)
    assert note.endswith("the range decides, and pixels go in as they are")


def test_statistics_by_channel_are_applied_where_the_range_is_theirs():
    scale, zero_point = 4.758 / 255, 114
    found = rule("uint8", scale, zero_point, metadata=TORCH)
    assert (found.raw, found.note, found.refusal, found.basis) == (False, "", "", "TFLite Metadata")
    pixels = np.full((1, 3), 200, np.uint8)
    exact = [round((200 - mean) / std / scale) + zero_point for mean, std in zip(TORCH.mean, TORCH.std)]
    assert found.table(pixels)[0].tolist() == exact


def test_an_unusual_range_is_refused_with_the_presets_that_fit():
    found = rule("uint8", 4.758 / 255, 114)
    assert (found.table, found.text) == (None, "not stated")
    assert found.refusal == (
        "the file does not state the normalization of its uint8 input, whose range of -2.127 to 2.631 does not tell "
        "it; say --mean and --std, or --preset NAME (--preset keras-densenet or --preset torchvision would fit) (in "
        "Python Description(normalization=...) or Description(preset=...))"
    )
    assert "(--preset keras-resnet would fit)" in rule("int8", 274.768 / 255, -13).refusal
    assert "would fit" not in rule("uint8", 0.003, 0).refusal


def test_metadata_far_from_an_unusual_range_is_refused():
    found = rule("uint8", 6 / 255, 0, metadata=SIGNED_UNIT)
    assert found.refusal.startswith(
        "the TFLite Metadata says (pixel - 127.5) / 127.5, which is -1 to 1, and contradicts the input's range of 0 "
        "to 6: one of the two is wrong; say --mean and --std"
    )


def test_calibration_that_saw_dark_pictures_only_leaves_the_metadata_in_force():
    found = rule("uint8", 1.4 / 255, 182, metadata=SIGNED_UNIT)
    assert found.table(np.array([0, 127, 255], np.uint8)).tolist() == [0, 181, 255]


@pytest.mark.parametrize("source", ["described", "manifest"])
def test_a_caller_and_a_manifest_are_believed_whatever_the_range(source):
    found = rule("uint8", 1.0, 0, **{source: Normalization((2.0,), (0.5,))})
    assert (found.raw, found.refusal) == (False, "")
    assert found.table(np.array([2, 3, 100, 255], np.uint8)).tolist() == [0, 2, 196, 255]


def test_a_normalization_that_does_not_span_a_usual_range_is_applied_with_a_note():
    assert rule("uint8", 1 / 127.5, 128, described=UNIT).note == (
        "(pixel - 0) / 255 gives 0 to 1, and the input's range is -1.004 to 0.9961: it is applied as you say; "
        "without it pixels go in as they are"
    )
    assert rule("uint8", 1 / 127.5, 128, manifest=UNIT).note == ""  # the network was measured with it
    assert rule("uint8", 1 / 127.5, 128, described=SIGNED_UNIT).note == ""
    assert rule("uint8", 4.758 / 255, 114, described=TORCH).note == ""
    assert rule("int16", 1 / 32767, described=UNIT).note == ""


@pytest.mark.parametrize(
    ("scale", "described", "message"),
    [
        (1.0, SIGNED_UNIT, "(pixel - 127.5) / 127.5 gives -1 to 1, and the uint8 input takes 0 to 255: hardly"),
        (1.0, UNIT, "(pixel - 0) / 255 gives 0 to 1, and the uint8 input takes 0 to 255: hardly"),
        (1 / 255, RAW, "(pixel - 0) / 1 gives 0 to 255, and the uint8 input takes 0 to 1: hardly"),
    ],
)
def test_a_normalization_that_leaves_nothing_of_a_picture_is_refused(scale, described, message):
    refusal = rule("uint8", scale, 0, described=described).refusal
    assert refusal.startswith(message)
    assert refusal.endswith(
        "leave out --mean, --std and --preset (normalization in Python): pixels then go in as they are"
    )


# -- 16 bits, and integers without a scale ---------------------------------------------------------------------


def test_int16_does_not_tell_zero_to_one_from_minus_one_to_one():
    found = rule("int16", 1 / 32767)
    assert found.text == "not stated"
    assert "whose range of -1 to 1 does not tell it" in found.refusal
    assert "--preset unit or --preset signed-unit" in found.refusal


@pytest.mark.parametrize(("described", "expected"), [(UNIT, [0, 16448, 32767]), (SIGNED_UNIT, [-32767, 128, 32767])])
def test_int16_takes_what_is_said(described, expected):
    for source in ("described", "manifest", "metadata"):
        found = rule("int16", 1 / 32767, **{source: described})
        assert found.table(np.array([0, 128, 255], np.uint8)).tolist() == expected


def test_int16_for_whole_pixels_takes_them_as_they_are():
    found = rule("int16", 255 / 32767)
    assert found.table(np.array([0, 51, 255], np.uint8)).tolist() == [0, 6553, 32767]
    assert (found.text, found.note) == ("pixels as they are, 0 to 255: the int16 input's range is -255 to 255", "")
    assert "contradicts" in rule("int16", 255 / 32767, metadata=UNIT).note


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "uint16"])
def test_integers_without_a_scale_take_pixels_as_they_are(dtype):
    for metadata in (None, RAW):
        found = rule(dtype, metadata=metadata)
        assert (found.raw, found.note, found.refusal) == (True, "", "")
        assert (found.table(EVERY).tolist(), found.table.dtype) == (list(range(256)), np.dtype(dtype))
    assert "has no scale: pixels go in as they are" in rule(dtype, metadata=UNIT).note
    assert rule(dtype, described=RAW).refusal == ""
    assert rule(dtype, described=UNIT).refusal == (
        f"(pixel - 0) / 255 was asked for, and the {dtype} input has no scale and takes pixels as they are: leave "
        "the normalization out"
    )


# -- presets ---------------------------------------------------------------------------------------------------


def test_a_preset_gives_normalization_order_resize_rule_and_crop(model):
    file = read_model_file(model("rgb"))
    frame = read_contract(file, Description(preset="keras-resnet")).frame
    assert (frame.normalization, frame.color) == (Normalization((103.939, 116.779, 123.68), (1.0,) * 3), "bgr")
    frame = read_contract(file, Description(preset="torchvision")).frame
    assert (frame.color, frame.resize, frame.crop) == ("rgb", "crop", 0.875)
    frame = read_contract(file, Description(preset="torchvision", resize="letterbox", crop=1.0, color="bgr")).frame
    assert (frame.color, frame.resize, frame.crop) == ("bgr", "letterbox", 1.0)
    own = Description(preset="torchvision", normalization=UNIT)
    assert read_contract(file, own).frame.normalization == UNIT


def test_a_preset_for_colours_does_not_fit_a_grey_model(model):
    with pytest.raises(ModelFileError, match="the normalization has 3 means for 1 channels"):
        read_contract(read_model_file(model("echo_float")), Description(preset="torchvision"))


def test_every_preset_says_where_it_is_from():
    assert all(len(preset.source) > 20 for preset in PRESETS.values())
