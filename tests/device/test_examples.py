from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from edgeready_device.errors import DatasetError, ImageError, NotFoundError
from edgeready_device.evaluation import load_examples
from edgeready_device.model_file.manifest import InputSpec

SPEC = InputSpec(2, 2, 1)
LABELS = ("left", "right", "both")
FRAMES = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)


@pytest.fixture
def npz(tmp_path):
    def make(**arrays):
        path = tmp_path / "data.npz"
        np.savez(path, **arrays)
        return path

    return make


@pytest.fixture
def folder(tmp_path):
    """A data set folder with a grey 2x2 PNG per name; its four pixels have the value."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")

    def make(**values: int):
        for name, value in values.items():
            place = tmp_path / "data" / name.replace("__", "/")
            place.parent.mkdir(parents=True, exist_ok=True)
            image.fromarray(np.full((2, 2), value, np.uint8)).save(f"{place}.png")
        return tmp_path / "data"

    return make


# -- .npz ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [("x_test", "y_test"), ("x", "y")])
def test_an_npz_has_frames_and_labels(npz, names):
    found = load_examples(npz(**dict(zip(names, (FRAMES, np.array([0, 2, 1]))))), SPEC, LABELS)
    assert found.frames[0:2].tolist() == FRAMES[:2].tolist()
    assert (found.truth.dtype, found.truth.tolist()) == (np.int64, [0, 2, 1])


def test_the_test_split_is_taken_where_there_is_one(npz):
    path = npz(x=FRAMES, y=np.zeros(3, int), x_test=FRAMES[:1], y_test=np.array([2]), x_train=FRAMES)
    assert load_examples(path, SPEC, LABELS).truth.tolist() == [2]


@pytest.mark.parametrize(
    "labels", [np.array([[1], [0], [2]], np.uint8), np.eye(3)[[1, 0, 2]], np.eye(3, dtype=bool)[[1, 0, 2]]]
)
def test_labels_may_be_a_column_or_one_hot(npz, labels):
    assert load_examples(npz(x=FRAMES, y=labels), SPEC, LABELS).truth.tolist() == [1, 0, 2]


def test_an_npz_without_its_arrays_is_refused_by_name(npz):
    with pytest.raises(DatasetError, match=r"no array .*y.*: it must hold x_test and y_test, or x and y") as caught:
        load_examples(npz(x=FRAMES), SPEC, LABELS)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("frames", "shown"),
    [
        (FRAMES.astype(np.float32), r"float32 \[3, 2, 2\]"),
        (FRAMES.reshape(3, 4), r"uint8 \[3, 4\]"),
        (FRAMES.reshape(3, 2, 2, 1, 1), r"uint8 \[3, 2, 2, 1, 1\]"),
    ],
)
def test_frames_that_are_no_pixels_are_refused(npz, frames, shown):
    with pytest.raises(DatasetError, match=f"the frames are {shown}: give uint8"):
        load_examples(npz(x=frames, y=np.zeros(3, int)), SPEC, LABELS)


def test_labels_that_are_no_classes_are_refused(npz):
    with pytest.raises(DatasetError, match="the labels are float64: give class numbers from 0"):
        load_examples(npz(x=FRAMES, y=np.array([0.0, 1.0, 2.0])), SPEC, LABELS)


def test_nothing_is_unpickled(npz):
    with pytest.raises(DatasetError, match=r"no readable \.npz .*allow_pickle"):
        load_examples(npz(x=FRAMES, y=np.array([print] * 3, dtype=object)), SPEC, LABELS)


def _npy() -> bytes:
    target = io.BytesIO()
    np.save(target, FRAMES)
    return target.getvalue()


@pytest.mark.parametrize("data", [b"", b"text", b"PK\x03\x04", _npy()], ids=["empty", "text", "zip head", "npy"])
def test_a_file_that_is_no_npz_is_refused(tmp_path, data):
    path = tmp_path / "data.npz"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=r"data\.npz: no readable \.npz") as caught:
        load_examples(path, SPEC, LABELS)
    assert caught.value.exit_code == 3


def test_one_changed_byte_of_an_npz_is_our_error_or_harmless(tmp_path):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, x=FRAMES, y=np.array([0, 1, 2]))
    data = path.read_bytes()
    generator = np.random.default_rng(2)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= int(generator.integers(1, 256))
        path.write_bytes(bytes(changed))
        with contextlib.suppress(DatasetError):
            load_examples(path, SPEC, LABELS)


def test_another_kind_of_file_is_refused(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("0,1")
    with pytest.raises(DatasetError, match=r"data\.csv: give a \.npz in Keras layout or a folder"):
        load_examples(path, SPEC, LABELS)


def test_what_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="no such file or folder") as caught:
        load_examples(tmp_path / "none", SPEC, LABELS)
    assert caught.value.exit_code == 4


# -- folders ---------------------------------------------------------------------------------------------------


def test_a_folder_has_a_subfolder_per_label(folder):
    found = load_examples(folder(right__b=5, right__a=4, left__x=3, both__y=2), SPEC, LABELS)
    assert found.truth.tolist() == [2, 0, 1, 1]  # folders by name, files by name
    assert len(found.frames) == 4
    assert found.frames[0:4].reshape(4, 4).tolist() == [[2] * 4, [3] * 4, [4] * 4, [5] * 4]


def test_the_test_subfolder_is_taken_where_there_is_one(folder):
    found = load_examples(folder(test__right__a=4, train__left__b=1), SPEC, LABELS)
    assert found.truth.tolist() == [1]


def test_images_are_read_as_the_model_wants_them(folder):
    found = load_examples(folder(left__a=7), InputSpec(4, 3, 3), LABELS)
    assert found.frames[0:1].shape == (1, 4, 3, 3)
    assert set(found.frames[0:1].reshape(-1).tolist()) == {7}


def test_images_are_read_when_they_are_asked_for(folder):
    place = folder(left__a=7, right__b=1)
    (place / "right" / "b.png").write_bytes(b"no image")
    found = load_examples(place, SPEC, LABELS)
    assert found.frames[0:1].reshape(-1).tolist() == [7] * 4
    with pytest.raises(ImageError, match=r"b\.png"):
        found.frames[0:2]


def test_hidden_folders_and_loose_files_are_left_out(folder):
    place = folder(left__a=7, **{".cache__x": 1, "loose": 2})
    (place / "left" / "notes.txt").write_text("x")
    assert load_examples(place, SPEC, LABELS).truth.tolist() == [0]


def test_a_folder_that_is_no_label_is_refused_by_name(folder):
    with pytest.raises(DatasetError, match="the model has no label 'up'; its labels are left, right, both"):
        load_examples(folder(left__a=7, up__b=1), SPEC, LABELS)


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "left").mkdir()
    with pytest.raises(DatasetError, match="no images in subfolders"):
        load_examples(tmp_path, SPEC, LABELS)


def test_links_that_lead_out_of_the_folder_are_followed_where_they_are_asked_for_only(folder, tmp_path):
    place = folder(left__a=1, right__b=2)
    (tmp_path / "elsewhere").mkdir()
    for target in (tmp_path / "elsewhere" / "c.png", tmp_path / "c.png"):
        target.write_bytes((place / "left" / "a.png").read_bytes())
    (place / "left" / "out.png").symlink_to(tmp_path / "c.png")
    (place / "left" / "in.png").symlink_to(place / "right" / "b.png")
    (place / "both").symlink_to(tmp_path / "elsewhere")
    assert load_examples(place, SPEC, LABELS).truth.tolist() == [0, 0, 1]
    assert sorted(load_examples(place, SPEC, LABELS, follow_links=True).truth.tolist()) == [0, 0, 0, 1, 2]


def test_a_folder_of_links_that_lead_out_says_what_would_follow_them(folder, tmp_path):
    outside = folder(left__a=1)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "left").symlink_to(outside / "left")
    with pytest.raises(DatasetError, match="need --follow-links"):
        load_examples(tmp_path / "links", SPEC, LABELS)
