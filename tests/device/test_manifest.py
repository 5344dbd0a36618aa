from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.manifest import InputSpec, Manifest, read_manifest
from edgeready_device.normalization import Normalization

MANIFEST = Manifest(
    "digits",
    InputSpec(28, 32, 3, "crop", Normalization((1.0, 2.0, 3.0), (4.0, 5.0, 6.5))),
    "logits",
    {"dataset": "mnist", "top1": 0.99},
    {"flatbuffer": "00ff"},
)


def _changed(path: str, value: object) -> str:
    """The manifest's text with the value at the dotted `path` replaced; `...` removes it."""
    root = json.loads(MANIFEST.to_json())
    *places, last = path.split(".")
    table = root
    for place in places:
        table = table[place]
    if value is ...:
        del table[last]
    else:
        table[last] = value
    return json.dumps(root)


def test_what_is_written_is_read_back():
    assert read_manifest(MANIFEST.to_json()) == MANIFEST


def test_bytes_are_read_as_text_is():
    assert read_manifest(MANIFEST.to_json().encode()) == MANIFEST


def test_the_text_has_the_documented_fields():
    assert json.loads(MANIFEST.to_json()) == {
        "schema_version": 1,
        "task": "image-classification",
        "name": "digits",
        "input": {
            "height": 28,
            "width": 32,
            "channels": 3,
            "color": "rgb",
            "resize": "crop",
            "mean": [1.0, 2.0, 3.0],
            "std": [4.0, 5.0, 6.5],
        },
        "output": {"scores": "logits"},
        "provenance": {"dataset": "mnist", "top1": 0.99},
        "sha256": {"flatbuffer": "00ff"},
    }


def test_one_channel_is_called_grayscale():
    grey = Manifest("x", InputSpec(8, 8, 1), "probabilities")
    assert json.loads(grey.to_json())["input"]["color"] == "grayscale"


def test_whole_numbers_serve_as_means():
    found = read_manifest(_changed("input.mean", [1, 2, 3]))
    assert found.input.normalization.mean == (1.0, 2.0, 3.0)


def test_fields_of_a_later_program_are_ignored():
    assert read_manifest(_changed("added_later", {"x": 1})) == MANIFEST


