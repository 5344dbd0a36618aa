from __future__ import annotations

import contextlib
import io
import sys

import numpy as np
import pytest

from edgeready_device.errors import DatasetError, ImageError, NotFoundError, RuntimeUnavailableError
from edgeready_device.evaluation import EvaluationReport, leave_out, load_examples
from edgeready_device.images.frames import fit_frame
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
    with pytest.raises(
        DatasetError, match="has x alone, without the labels of train: it takes x_train and y_train"
    ) as caught:
        load_examples(npz(x=FRAMES), SPEC, LABELS)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (FRAMES / 7, "holds values that are 0.43 steps away from a whole pixel"),
        (FRAMES - 20.0, "holds values from -20.0 to -9.0: store the images as uint8, 0 to 255"),
        (FRAMES.reshape(3, 4), r"has the shape \(3, 4\), pixels in a row: reshape it to \(N, 2, 2\)"),
        (FRAMES.reshape(3, 2, 2, 1, 1), r"has the shape \(3, 2, 2, 1, 1\): make it \(N, height, width\)"),
    ],
)
def test_frames_that_are_no_pixels_are_refused(npz, frames, said):
    with pytest.raises(DatasetError, match=f"x of .*{said}"):
        load_examples(npz(x=frames, y=np.zeros(3, int)), SPEC, LABELS)


def test_labels_that_are_no_classes_are_refused(npz):
    with pytest.raises(DatasetError, match=r"y of .* holds 0\.5, no whole number: store integers from 0"):
        load_examples(npz(x=FRAMES, y=np.array([0.0, 0.5, 2.0])), SPEC, LABELS)


@pytest.mark.parametrize(
    ("arrays", "truth"),
    [
        ({"images": FRAMES, "labels": [0, 2, 1]}, [0, 2, 1]),
        ({"test_images": FRAMES / 255, "test_labels": [1, 3, 2]}, [0, 2, 1]),
        ({"x_val": FRAMES, "y_val": [2, 2, 2], "x_train": FRAMES, "y_train": [0, 1, 2]}, [2, 2, 2]),
        ({"x_train": FRAMES, "y_train": [0, 1, 2]}, [0, 1, 2]),
        ({"data": FRAMES.astype(np.int64), "target": ["both", "Left", "RIGHT"]}, [2, 0, 1]),
        ({"x": FRAMES, "y": [0, 1, 0], "classes": ["right", "left"]}, [1, 0, 1]),
        ({"x_test": FRAMES, "y_test": [0, 1, 2], "x_train": FRAMES, "x": FRAMES}, [0, 1, 2]),
    ],
)
def test_an_npz_is_read_by_the_names_that_training_reads(npz, arrays, truth):
    examples = load_examples(npz(**arrays), SPEC, LABELS)
    assert examples.truth.tolist() == truth
    assert examples.frames[0:3].reshape(3, 4).tolist() == FRAMES.reshape(3, 4).tolist()


def test_only_the_arrays_of_the_test_are_read(npz):
    path = npz(x_test=FRAMES, y_test=[0, 1, 2], x_train=np.array([print], dtype=object), y_train=[0])
    assert load_examples(path, SPEC, LABELS).truth.tolist() == [0, 1, 2]


def test_numbers_are_names_where_the_labels_of_the_model_are_numbers_in_another_order(npz):
    assert load_examples(npz(x=FRAMES, y=[0, 1, 2]), SPEC, ("2", "0", "1")).truth.tolist() == [1, 2, 0]


def test_images_of_another_size_and_other_channels_are_brought_to_the_models(npz):
    pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    large = np.random.default_rng(1).integers(0, 256, (3, 5, 4), dtype=np.uint8)
    path, spec = npz(x=large, y=[0, 1, 2]), InputSpec(2, 2, 3, resize="crop")
    examples = load_examples(path, spec, LABELS)
    assert examples.frames[0:3].tolist() == [fit_frame(image, spec).tolist() for image in large]
    assert examples.notes == (f"the images of {path} are 5x4x1: they are brought to the model's 2x2x3",)


