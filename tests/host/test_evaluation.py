"""Accuracy of a file on the test part of a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tflite_models import O, T, conv_classifier, tflite

from edgeready.dataset import load_splits
from edgeready.errors import DatasetError, ImageError, ModelFileError, NotFoundError, UsageError
from edgeready.model_file.writer import package
from edgeready.workflows.evaluate import evaluate_file, recorded_seed
from edgeready_device.evaluation import load_examples
from edgeready_device.images.frames import fit_frame
from edgeready_device.model import Model
from edgeready_device.model_file.contract import Description
from edgeready_device.model_file.manifest import InputSpec, Manifest
from edgeready_device.model_file.reader import read_model_file


def model_file(folder: Path, labels: tuple[str, ...] | None = ("0", "1", "2")) -> Path:
    path = folder / "model.tflite"
    bare = conv_classifier()
    manifest = Manifest("net", InputSpec(8, 8, 1), "probabilities")
    path.write_bytes(bare if labels is None else package(bare, manifest, labels, "1"))
    return path


@pytest.fixture
def arrays(tmp_path) -> Path:
    noise = np.random.default_rng(4)
    path = tmp_path / "noise.npz"
    images = noise.integers(0, 256, (200, 8, 8), dtype=np.uint8)
    np.savez(path, x=images, y=np.arange(200) % 3)
    return path


@pytest.fixture
def photos(tmp_path) -> Path:
    noise = np.random.default_rng(5)
    for label in "012":
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(8):
            pixels = noise.integers(0, 256, (20, 30, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{number}.png")
    return tmp_path / "photos"


def test_the_test_part_and_nothing_else_is_evaluated_with_the_models_own_answers(tmp_path, arrays):
    path = model_file(tmp_path)
    evaluation = evaluate_file(path, str(arrays), seed=3)
    report = evaluation.report
    test = load_splits(str(arrays), seed=3).test
    assert np.array_equal(report.truth, test.labels)
    assert np.array_equal(report.outputs, Model.load(path).invoke_many(test.images))
    assert evaluation.runtime == Model.load(path).runtime


def test_the_seed_chooses_the_test_part(tmp_path, arrays):
    path = model_file(tmp_path)
    one, two, again = (evaluate_file(path, str(arrays), seed=seed).report.outputs for seed in (1, 2, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, two)


def test_a_folder_is_read_in_the_size_and_colour_of_the_model(tmp_path, photos):
    path = model_file(tmp_path)
    report = evaluate_file(path, str(photos), seed=1).report
    test = load_splits(str(photos), seed=1, image_size=(8, 8), channels=1).test
    assert np.array_equal(report.outputs, Model.load(path).invoke_many(test.images))


def test_the_name_of_a_set_goes_before_a_folder_of_that_name(tmp_path, photos, monkeypatch):
    photos.rename(tmp_path / "digits")
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("sklearn")
    with pytest.raises(DatasetError, match="digits has 10 classes"):
        evaluate_file(model_file(tmp_path), "digits", seed=1)


def test_progress_tells_both_stages(tmp_path, photos):
    stages = []
    evaluate_file(model_file(tmp_path), str(photos), seed=1, progress=lambda *message: stages.append(message))
    assert ("reading images", 24, 24) in stages
    assert stages[-1][0] == "testing"
    assert stages[-1][1] == stages[-1][2]


def test_labels_in_another_order_are_matched_by_name(tmp_path, arrays):
    path = model_file(tmp_path, ("2", "1", "0"))
    evaluation = evaluate_file(path, str(arrays), seed=1)
    test = load_splits(str(arrays), seed=1).test
    assert np.array_equal(evaluation.report.truth, 2 - test.labels)
    assert evaluation.data_notes == (f"the classes have the names and the order of {path}",)


def test_labels_of_other_names_are_refused_with_both_named(tmp_path, arrays):
    path = model_file(tmp_path, ("0", "1", "x"))
    with pytest.raises(DatasetError) as caught:
        evaluate_file(path, str(arrays), seed=1)
    assert str(caught.value) == (
        f"{path} has 3 labels (0, 1, x), {str(arrays)!r} has 3 classes (0, 1, 2), and x of the labels has no images, "
        "2 of the data has no label: give the data that it was made for"
    )


def test_damaged_images_are_left_out_where_that_is_asked_for(tmp_path, photos):
    (photos / "1" / "bad.png").write_bytes(b"no image")
    path = model_file(tmp_path)
    with pytest.raises(ImageError, match=r"bad\.png' .*; --skip-damaged goes on without it"):
        evaluate_file(path, str(photos), seed=1)
    evaluation = evaluate_file(path, str(photos), seed=1, skip_damaged=True)
    assert evaluation.data_notes[0].startswith("left out: 1 of 25 images cannot be used: ")


def test_test_images_from_elsewhere_are_those_that_are_measured(tmp_path, arrays, photos):
    evaluation = evaluate_file(model_file(tmp_path), str(arrays), test=str(photos))
    assert evaluation.top1.count == 24
    assert evaluation.data_notes == (f"the test has 24 images of {str(photos)!r}",)


def test_another_number_of_classes_is_refused(tmp_path):
    np.savez(
        tmp_path / "two.npz", x=np.random.default_rng(1).integers(0, 9, (40, 8, 8), np.uint8), y=np.arange(40) % 2
    )
    with pytest.raises(DatasetError, match=r"has 3 labels .*, two has 2 classes \(0, 1, \.\.\.\)"):
        evaluate_file(model_file(tmp_path), str(tmp_path / "two.npz"), seed=1)


def test_a_bare_file_without_labels_takes_any_data_with_as_many_classes(tmp_path, arrays):
    report = evaluate_file(model_file(tmp_path, None), str(arrays), seed=1).report
    assert report.labels == ("0", "1", "2")


def test_images_of_another_size_are_resized_as_the_board_does(tmp_path):
    path, model = tmp_path / "large.npz", model_file(tmp_path)
    images = np.random.default_rng(1).integers(0, 256, (60, 9, 9), np.uint8)
    np.savez(path, x_train=images[20:], y_train=np.arange(40) % 3, x_test=images[:20], y_test=np.arange(20) % 3)
    evaluation = evaluate_file(model, str(path), seed=1)
    opened = Model.load(model)
    examples = load_examples(path, opened.contract.frame, opened.labels)
    frames = np.stack([fit_frame(image, opened.contract.frame) for image in images[:20]])
    assert np.array_equal(examples.frames[0:20], frames)
    assert np.array_equal(evaluation.report.outputs, opened.invoke_many(frames))
    assert evaluation.data_notes == ("the images of large are 9x9x1: they are brought to the model's 8x8x1",)
    assert examples.notes == (f"the images of {path} are 9x9x1: they are brought to the model's 8x8x1",)


def test_a_missing_file_and_missing_data_are_not_found(tmp_path, arrays):
    with pytest.raises(NotFoundError, match=r"none\.tflite: no such file"):
        evaluate_file(tmp_path / "none.tflite", str(arrays), seed=1)
    with pytest.raises(NotFoundError, match="no data set or path"):
        evaluate_file(model_file(tmp_path), str(tmp_path / "none.npz"), seed=1)


def test_a_damaged_file_is_an_error_of_the_file(tmp_path, arrays):
    path = model_file(tmp_path)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(ModelFileError, match=str(path)):
        evaluate_file(path, str(arrays), seed=1)


@pytest.mark.parametrize(
    ("data", "expected"),
    [({"name": "digits", "seed": 7}, 7), ({"name": "digits"}, 1), ("digits", 1), ({"seed": "7"}, 1)],
)
def test_the_split_is_the_one_that_the_file_was_made_with(tmp_path, data, expected):
    manifest = Manifest("net", InputSpec(8, 8, 1), "probabilities", {"data": data})
    path = tmp_path / "model.tflite"
    path.write_bytes(package(conv_classifier(), manifest, ("0", "1", "2"), "1"))
    assert recorded_seed(read_model_file(path)) == expected


def test_a_bare_file_is_tested_on_the_default_split(tmp_path):
    assert recorded_seed(read_model_file(model_file(tmp_path, labels=None))) == 1


# -- a file that is described by the caller --------------------------------------------------------------------------


def float_file(folder: Path) -> Path:
    """A float classifier of 8x8 pixels, whose 64 scores are its pixels, of which nothing else is known."""
    tensors = [T("image", (1, 8, 8, 1), "float32"), T("row", data=np.array([1, 64], np.int32))]
    tensors.append(T("scores", (1, 64), "float32"))
    ops = [O("RESHAPE", ["image", "row"], ["scores"])]
    path = folder / "float.tflite"
    path.write_bytes(tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"]))
    return path


def test_a_float_file_is_measured_once_its_normalization_is_said(tmp_path, arrays, run_here):
    path = float_file(tmp_path)
    images = np.load(arrays)["x"]
    np.savez(arrays, x=images, y=np.arange(200) % 64)
    with pytest.raises(ModelFileError, match="does not state the normalization of its float32 input"):
        evaluate_file(path, str(arrays))
    report = evaluate_file(path, str(arrays), Description(preset="raw"), seed=1).report
    test = load_splits(str(arrays), seed=1).test
    assert np.array_equal(report.outputs, test.images.reshape(-1, 64).astype(np.float32))
    code, out, err = run_here("evaluate", path, "--data", arrays, "--mean", "0", "--std", "1")
    assert (code, err) == (0, "")
    assert "seen before  cannot be known" in out
    code, out, err = run_here("evaluate", path, "--data", arrays)
    assert (code, out) == (3, "")
    assert "--mean 127.5 --std 127.5" in err


def test_images_that_must_be_cropped_are_measured_on_the_board(tmp_path, photos):
    path = model_file(tmp_path)
    with pytest.raises(
        UsageError, match="edgeready stretches the images of a folder: measure it with edgeready-device"
    ):
        evaluate_file(path, str(photos), Description(resize="crop"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--preset", "imagenet"), "the preset is 'imagenet': choose raw"),
        (("--mean", "x"), "--mean is 'x': write 127.5"),
        (("--color", "grb"), "the colour order is 'grb'"),
        (("--output", "-1"), "the output is -1"),
    ],
)
def test_a_description_that_cannot_be_meant_is_a_usage_error(tmp_path, arrays, run_here, options, message):
    code, out, err = run_here("evaluate", model_file(tmp_path), "--data", arrays, *options)
    assert (code, out) == (2, "")
    assert message in err
