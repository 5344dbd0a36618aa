"""A representative data set: refused where it can give no range, told from noise, and reported on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from layer_pairs import CLASSES, SIZE, float_model, integer_model, weights
from PIL import Image

from edgeready.dataset import Dataset, Splits, load_splits
from edgeready.errors import DatasetError, ImageError
from edgeready.quantization.calibration import CalibrationReport, TensorCalibration, inspect_calibration
from edgeready.quantization.representative import (
    check_samples,
    load_representative,
    looks_like_noise,
    neighbour_correlation,
)
from edgeready.quantization.samples import Samples
from edgeready.report.build import calibration_lines
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.normalization import Normalization

NOISE = np.random.default_rng(0)
CLASS_NAMES = tuple("abc")
UNIT = Normalization((0.0,), (255.0,))


def smooth(count, seed):
    """Images whose neighbouring pixels are alike."""
    steps = np.random.default_rng(seed).normal(0, 1, (count, SIZE, SIZE)).cumsum(axis=1).cumsum(axis=2)
    low, high = steps.min(axis=(1, 2), keepdims=True), steps.max(axis=(1, 2), keepdims=True)
    return np.asarray(255 * (steps - low) / (high - low), np.uint8)


def dataset(images):
    return Dataset(
        name="made", images=images, labels=np.arange(len(images), dtype=np.int64) % CLASSES, classes=CLASS_NAMES
    )


def splits(calibration=None):
    calibration = smooth(60, 2) if calibration is None else calibration
    return Splits(train=dataset(smooth(90, 1)), calibration=dataset(calibration), test=dataset(smooth(30, 3)))


def inspected(frames, parts, conv_scale=0.02):
    kernel, dense = weights()
    integer = integer_model(kernel, dense, conv_scale=conv_scale)
    models = (TfliteModel(data, trusted=True) for data in (float_model(kernel, dense), integer))
    return inspect_calibration(frames, parts, *models, normalization=UNIT)


def of(*arrays):
    return Samples(tuple(np.asarray(array, np.float32) for array in arrays))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (of(np.zeros((0, 4, 4))), "no calibration samples"),
        (of([[[0.0, 1.0]], [[np.nan, 1.0]]]), "sample 1 holds nan"),
        (of([[[0.0, np.inf]]]), "sample 0 holds inf"),
        (
            of(np.full((5, 4, 4), 0.25)),
            r"the 5 calibration samples are constant \(0\.25 everywhere in input 0\)",
        ),
        (of(np.eye(4)[None], np.ones((1, 3))), "everywhere in input 1"),
    ],
)
def test_samples_that_show_no_range_are_refused(wrong, told):
    with pytest.raises(DatasetError, match=told):
        check_samples(wrong)


def test_an_input_of_one_number_may_be_constant():
    check_samples(of(np.eye(4)[None], np.ones((1, 1))))


@pytest.mark.digits
@pytest.mark.parametrize(
    "noise",
    [
        NOISE.integers(0, 256, (50, 28, 28), dtype=np.uint8),
        NOISE.integers(0, 256, (50, 32, 32, 3), dtype=np.uint8),
        NOISE.normal(128, 30, (50, 28, 28)).clip(0, 255).astype(np.uint8),
        (NOISE.integers(0, 2, (50, 28, 28)) * 255).astype(np.uint8),
    ],
    ids=["uniform", "colour", "normal", "two values"],
)
def test_noise_is_told_from_images(noise):
    digits = neighbour_correlation(load_splits("digits", seed=1).train.images[:100])
    assert abs(neighbour_correlation(noise)) < 0.1
    assert looks_like_noise(neighbour_correlation(noise), digits)
    assert not looks_like_noise(digits, digits)


def test_images_that_are_noise_by_nature_are_not_blamed():
    correlation = neighbour_correlation(NOISE.integers(0, 256, (50, 28, 28), dtype=np.uint8))
    assert not looks_like_noise(correlation, correlation)


def test_the_report_of_good_images_has_nothing_to_warn_of():
    parts = splits()
    report = inspected(parts.calibration.images, parts)
    assert (report.samples, report.distinct, report.leaked) == (60, 60, 0)
    assert report.classes == {"a": 20, "b": 20, "c": 20}
    assert report.others == 90
    assert len(report.tensors) == 5  # the input, convolution, pooling, reshape, dense
    assert report.warnings == ()
    assert calibration_lines(report)[0].startswith("60 images, 3 of 3 classes, two halves agree to ")


def test_a_range_that_is_too_narrow_is_seen_on_other_images():
    parts = splits()
    report = inspected(parts.calibration.images, parts, conv_scale=0.0002)
    assert report.most_clipped.clipped > 0.05
    name = report.most_clipped.name
    assert name in ("conv", "pool", "flatten")
    assert any(f"% of the values of {name!r}" in warning for warning in report.warnings)


def test_halves_that_differ_are_seen_in_the_ranges():
    parts = splits()
    frames = np.array(parts.calibration.images)
    frames[1::2] //= 4  # every other image is dark
    report = inspected(frames, parts)
    assert report.least_stable.stability == pytest.approx(0.25, abs=0.05)
    assert any("depends on which half" in warning for warning in report.warnings)


def test_noise_in_the_place_of_images_is_warned_of():
    noise = np.random.default_rng(4).integers(0, 256, (60, SIZE, SIZE), dtype=np.uint8)
    report = inspected(noise, splits())
    assert report.classes == {}
    assert any("look like noise" in warning for warning in report.warnings)


def test_images_of_the_test_set_are_found_by_their_pixels():
    parts = splits()
    mixed = np.concatenate([parts.test.images[:3], smooth(57, 8)])
    report = inspected(mixed, parts)
    assert report.leaked == 3
    assert any("3 calibration images are in the test set" in warning for warning in report.warnings)


def test_the_same_image_again_and_again_is_warned_of():
    report = inspected(np.repeat(smooth(1, 5), 60, axis=0), splits())
    assert report.distinct == 1
    assert any("only 1 of 60" in warning for warning in report.warnings)


def report(**changes):
    known = {
        "samples": 100,
        "distinct": 100,
        "leaked": 0,
        "classes": {"a": 50, "b": 50},
        "neighbours": 0.9,
        "training_neighbours": 0.9,
        "others": 100,
        "tensors": (TensorCalibration(name="conv", stability=0.95, clipped=0.0),),
    }
    return CalibrationReport(**{**known, **changes})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"classes": {"a": 100, "b": 0}}, "no calibration image of b"),
        ({"samples": 10, "distinct": 10}, "10 calibration images are few"),
        ({"tensors": (TensorCalibration(name="conv", stability=0.5, clipped=0.0),)}, "ratio 0.50"),
        ({"tensors": (TensorCalibration(name="conv", stability=0.9, clipped=0.02),)}, "2 % of the values of 'conv'"),
    ],
)
def test_each_thing_that_is_wrong_has_its_warning(changes, told):
    assert report().warnings == ()
    (warning,) = report(**changes).warnings
    assert told in warning


def test_images_of_a_npz_need_no_labels_and_come_in_an_order_of_the_seed(tmp_path):
    images = smooth(40, 6)
    np.savez(tmp_path / "some.npz", x=images)
    like = splits().train
    one, same, other = (load_representative(str(tmp_path / "some.npz"), like, seed, 10) for seed in (1, 1, 2))
    assert one.shape == (10, SIZE, SIZE)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert {image.tobytes() for image in one} <= {image.tobytes() for image in images}


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"x": np.full((3, SIZE, SIZE), np.nan)}, "hold NaN or infinity"),
        ({"x": np.zeros((3, SIZE, SIZE), np.float32)}, "are float32"),
        ({"x": np.zeros((0, SIZE, SIZE), np.uint8)}, "has 0 images"),
        ({"x": np.zeros((3, SIZE, SIZE + 1), np.uint8)}, r"uint8 \[8, 9\], the model's uint8 \[8, 8\]"),
        ({"labels": np.zeros(3, np.uint8)}, r"no array of images \(arrays: labels\)"),
    ],
)
def test_a_npz_that_holds_no_fitting_images_is_refused(tmp_path, arrays, told):
    np.savez(tmp_path / "wrong.npz", **arrays)
    with pytest.raises(DatasetError, match=told):
        load_representative(str(tmp_path / "wrong.npz"), splits().train, 1, None)


def test_a_npz_that_is_none_is_refused(tmp_path):
    (tmp_path / "text.npz").write_text("no arrays")
    with pytest.raises(DatasetError, match=r"text\.npz' cannot be read as \.npz"):
        load_representative(str(tmp_path / "text.npz"), splits().train, 1, None)


@pytest.fixture
def flat(tmp_path) -> Path:
    """A folder of 12 images without classes, and one that cannot be read."""
    for number, pixels in enumerate(smooth(12, 6)):
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    (tmp_path / "bad.png").write_bytes(b"no image")
    return tmp_path


def test_images_of_a_folder_need_no_classes(flat):
    images = {pixels.tobytes() for pixels in smooth(12, 6)}
    drawn = load_representative(str(flat), splits().train, 1, 20, skip_damaged=True)
    assert drawn.shape == (12, SIZE, SIZE)
    assert {image.tobytes() for image in drawn} == images
    (flat / "bad.png").unlink()
    assert load_representative(str(flat), splits().train, 1, 5).shape == (5, SIZE, SIZE)


def test_damaged_images_of_a_folder_without_classes_are_refused(flat):
    with pytest.raises(ImageError, match=r"bad\.png' .*; --skip-damaged goes on without it"):
        load_representative(str(flat), splits().train, 1, 20)
    for path in flat.glob("[0-9]*.png"):
        path.unlink()
    with pytest.raises(ImageError, match=r"bad\.png'"):
        load_representative(str(flat), splits().train, 1, 20, skip_damaged=True)
