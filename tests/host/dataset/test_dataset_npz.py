import numpy as np
import pytest

from edgeready.dataset import load_splits
from edgeready.dataset.npz import load_npz
from edgeready.errors import DatasetError, NotFoundError

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


def test_a_class_that_only_the_test_set_has_is_refused_by_load_splits(saved):
    path = saved(x_train=X, y_train=Y, x_test=X[:3] ^ 1, y_test=np.array([0, 1, 2]))
    with pytest.raises(DatasetError, match="class '2' of 'set' has 0 images for training"):
        load_splits(str(path))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": X, "labels": Y}, "has no array 'x' but images, labels: it takes x_train and y_train"),
        ({"x_train": X}, "has no array 'y_train' but x_train"),
        ({"y_train": Y}, "has no array 'x_train' but y_train"),
        ({"x_train": X, "y_train": Y, "x_test": X}, "has x_test alone: add the other of x_test and y_test"),
        ({"x": X[:, 0, 0], "y": Y}, r"images of 'set' have the shape \(20,\)"),
        ({"x": np.moveaxis(np.stack([X] * 3), 0, 1), "y": Y}, r"have the shape \(20, 3, 4, 5\): make it"),
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
        ({"x": X, "y": np.array(["cat"] * 20)}, "y of '.*' is <U3: store the labels as integers from 0"),
        ({"x": X, "y": Y, "classes": np.array([1, 2])}, r"classes of '.*' is int64 of shape \(2,\)"),
        ({"x": X, "y": Y, "classes": np.array(["cat"])}, "a classifier needs at least two"),
        (
            {"x": X, "y": Y + 1, "classes": np.array(["a", "b"])},
            "label 2 of image 1 of 'set' is outside its 2 classes",
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
