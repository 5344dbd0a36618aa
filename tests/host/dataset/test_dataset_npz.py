import errno
import os

import numpy as np
import pytest

from edgeready.dataset import load_splits
from edgeready.dataset.npz import load_npz as load_parts
from edgeready.errors import DatasetError, NotFoundError, OutputError
from edgeready.files import stored_images
from edgeready.files.stored_images import StoredImages
from edgeready_device.image_sets import npz_file


def load_npz(path):
    """The training and the test images of a file."""
    parts = load_parts(path)
    return parts.train, parts.test


X = np.random.default_rng(0).integers(0, 256, (20, 4, 5), dtype=np.uint8)
Y = np.arange(20) % 2


@pytest.fixture
def saved(tmp_path):
    """Saves arrays as .npz and returns the path."""

    def save(name="set.npz", **arrays):
        path = tmp_path / name
        np.savez(path, **arrays)
        return path

    return save


def test_keras_layout_gives_training_and_official_test(saved):
    train, test = load_npz(saved(x_train=X[:15], y_train=Y[:15], x_test=X[15:], y_test=Y[15:]))
    assert (train.name, train.classes) == ("set", ("0", "1"))
    assert train.images.tolist() == X[:15].tolist()
    assert test.images.tolist() == X[15:].tolist()
    assert test.labels.tolist() == Y[15:].tolist()


@pytest.mark.parametrize("names", [("x", "y"), ("x_train", "y_train")])
def test_without_a_test_set_there_is_none(saved, names):
    train, test = load_npz(saved(**dict(zip(names, (X, Y), strict=True))))
    assert (len(train), test) == (20, None)


def test_load_splits_holds_a_test_set_out_of_a_file_without_one(saved):
    splits = load_splits(str(saved(x=X, y=Y)))
    assert {name: len(part) for name, part in splits.parts().items()} == {"train": 13, "calibration": 3, "test": 4}


@pytest.mark.parametrize("shape", [(20, 4, 5), (20, 4, 5, 1), (10, 5, 2, 3)])
def test_images_keep_the_rank_that_the_file_has(saved, shape):
    images = np.resize(X, shape)
    assert load_npz(saved(x=images, y=Y[: shape[0]]))[0].images.shape == shape


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, np.float32, np.float64])
def test_whole_numbers_of_another_dtype_become_uint8(saved, dtype):
    assert load_npz(saved(x=X.astype(dtype), y=Y))[0].images.tolist() == X.tolist()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_pixels_divided_by_255_come_back_exactly(saved, dtype):
    every = np.arange(256, dtype=np.uint8).reshape(16, 4, 4)
    train, _ = load_npz(saved(x=(every / 255).astype(dtype), y=Y[:16]))
    assert train.images.tolist() == every.tolist()


def test_a_dark_test_set_is_scaled_as_the_training_set_is(saved):
    dark = np.ones((4, 4, 5))
    _, test = load_npz(saved(x_train=X.astype(np.float64), y_train=Y, x_test=dark, y_test=Y[:4]))
    assert np.unique(test.images).tolist() == [1]


@pytest.mark.parametrize(
    "labels",
    [Y, Y.reshape(-1, 1), np.eye(2)[Y], np.eye(2, dtype=bool)[Y], Y.astype(np.uint8), Y.astype(np.float32)],
    ids=["(N,)", "(N, 1)", "one-hot float", "one-hot bool", "uint8", "whole floats"],
)
def test_labels_of_every_layout_become_the_same_integers(saved, labels):
    train, _ = load_npz(saved(x=X, y=labels))
    assert (train.labels.dtype, train.labels.tolist()) == (np.int64, Y.tolist())


@pytest.mark.parametrize("names", [["cat", "dog"], [b"cat", b"dog"]])
def test_class_names_come_from_the_file(saved, names):
    assert load_npz(saved(x=X, y=Y, classes=np.array(names)))[0].classes == ("cat", "dog")


@pytest.mark.parametrize(
    "names",
    [
        ("images", "labels"),
        ("data", "target"),
        ("X", "Y"),
        ("train_images", "train_labels"),
        ("images_train", "labels_train"),
        ("X_train", "Y_train"),
    ],
)
def test_arrays_have_any_of_the_usual_names(saved, names):
    train, test = load_npz(saved(**dict(zip(names, (X, Y), strict=True))))
    assert (train.images.tolist(), train.labels.tolist(), test) == (X.tolist(), Y.tolist(), None)


