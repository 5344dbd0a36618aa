"""The size of a folder's images where nobody gives one: 96x96, or that of a pretrained network for photos."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from edgeready.config.build import BuildConfig, DataConfig, NetworkConfig
from edgeready.config.networks import PRETRAINED_PACKAGE
from edgeready.dataset import load_splits
from edgeready.dataset.photo_files import are_photos
from edgeready.workflows import prepare

COLORED = np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)
GREY = np.repeat(COLORED[..., :1], 3, axis=2)


def save(folder, pictures):
    paths = []
    for number, pixels in enumerate(pictures):
        path = folder / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        paths.append(path)
    return tuple(paths)


@pytest.mark.parametrize(
    ("pictures", "answer"),
    [
        ([COLORED] * 4, True),
        ([COLORED[:112, :112]] * 3, True),
        ([COLORED[:111, :400]] * 3, False),
        ([COLORED[:300, :111]] * 3, False),
        ([COLORED, COLORED, COLORED[:50]], True),
        ([COLORED, COLORED[:50]], False),  # half of them
        ([GREY] * 3, False),
        ([GREY[..., 0]] * 3, False),
        ([GREY, GREY, COLORED], True),
    ],
)
def test_most_of_the_pictures_decide_and_a_colour(pictures, answer, tmp_path):
    assert are_photos(save(tmp_path, pictures), (224, 224)) is answer


def test_pictures_that_cannot_be_read_say_nothing(tmp_path):
    good, damaged, gone = save(tmp_path, [COLORED] * 3)
    damaged.write_bytes(b"no picture")
    gone.unlink()
    assert are_photos((good, damaged, gone), (224, 224))
    assert not are_photos((damaged, gone), (224, 224))
    assert not are_photos((), (224, 224))


def test_a_photo_lies_on_its_side_as_its_camera_says(tmp_path):
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by a quarter
    Image.fromarray(COLORED[:200]).save(path, exif=exif)
    assert are_photos((path,), (800, 400))
    assert not are_photos((path,), (400, 800))


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, (96, 96)),
        ({"photo_size": (224, 160)}, (224, 160)),
        ({"photo_size": (224, 160), "image_size": (32, 48)}, (32, 48)),
        ({"photo_size": (224, 160), "channels": 1}, (96, 96)),
        ({"photo_size": (601, 160)}, (96, 96)),
    ],
)
def test_the_users_size_goes_before_that_of_photos(options, size, tmp_path):
    save(tmp_path, [COLORED + np.uint8(number) for number in range(12)])
    splits = load_splits(str(tmp_path), **options)
    assert (splits.train.height, splits.train.width) == size


AUTO = BuildConfig(data=DataConfig(source="photos"), model="auto")


@pytest.mark.parametrize(
    ("model", "weights", "is_there", "answer"),
    [
        ("auto", None, True, True),
        ("auto", None, False, False),
        ("auto", "imagenet", False, True),  # which is refused later, with what to install
        ("efficientnet-lite0", "imagenet", True, True),
        ("efficientnet-lite0", None, True, False),
        ("efficientnet-lite0", "own.weights.h5", True, False),
        ("mobilenet-v2", "imagenet", True, False),
        ("small-resnet", None, True, False),
        ("net.keras", None, True, False),
    ],
)
def test_the_network_with_the_weights_of_the_extra_takes_photos(model, weights, is_there, answer, monkeypatch):
    monkeypatch.setattr(prepare, "find_spec", lambda name: name if is_there and name == PRETRAINED_PACKAGE else None)
    assert prepare._is_pretrained(replace(AUTO, model=model, network=NetworkConfig(weights=weights))) is answer