@pytest.mark.parametrize(
    "path",
    [
        "name",
        "input",
        "input.height",
        "input.width",
        "input.channels",
        "input.resize",
        "input.mean",
        "input.std",
        "output",
        "output.scores",
        "provenance",
        "sha256",
        "schema_version",
    ],
)
def test_a_missing_field_is_named(path):
    with pytest.raises(ModelFileError, match=f"edgeready.json has no '{path.split('.')[-1]}'") as caught:
        read_manifest(_changed(path, ...))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("name", 3, "'name' is 3 .* must be a str"),
        ("input", [], r"'input' is \[\] .* must be a dict"),
        ("input.height", "28", "'height' is '28' .* must be a int"),
        ("input.height", True, "'height' is True .* must be a int"),
        ("input.width", 28.0, "'width' is 28.0 .* must be a int"),
        ("input.mean", 0.0, "'mean' is 0.0 .* must be a list"),
        ("input.mean", ["0"], r"'mean' is \['0'\] .* list of numbers"),
        ("input.std", [False], r"'std' is \[False\] .* list of numbers"),
        ("sha256", {"golden.npz": 3}, "'golden.npz' is 3 .* must be a str"),
        ("schema_version", "1", "'schema_version' is '1' .* must be a int"),
    ],
)
def test_a_value_of_another_type_is_named_and_shown(path, value, message):
    with pytest.raises(ModelFileError, match=message):
        read_manifest(_changed(path, value))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("input.height", 0, "the input is 0x32 pixels: it needs at least 1x1"),
        ("input.width", -5, "the input is 28x-5 pixels"),
        ("input.channels", 4, r"the input has 4 channels: an image has 1 \(grey\) or 3 \(RGB\)"),
        ("input.resize", "squash", "the resize rule 'squash' is unknown: .* stretch, crop, letterbox"),
        ("input.channels", 1, "the normalization has 3 means for 1 channels"),
        ("input.std", [1, 1, 0], "standard deviation of 0"),
        ("input.std", [1, 1], "3 means and 2 deviations"),
        ("input.mean", [0, 0, 1e999], "the normalization holds inf"),
        ("input.mean", [0, 0, float("nan")], "the normalization holds nan"),
        ("input.mean", [0, 0, 10**400], "'mean' holds a number above 1e308"),
        ("output.scores", "votes", "the scores are 'votes': they are one of logits, probabilities"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(path, value, message):
    with pytest.raises(ModelFileError, match=message) as caught:
        read_manifest(_changed(path, value))
    assert caught.value.exit_code == 3


def test_a_newer_schema_asks_for_a_newer_program():
    with pytest.raises(ModelFileError, match="schema version 2, this program knows 1: install a newer"):
        read_manifest(_changed("schema_version", 2))


@pytest.mark.parametrize("text", ["", "{", b"\xff\xfe{}", "[" * 100_000])
def test_text_that_is_no_json_is_called_damaged(text):
    with pytest.raises(ModelFileError, match=r"edgeready\.json is no JSON .* damaged"):
        read_manifest(text)


@pytest.mark.parametrize("text", ["[]", "3", "null", '"x"'])
def test_json_that_is_no_object_is_refused(text):
    with pytest.raises(ModelFileError, match=r"'edgeready\.json' is .* must be a dict"):
        read_manifest(text)


def test_a_message_shows_no_more_than_a_line_of_a_long_value():
    with pytest.raises(ModelFileError) as caught:
        read_manifest(_changed("input.height", "x" * 10_000))
    assert len(str(caught.value)) < 150


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_subnormal=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
places = st.sampled_from(
    ["name", "input", "input.height", "input.channels", "input.mean", "input.std", "output", "sha256", "provenance"]
)


@given(places, json_values)
def test_any_value_anywhere_is_read_or_refused_with_our_error(path, value):
    text = _changed(path, value)
    try:
        found = read_manifest(text)
    except ModelFileError:
        return
    assert read_manifest(found.to_json()) == found


# -- what only some files need -----------------------------------------------------------------------------------


def test_order_layout_crop_and_output_are_written_where_they_are_not_the_usual_ones():
    frame = InputSpec(8, 8, 3, "crop", Normalization(), "bgr", "nchw", 0.875)
    manifest = Manifest("x", frame, "logits", output=2)
    text = json.loads(manifest.to_json())
    assert (text["input"]["color"], text["input"]["layout"], text["input"]["crop"]) == ("bgr", "nchw", 0.875)
    assert text["output"] == {"scores": "logits", "number": 2}
    assert read_manifest(manifest.to_json()) == manifest


def test_a_file_without_the_colour_order_is_rgb():
    assert read_manifest(_changed("input.color", ...)).input.color == "rgb"
    assert read_manifest(_changed("input.color", "grayscale")).input.color == "rgb"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("input.color", "grb", "the colour order 'grb' is unknown: it is one of rgb, bgr"),
        ("input.color", 3, "'color' is 3 .* must be a str"),
        ("input.layout", "hwc", "the layout 'hwc' is unknown: it is one of nhwc, nchw"),
        ("input.crop", 0, "the crop is 0: it is the share of each side"),
        ("input.crop", 1.5, r"the crop is 1\.5"),
        ("input.crop", "0.9", r"'crop' is '0\.9' .* must be a number"),
        ("input.crop", True, "'crop' is True .* must be a number"),
        ("output.number", -1, "the output is -1: outputs are counted from 0"),
        ("output.number", "1", "'number' is '1' .* must be a int"),
    ],
)
def test_what_cannot_be_meant_is_refused(path, value, message):
    with pytest.raises(ModelFileError, match=message):
        read_manifest(_changed(path, value))