def test_validation_arrays_are_a_part_of_their_own(saved):
    """The names of MedMNIST."""
    arrays = {"train_images": X[:10], "val_images": X[10:14], "test_images": X[14:]}
    arrays |= {"train_labels": Y[:10, None], "val_labels": Y[10:14, None], "test_labels": Y[14:, None]}
    parts = load_parts(saved(**arrays))
    images = [part.images.tolist() for part in (parts.train, parts.validation, parts.test)]
    assert images == [X[:10].tolist(), X[10:14].tolist(), X[14:].tolist()]
    assert parts.validation.labels.tolist() == Y[10:14].tolist()


def test_validation_arrays_are_the_test_where_there_is_no_other(saved):
    splits = load_splits(str(saved(x_train=X[:14], y_train=Y[:14], x_val=X[14:], y_val=Y[14:])))
    assert (splits.test.images.tolist(), splits.validation) == (X[14:].tolist(), None)
    assert splits.notes == ("set has no test images: the 6 for validation are the test",)


def test_other_arrays_are_left_out_and_said(saved):
    path = saved(x=X, y=Y, ids=Y, notes=np.array(["a"]))
    assert load_parts(path).notes == (f"left out of {str(path)!r}: the arrays ids, notes",)


def test_text_labels_are_the_classes_in_the_order_of_the_letters(saved):
    train, _ = load_npz(saved(x=X, y=np.array(["dog", "cat"])[Y]))
    assert (train.classes, train.labels.tolist()) == (("cat", "dog"), (1 - Y).tolist())


@pytest.mark.parametrize("names", [["dog", "cat"], [b"dog", b"cat"]])
def test_text_labels_follow_the_classes_of_the_file(saved, names):
    train, _ = load_npz(saved(x=X, y=np.array(["dog", "cat"])[Y], classes=np.array(names)))
    assert (train.classes, train.labels.tolist()) == (("dog", "cat"), Y.tolist())


def test_text_labels_that_are_numbers_are_in_their_order(saved):
    train, _ = load_npz(saved(x=X, y=np.array([str(n) for n in range(20)])))
    assert train.classes == tuple(map(str, range(20)))
    assert train.labels.tolist() == list(range(20))


def test_a_class_that_only_the_test_has_is_in_the_text_labels_too(saved):
    arrays = {"x_train": X[:10], "y_train": np.array(["b", "c"])[Y[:10]], "x_test": X[10:12]}
    train, test = load_npz(saved(**arrays, y_test=np.array(["a", "c"])))
    assert (train.classes, test.labels.tolist()) == (("a", "b", "c"), [0, 2])


def test_labels_from_1_are_their_own_names(saved):
    path = saved(x=X, y=Y + 1)
    parts = load_parts(path)
    assert (parts.train.classes, parts.train.labels.tolist()) == (("1", "2"), Y.tolist())
    assert parts.notes == (f"y of {str(path)!r} counts the classes from 1",)


def test_labels_from_1_count_the_classes_of_the_file(saved):
    train, _ = load_npz(saved(x=X, y=Y + 1, class_names=np.array(["cat", "dog"])))
    assert (train.classes, train.labels.tolist()) == (("cat", "dog"), Y.tolist())


def test_a_part_without_class_0_is_not_counted_from_1(saved):
    train, test = load_npz(saved(x_train=X, y_train=Y, x_test=X[:3], y_test=np.array([1, 1, 1])))
    assert (train.labels.tolist(), test.labels.tolist()) == (Y.tolist(), [1, 1, 1])


def test_one_hot_rows_without_class_0_are_not_counted_from_1(saved):
    train, _ = load_npz(saved(x=X, y=np.eye(3)[Y + 1]))
    assert (train.classes, train.labels.tolist()) == (("0", "1", "2"), (Y + 1).tolist())


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_first_become_channels_last(saved, channels):
    last = np.random.default_rng(1).integers(0, 256, (20, 6, 7, channels), dtype=np.uint8)
    path = saved(x=np.moveaxis(last, 3, 1), y=Y)
    parts = load_parts(path)
    assert parts.train.images.tolist() == last.tolist()
    assert parts.notes == (f"x of {str(path)!r} has its channels first, shape (20, {channels}, 6, 7)",)


def test_opaque_rgba_is_rgb(saved):
    rgba = np.random.default_rng(1).integers(0, 256, (20, 6, 7, 4), dtype=np.uint8)
    rgba[..., 3] = 255
    parts = load_parts(saved(x=rgba, y=Y))
    assert (parts.train.images.tolist(), parts.notes) == (rgba[..., :3].tolist(), ())


