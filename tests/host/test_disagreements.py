"""The images on which two models disagree, as the documents hold them: counted, and the first of them as pictures."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image
from test_modes_report import report
from test_report import CLASSES, measured, part, result

from edgeready.dataset import Dataset
from edgeready.proof.disagreements import MOST_EXAMPLES, find_disagreements, picture_uri


def pixels_of(uri: str, kind: str) -> np.ndarray:
    head, _, text = uri.partition(",")
    assert head == f"data:image/{kind};base64"
    image = Image.open(io.BytesIO(base64.b64decode(text, validate=True)))
    assert image.format == kind.upper()
    return np.asarray(image)


def photos(height: int, width: int, channels: int | None = 3) -> Dataset:
    shape = (2, height, width) if channels is None else (2, height, width, channels)
    images = np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)
    return Dataset(name="photos", images=images, labels=np.array([0, 1]), classes=("a", "b"))


def test_a_build_names_the_images_that_quantization_changes():
    data = json.loads(json.dumps(result().to_dict()))
    assert data["network"] == "pets-cnn"
    found = data["disagreements"]
    [example] = found.pop("examples")
    assert found == {
        "mode": "uint8",
        "count": 1,
        "images": 6,
        "baseline_right": 1,
        "model_right": 0,
        "neither_right": 0,
    }
    assert np.array_equal(pixels_of(example.pop("picture"), "png"), part(3, 6).images[5])
    assert example == {"index": 5, "truth": CLASSES[2], "baseline": CLASSES[2], "model": CLASSES[1]}


def test_the_modes_have_the_disagreements_of_the_mode_whose_errors_are_looked_at():
    found = report().to_dict()["disagreements"]
    assert (found["mode"], found["count"], [each["index"] for each in found["examples"]]) == ("uint8", 2, [4, 5])


def test_at_most_twelve_pictures_are_kept_and_all_disagreements_counted():
    test = part(3, 60)
    right, wrong = [i % 3 for i in range(60)], [(i + 1) % 3 for i in range(60)]
    found = find_disagreements("int8", measured(right, 1).accuracy, measured(wrong, 1).accuracy, test).to_dict()
    assert (found["count"], found["baseline_right"], found["model_right"]) == (60, 60, 0)
    assert [each["index"] for each in found["examples"]] == list(range(MOST_EXAMPLES))
    same = find_disagreements("int8", measured(right, 1).accuracy, measured(right, 1).accuracy, test).to_dict()
    assert (same["count"], same["examples"]) == (0, [])


@pytest.mark.parametrize("channels", [None, 1, 3])
def test_a_small_picture_keeps_its_pixels(channels):
    data = photos(64, 40, channels)
    assert np.array_equal(pixels_of(picture_uri(data, 1), "png"), data.images[1].squeeze())


@pytest.mark.parametrize(("height", "width", "shape"), [(65, 20, (64, 20)), (100, 2000, (3, 64)), (1, 900, (1, 64))])
def test_a_large_picture_is_made_small_and_keeps_its_sides_ratio(height, width, shape):
    assert pixels_of(picture_uri(photos(height, width), 0), "jpeg").shape == (*shape, 3)
    assert pixels_of(picture_uri(photos(height, width, None), 0), "jpeg").shape == shape


def test_twelve_pictures_of_noise_which_no_format_makes_small_stay_within_a_hundred_kilobytes():
    assert 12 * len(picture_uri(photos(224, 224), 0)) < 100_000
