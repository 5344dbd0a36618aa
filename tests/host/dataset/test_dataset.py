import numpy as np
import pytest

from edgeready.dataset import Dataset, Splits
from edgeready.errors import DatasetError

LABELS = np.array([0, 1, 1], dtype=np.int64)


def grey(count=3):
    return np.arange(count * 4, dtype=np.uint8).reshape(count, 2, 2)


def test_a_grey_set_knows_its_size_and_shape():
    data = Dataset(name="tiny", images=grey(), labels=LABELS, classes=("cat", "dog"))
    assert (len(data), data.height, data.width, data.channels) == (3, 2, 2, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_set_with_a_channel_axis_keeps_it(channels):
    data = Dataset(name="tiny", images=np.zeros((3, 2, 5, channels), np.uint8), labels=LABELS, classes=("cat", "dog"))
    assert (data.images.shape, data.height, data.width, data.channels) == ((3, 2, 5, channels), 2, 5, channels)


def test_classes_are_counted_in_their_order_and_empty_ones_too():
    data = Dataset(name="tiny", images=grey(), labels=LABELS, classes=("cat", "dog", "emu"))
    assert list(data.class_counts().items()) == [("cat", 1), ("dog", 2), ("emu", 0)]
    assert data.majority_share() == 2 / 3


def test_take_keeps_the_order_asked_for():
    data = Dataset(name="tiny", images=grey(), labels=LABELS, classes=("cat", "dog")).take([2, 0])
    assert data.images.tolist() == grey()[[2, 0]].tolist()
    assert data.labels.tolist() == [1, 0]


def test_equal_images_have_equal_hashes_and_others_do_not():
    images = grey()
    images[2] = images[0]
    first, second, third = Dataset(name="tiny", images=images, labels=LABELS, classes=("cat", "dog")).hashes()
    assert (first == third, first == second, len(first)) == (True, False, 16)


def test_hashes_do_not_depend_on_how_the_array_lies_in_memory():
    images = np.arange(36, dtype=np.uint8).reshape(3, 3, 4)
    apart = np.asfortranarray(images)
    assert (
        Dataset(name="a", images=apart, labels=LABELS, classes=("c", "d")).hashes()
        == Dataset(name="b", images=images, labels=LABELS, classes=("c", "d")).hashes()
    )


def test_rows_of_pixels_with_gaps_between_them_are_hashed_too():
    wide = np.arange(24, dtype=np.uint8).reshape(3, 1, 8)
    apart, close = wide[..., ::2], wide[..., ::2].copy()
    assert (
        Dataset(name="a", images=apart, labels=LABELS, classes=("c", "d")).hashes()
        == Dataset(name="b", images=close, labels=LABELS, classes=("c", "d")).hashes()
    )


def test_the_arrays_cannot_be_written_to_and_those_handed_in_still_can():
    images = grey()
    data = Dataset(name="tiny", images=images, labels=LABELS, classes=("cat", "dog"))
    with pytest.raises(ValueError, match="read-only"):
        data.images[0] = 0
    images[0] = 9


@pytest.mark.parametrize("indices", [[3], [0, -1]])
def test_taking_an_image_that_is_not_there_names_it(indices):
    with pytest.raises(DatasetError, match=rf"'tiny' has no image {indices[-1]}: indices go from 0 to 2"):
        Dataset(name="tiny", images=grey(), labels=LABELS, classes=("cat", "dog")).take(indices)


def test_taking_nothing_is_refused():
    with pytest.raises(DatasetError, match="'tiny' has no images: add some"):
        Dataset(name="tiny", images=grey(), labels=LABELS, classes=("cat", "dog")).take([])


@pytest.mark.parametrize(
    ("images", "labels", "classes", "message"),
    [
        (grey().astype(np.float32), LABELS, ("a", "b"), "images of 'x' are float32: convert them to uint8, 0 to 255"),
        (np.zeros((3, 4), np.uint8), LABELS, ("a", "b"), r"images of 'x' have the shape \(3, 4\): make it"),
        (np.zeros((3, 4, 4, 2), np.uint8), LABELS, ("a", "b"), r"images of 'x' have the shape \(3, 4, 4, 2\)"),
        (np.zeros((3, 0, 4), np.uint8), LABELS, ("a", "b"), "at least one pixel"),
        (np.zeros((0, 4, 4), np.uint8), LABELS[:0], ("a", "b"), "'x' has no images: add some"),
        (grey(), LABELS.astype(np.int32), ("a", "b"), "labels of 'x' are int32: convert them to int64"),
        (grey(), LABELS.reshape(3, 1), ("a", "b"), r"labels of 'x' have the shape \(3, 1\): make it \(N,\)"),
        (grey(), LABELS[:2], ("a", "b"), "'x' has 3 images and 2 labels: give one label per image"),
        (grey(), LABELS + 1, ("a", "b"), "label 2 of image 1 of 'x' is outside its 2 classes: labels go from 0 to 1"),
        (grey(), LABELS - 1, ("a", "b"), "label -1 of image 0 of 'x' is outside its 2 classes"),
        (grey(), LABELS * 0, ("a",), r"'x' has the classes \('a',\): a classifier needs at least two"),
        (grey(), LABELS, ("a", "a"), "class 'a' of 'x' is there twice"),
        (grey(), LABELS, ("a", "b\nc"), r"class 'b\\nc' of 'x' is not one line of text: rename it"),
        (grey(), LABELS, ("a", " "), "class ' ' of 'x' is not one line of text"),
        (grey(), LABELS, ("a", ""), "class '' of 'x' is not one line of text"),
    ],
)
def test_what_does_not_fit_is_named_with_its_value(images, labels, classes, message):
    with pytest.raises(DatasetError, match=message):
        Dataset(name="x", images=images, labels=labels, classes=classes)


def test_splits_keep_three_disjoint_parts(noise_set):
    data = noise_set(3, 3)
    splits = Splits(train=data.take([0, 3]), calibration=data.take([1, 4]), test=data.take([2, 5]), removed=7)
    assert {name: len(part) for name, part in splits.parts().items()} == {"train": 2, "calibration": 2, "test": 2}
    assert splits.removed == 7


@pytest.mark.parametrize(
    ("train", "calibration", "test", "message"),
    [
        ([0, 1, 3], [0, 1, 4], [2, 5], "2 different images are in train and in calibration: leave each in one"),
        ([0, 3], [1, 4], [3, 5], "1 different images are in train and in test"),
        ([0, 3], [1, 4], [1, 4], "2 different images are in calibration and in test"),
    ],
)
def test_splits_refuse_a_shared_image_and_count_them(noise_set, train, calibration, test, message):
    data = noise_set(3, 3)
    with pytest.raises(DatasetError, match=message):
        Splits(train=data.take(train), calibration=data.take(calibration), test=data.take(test))


def test_splits_refuse_parts_with_other_classes(noise_set):
    one, other = noise_set(3, 3), noise_set(3, 3, seed=1, classes=("a", "z"))
    with pytest.raises(DatasetError, match="classes differ: a, b of 'noise' for training and a, z of 'noise'"):
        Splits(train=one.take([0, 3]), calibration=one.take([1, 4]), test=other)


def test_splits_refuse_parts_with_other_image_shapes(noise_set):
    one, other = noise_set(3, 3), noise_set(3, 3, size=(4, 5, 3))
    with pytest.raises(DatasetError, match=r"image shapes differ: \(4, 5\) of .* and \(4, 5, 3\) of"):
        Splits(train=one.take([0, 3]), calibration=other, test=one.take([1, 4]))


def test_splits_refuse_a_negative_count(noise_set):
    data = noise_set(3, 3)
    with pytest.raises(DatasetError, match="-1 images removed: the count starts at 0"):
        Splits(train=data.take([0, 3]), calibration=data.take([1, 4]), test=data.take([2, 5]), removed=-1)