def test_transparent_rgba_is_laid_on_white_as_a_png_is(saved):
    rgba = np.full((20, 6, 7, 4), 40, np.uint8)
    rgba[..., 3] = 0
    path = saved(x=rgba / 255, y=Y)
    parts = load_parts(path)
    assert np.unique(parts.train.images).tolist() == [255]
    assert parts.notes == (f"x of {str(path)!r} is transparent: it is laid on white",)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("images", [X, X / 255, np.asfortranarray(X)], ids=["bytes", "0..1", "Fortran order"])
def test_many_images_lie_in_a_file_and_are_the_same(tmp_path, monkeypatch, save, images):
    path = tmp_path / "set.npz"
    save(path, x_train=images[:14], y_train=Y[:14], x_test=images[14:], y_test=Y[14:])
    small = load_splits(str(path))
    monkeypatch.setattr(stored_images, "LARGE_BYTES", 1)
    monkeypatch.setattr(npz_file, "_BLOCK_BYTES", 60)
    counts = []
    large = load_splits(str(path), progress=lambda _, done, total: counts.append((done, total)))
    for name, part in large.parts().items():
        assert isinstance(part.images, StoredImages)
        assert np.array_equal(part.images, small.parts()[name].images)
        assert part.hashes() == small.parts()[name].hashes()
    assert counts[-1] == (20, 20)
    assert counts == sorted(counts)