def test_another_size_without_pillow_is_refused_and_other_channels_are_not(npz, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    path = npz(x=FRAMES, y=[0, 1, 2])
    assert load_examples(path, InputSpec(2, 2, 3), LABELS).frames[0:3].shape == (3, 2, 2, 3)
    with pytest.raises(
        RuntimeUnavailableError, match=r"data\.npz are 2x2 pixels, the model takes 4x2, and Pillow"
    ) as caught:
        load_examples(path, InputSpec(4, 2, 1), LABELS)
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("size", [(2, 2), (4, 3)])
def test_many_images_are_unpacked_when_they_are_asked_for(npz, monkeypatch, size):
    pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    spec = InputSpec(*size, 1)
    path = npz(x=FRAMES, y=[0, 1, 2])
    held = load_examples(path, spec, LABELS)
    monkeypatch.setattr("edgeready_device.evaluation._MOST_HELD_BYTES", 11)
    monkeypatch.setattr("edgeready_device.image_sets.npz_file._BLOCK_BYTES", 4)
    stream = load_examples(path, spec, LABELS)
    assert not isinstance(stream.frames, np.ndarray)
    assert len(stream.frames) == 3
    assert [stream.frames[place].tolist() for place in (slice(1, 3), slice(0, 2))] == [
        held.frames[1:3].tolist(),
        held.frames[0:2].tolist(),
    ]


def test_images_without_pixels_are_refused(npz):
    with pytest.raises(DatasetError, match=r"images of .*data\.npz have the shape \(3, 0, 2\): make it"):
        load_examples(npz(x=FRAMES[:, :0], y=[0, 1, 2]), SPEC, LABELS)


def test_a_class_of_an_npz_that_is_no_label_is_refused(npz):
    with pytest.raises(DatasetError, match="the model has no label 'up'; its labels are left, right, both"):
        load_examples(npz(x=FRAMES, y=["left", "up", "left"]), SPEC, LABELS)


def test_nothing_is_unpickled(npz):
    with pytest.raises(DatasetError, match=r"cannot be read as \.npz \(Object arrays cannot be lo"):
        load_examples(npz(x=FRAMES, y=np.array([print] * 3, dtype=object)), SPEC, LABELS)


def _npy() -> bytes:
    target = io.BytesIO()
    np.save(target, FRAMES)
    return target.getvalue()


@pytest.mark.parametrize("data", [b"", b"text", b"PK\x03\x04", _npy()], ids=["empty", "text", "zip head", "npy"])
def test_a_file_that_is_no_npz_is_refused(tmp_path, data):
    path = tmp_path / "data.npz"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=r"data\.npz' (cannot be read as \.npz|is a single array)") as caught:
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
    with pytest.raises(DatasetError, match=r"data\.csv: give a \.npz of images and labels or a folder"):
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
    with pytest.raises(ImageError, match=r"b\.png' is not an image .*; --skip-damaged goes on without it"):
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
    with pytest.raises(DatasetError, match=r"left' has no \.jpg .* image: add some or remove it"):
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


@pytest.mark.parametrize(
    ("names", "truth"),
    [
        (("Testing__left__a", "Training__right__b"), [0]),
        (("seg_train__seg_train__left__a", "seg_test__seg_test__both__b"), [2]),
        (("val__right__a", "train__left__b"), [1]),
        (("train__left__a", "train__right__b"), [0, 1]),
        (("images__left__a", "images__right__b"), [0, 1]),
        (("left__a", "right__deeper__b"), [0, 1]),
        (("Left__a", "RIGHT__b"), [0, 1]),
        (("test__left__a",), [0]),
    ],
)
def test_a_folder_is_read_in_the_layouts_that_training_reads(folder, names, truth):
    assert load_examples(folder(**dict.fromkeys(names, 3)), SPEC, LABELS).truth.tolist() == truth


@pytest.mark.parametrize(
    ("table", "truth"),
    [
        ("filename,label\na.png,left\nb.png,both\n", [0, 2]),
        ("id,class\na,left\nb,both\n", [0, 2]),
        ("image,label,split\na.png,left,train\nb.png,both,test\n", [2]),
        ("image,label,split\na.png,left,val\nb.png,both,train\n", [0]),
        ("image,label,split\na.png,left,test\nb.png,both,test\n", [0, 2]),
    ],
)
def test_images_with_a_table_of_labels_are_read(folder, table, truth):
    place = folder(a=1, b=2)
    (place / "labels.csv").write_text(table)
    assert load_examples(place, SPEC, LABELS).truth.tolist() == truth


def test_what_was_left_out_and_called_otherwise_is_said(folder):
    place = folder(Left__a=1, right__b=2, right__more__c=3)
    (place / "right" / "notes.txt").write_text("x")
    assert load_examples(place, SPEC, LABELS).notes == (
        f"1 images in subfolders of {str(place / 'right')!r} count as 'right'",
        f"left out of {str(place)!r}: 1 .txt",
        f"{place}: 'Left' is 'left'",
    )


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a", "b"), "needs a subfolder of images for each class and has none, and 2 images beside it"),
        (("x__left__a", "y__right__b", "x__right__c"), "lie two folders down"),
        (("test__left__a", "testing__left__b"), "has both 'test' and 'testing': leave one folder for test"),
        (("left__right__a", "right__b"), "is called like the class 'right' and lies in 'left'"),
    ],
)
def test_another_layout_is_refused_with_what_was_seen(folder, names, said):
    with pytest.raises(DatasetError, match=said):
        load_examples(folder(**dict.fromkeys(names, 3)), SPEC, LABELS)


def test_damaged_images_are_left_out_where_that_is_asked_for(folder):
    place = folder(left__a=7, left__c=9, right__b=1)
    (place / "left" / "a.png").write_bytes(b"no image")
    examples = load_examples(place, SPEC, LABELS, skip_damaged=True)
    report = EvaluationReport(LABELS, examples.truth, examples.frames[0:3].reshape(3, 4)[:, :3])
    rest, note = leave_out(report, examples)
    assert (rest.truth.tolist(), rest.outputs.tolist()) == ([0, 1], [[9] * 3, [1] * 3])
    assert note.startswith(
        f"left out: 1 of 3 images cannot be used: {str(place / 'left' / 'a.png')!r} is not an image"
    )


def test_a_set_of_damaged_images_alone_is_refused(folder):
    place = folder(left__a=7)
    (place / "left" / "a.png").write_bytes(b"no image")
    examples = load_examples(place, SPEC, LABELS, skip_damaged=True)
    report = EvaluationReport(LABELS, examples.truth, examples.frames[0:1].reshape(1, 4)[:, :3])
    with pytest.raises(DatasetError, match="1 of 1 images cannot be used"):
        leave_out(report, examples)