def test_a_disk_without_space_for_the_images_is_said(saved, monkeypatch):
    def fill(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(stored_images, "LARGE_BYTES", 1)
    monkeypatch.setattr(stored_images, "take_space", fill)
    with pytest.raises(OutputError, match=r"takes no 0\.0 GB of pixels \(No space left on device\): set TMPDIR"):
        load_npz(saved(x=X, y=Y))


def test_a_class_that_only_the_test_set_has_is_refused_by_load_splits(saved):
    path = saved(x_train=X, y_train=Y, x_test=X[:3] ^ 1, y_test=np.array([0, 1, 2]))
    with pytest.raises(DatasetError, match="class '2' of 'set' has 0 images for training"):
        load_splits(str(path))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": X, "b": Y}, "has no images with labels but a, b: it takes x_train and y_train"),
        ({"x_test": X, "y_test": Y}, "has no images with labels but x_test, y_test: it takes x_train"),
        ({"x_train": X}, "has x_train alone, without the labels of train: it takes x_train and y_train"),
        ({"y_train": Y}, "has y_train alone, without the images of train"),
        ({"x_train": X, "y_train": Y, "x_test": X}, "has x_test alone, without the labels of test"),
        ({"x_train": X, "y_train": Y, "x_val": X}, "has x_val alone, without the labels of validation"),
        ({"x": X, "y": Y, "images": X}, "has x and images, both for the images of train: leave one of them"),
        ({"x": X, "y": Y, "x_train": X, "y_train": Y}, "has x and x_train, both for the images of train"),
        (
            {"x": X.reshape(20, 20), "y": Y},
            r"x of '.*' has the shape \(20, 20\), pixels in a row: reshape it to \(N, h",
        ),
        ({"x": X.reshape(20, 20)[:, :16], "y": Y}, r"pixels in a row: reshape it to \(N, 4, 4\)"),
        (
            {"x": np.zeros((20, 3, 9, 3), np.uint8), "y": Y},
            r"\(20, 3, 9, 3\), with channels first or last: store it as",
        ),
        ({"x": np.zeros((20, 2, 4, 5), np.uint8), "y": Y}, r"have the shape \(20, 2, 4, 5\): make it"),
        (
            {"x": X, "y": np.array([["a", "b"]] * 20)},
            r"y of '.*' has the shape \(20, 2\): make it \(N,\) or \(N, 1\)",
        ),
        ({"x": X, "y": np.array([b"\xff", b"a"] * 10)}, "y of '.*' holds bytes that are no ASCII"),
        (
            {"x": X, "y": np.array(["cat", "dog"])[Y], "classes": np.array(["cat", "emu"])},
            "y of '.*' holds the label 'dog', none of the classes: add it there",
        ),
        (
            {"x_train": X, "y_train": Y, "x_test": X, "y_test": np.array(["0", "1"])[Y]},
            "y_test of '.*' is text, and other labels are numbers: store both alike",
        ),
        (
            {"x_train": X, "y_train": np.eye(2)[Y], "x_test": X, "y_test": np.eye(3)[Y]},
            "the one-hot labels have 2, 3 classes: store them alike",
        ),
        ({"x": X[:, 0, 0], "y": Y}, r"x of .* has the shape \(20,\): make it \(N, height, width\)"),
        (
            {"x": X.astype(np.int32) * 2, "y": Y},
            r"x of '.*' holds values from \d+ to \d{3}: store the images as uint8",
        ),
        ({"x": X.astype(np.int32) - 1, "y": Y}, "x of '.*' holds values from -1 to"),
        ({"x": X.astype(np.float32) + 0.5, "y": Y}, "x of '.*' holds values from"),
        ({"x": X / 256 * 255, "y": Y}, r"float64\) holds values that are 0\.\d+ steps away from a whole pixel"),
        ({"x": X / 127.5 - 1, "y": Y}, "x of '.*' holds values from -1"),
        ({"x": np.where(X > 3, X.astype(float), np.nan), "y": Y}, "x of '.*' holds values from nan to nan"),
        ({"x": X.astype(np.complex64), "y": Y}, "x of '.*' is complex64: store the images as uint8"),
        (
            {"x_train": X / 255, "y_train": Y, "x_test": X * 1.0, "y_test": Y},
            "x_test of '.*' goes up to 255.0, the training images only to 1: store both alike",
        ),
        ({"x": X, "y": Y[:9]}, "'set' has 20 images and 9 labels"),
        ({"x": X, "y": Y - 1}, "has labels from -1 to 0 on 20 images: number the classes 0, 1, 2"),
        ({"x": X, "y": Y * 1000}, "has labels from 0 to 1000 on 20 images"),
        ({"x": X, "y": Y * 0}, r"'set' has the classes \('0',\): a classifier needs at least two"),
        ({"x": X, "y": Y + 0.5}, "y of '.*' holds 0.5, no whole number"),
        ({"x": X, "y": np.where(Y, np.nan, 0)}, "y of '.*' holds nan, no whole number"),
        ({"x": X, "y": np.ones((20, 2))}, r"y of '.*' row 0 is \[1.0, 1.0\], not one-hot: use a single 1 per row"),
        ({"x": X, "y": np.eye(2)[Y] * 2}, r"y of '.*' row 0 is \[2.0, 0.0\], not one-hot"),
        ({"x": X, "y": np.zeros((20, 2, 2))}, r"y of '.*' has the shape \(20, 2, 2\): make it \(N,\)"),
        ({"x": X, "y": np.zeros((20, 0))}, r"y of '.*' has the shape \(20, 0\)"),
        ({"x": X[:0], "y": Y[:0]}, r"y of '.*' has the shape \(0,\)"),
        ({"x": X, "y": np.array(["cat"] * 20)}, r"'set' has the classes \('cat',\): a classifier needs at least two"),
        (
            {"x": X, "y": Y.astype("M8[s]")},
            r"y of '.*' is datetime64\[s\]: store the labels as integers from 0, or as text",
        ),
        ({"x": X, "y": Y, "classes": np.array([1, 2])}, r"classes of '.*' is int64 of shape \(2,\)"),
        ({"x": X, "y": Y, "classes": np.array(["cat"])}, "a classifier needs at least two"),
        (
            {"x": X, "y": Y + 2, "classes": np.array(["a", "b"])},
            "label 2 of image 0 of 'set' is outside its 2 classes",
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_its_value(saved, arrays, message):
    with pytest.raises(DatasetError, match=message):
        load_npz(saved(**arrays))


def test_arrays_of_objects_are_refused_and_never_unpickled(saved, tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("sprung").touch, ())

    with pytest.raises(DatasetError, match=r"cannot be read as \.npz .*plain numbers only, no objects"):
        load_npz(saved(x=np.array([Trap()], dtype=object), y=Y))
    assert not (tmp_path / "sprung").exists()


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match=r"no file '.*gone\.npz'"):
        load_npz(tmp_path / "gone.npz")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_npz_is_named(tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(DatasetError, match=r"bad\.npz' cannot be read as \.npz"):
        load_npz(tmp_path / "bad.npz")


def test_a_truncated_npz_is_named(saved):
    path = saved(x=X, y=Y)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DatasetError, match=r"set\.npz' cannot be read as \.npz"):
        load_npz(path)


def test_a_single_npy_array_under_the_wrong_ending_is_named(tmp_path):
    with (tmp_path / "single.npz").open("wb") as file:
        np.save(file, X)
    with pytest.raises(DatasetError, match=r"is a single array: save it with numpy\.savez as x_train"):
        load_npz(tmp_path / "single.npz")
