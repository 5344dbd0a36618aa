import numpy as np
import pytest

from edgeready.dataset import Dataset, split
from edgeready.errors import DatasetError, UsageError


def contents(data):
    """Image hash and label of every image, in order."""
    return list(zip(data.hashes(), data.labels.tolist(), strict=True))


def with_copies(data, *positions):
    """The set with further copies of the images at `positions` at its end."""
    return data.take([*range(len(data)), *positions])


def joined(one, two):
    return Dataset(
        name=one.name,
        images=np.concatenate([one.images, two.images]),
        labels=np.concatenate([one.labels, two.labels]),
        classes=one.classes,
    )


def test_without_a_test_set_a_fifth_of_each_class_is_held_out(noise_set):
    splits = split(noise_set(100, 50))
    assert splits.test.class_counts() == {"a": 20, "b": 10}
    assert splits.calibration.class_counts() == {"a": 16, "b": 8}
    assert splits.train.class_counts() == {"a": 64, "b": 32}
    assert splits.removed == 0


def test_every_image_with_its_label_lands_in_one_part(noise_set):
    data = noise_set(30, 40, 50)
    splits = split(data)
    assert sorted(image for part in splits.parts().values() for image in contents(part)) == sorted(contents(data))


def test_an_official_test_set_stays_whole_and_in_order(noise_set):
    train, test = noise_set(20, 30), noise_set(5, 6, seed=1)
    splits = split(train, test)
    assert contents(splits.test) == contents(test)
    assert splits.calibration.class_counts() == {"a": 4, "b": 6}
    assert splits.train.class_counts() == {"a": 16, "b": 24}


def test_training_images_that_the_test_set_has_are_removed_and_counted(noise_set):
    train, test = noise_set(20, 30), noise_set(5, 6, seed=1)
    splits = split(joined(train, test.take([0, 0, 9])), test)
    assert splits.removed == 3
    assert sorted(contents(splits.train) + contents(splits.calibration)) == sorted(contents(train))


def test_identical_images_stay_in_one_part(noise_set):
    data = with_copies(noise_set(40, 40), *range(0, 80, 3))
    for seed in range(5):
        splits = split(data, seed=seed)
        assert sum(map(len, splits.parts().values())) == len(data)
        assert len(splits.test) <= 22


def test_a_class_of_many_copies_of_one_image_keeps_them_in_training(noise_set):
    splits = split(with_copies(noise_set(10, 10), *[0] * 90))
    assert splits.train.class_counts()["a"] >= 91
    assert splits.test.class_counts()["a"] == 9


def test_the_same_seed_gives_the_same_split_in_the_same_order(noise_set):
    one, two = split(noise_set(30, 30), seed=5), split(noise_set(30, 30), seed=5)
    assert [contents(part) for part in one.parts().values()] == [contents(part) for part in two.parts().values()]


def test_another_seed_gives_another_split(noise_set):
    one, two = split(noise_set(30, 30), seed=5), split(noise_set(30, 30), seed=6)
    for name in ("train", "calibration", "test"):
        assert set(one.parts()[name].hashes()) != set(two.parts()[name].hashes())


def test_the_split_does_not_depend_on_the_order_of_the_images(noise_set):
    data = noise_set(30, 30)
    one, two = split(data), split(data.take(np.random.default_rng(0).permutation(60)))
    for name in ("train", "calibration", "test"):
        assert sorted(contents(one.parts()[name])) == sorted(contents(two.parts()[name]))


def test_calibration_comes_out_shuffled_and_training_in_order(noise_set):
    splits = split(noise_set(100, 100))
    assert sorted(splits.train.labels) == splits.train.labels.tolist()
    assert set(splits.calibration.labels[:10].tolist()) == {0, 1}


def test_a_held_out_test_set_keeps_the_order_of_the_images(noise_set):
    data = noise_set(30, 30)
    data = data.take(np.random.default_rng(0).permutation(60))
    keys = data.hashes()
    places = [keys.index(key) for key in split(data).test.hashes()]
    assert places == sorted(places)


def test_calibration_has_at_most_500_images(noise_set):
    splits = split(noise_set(2000, 1000), noise_set(5, 6, seed=1))
    assert splits.calibration.class_counts() == {"a": 333, "b": 167}


def test_a_count_of_calibration_images_is_kept_exactly_and_stratified(noise_set):
    splits = split(noise_set(60, 30, 10), noise_set(1, 1, 1, seed=1), calibration_count=10)
    assert splits.calibration.class_counts() == {"a": 6, "b": 3, "c": 1}


def test_a_rare_class_still_lends_an_image(noise_set):
    splits = split(noise_set(500, 500, 2), noise_set(1, 1, 1, seed=1), calibration_count=20)
    assert splits.calibration.class_counts() == {"a": 10, "b": 9, "c": 1}


def test_by_default_every_class_lends_an_image_where_a_fifth_would_be_fewer(noise_set):
    splits = split(noise_set(*[3] * 10), noise_set(*[1] * 10, seed=1))
    assert set(splits.calibration.class_counts().values()) == {1}


def test_the_count_is_made_up_by_the_classes_that_can_lend(noise_set):
    splits = split(noise_set(20, 1, 1), noise_set(2, 2, 2, seed=1), calibration_count=12)
    assert splits.calibration.class_counts() == {"a": 12, "b": 0, "c": 0}


def test_fewer_calibration_images_than_classes_come_from_the_large_ones(noise_set):
    splits = split(noise_set(10, 40, 30), noise_set(1, 1, 1, seed=1), calibration_count=2)
    assert splits.calibration.class_counts() == {"a": 0, "b": 1, "c": 1}


def test_a_class_with_a_single_image_keeps_it_for_training(noise_set):
    splits = split(noise_set(20, 1), noise_set(2, 2, seed=1))
    assert splits.train.class_counts()["b"] == 1
    assert splits.calibration.class_counts()["b"] == 0


def test_two_images_of_a_class_are_one_for_training_and_one_for_the_test(noise_set):
    splits = split(noise_set(20, 2))
    counts = {name: part.class_counts()["b"] for name, part in splits.parts().items()}
    assert counts == {"train": 1, "calibration": 0, "test": 1}


def test_another_test_fraction_is_kept(noise_set):
    assert split(noise_set(10, 20), test_fraction=0.5).test.class_counts() == {"a": 5, "b": 10}


def test_a_class_of_one_image_is_too_small_to_split(noise_set):
    with pytest.raises(DatasetError, match="class 'b' of 'noise' has 1 different images, too few to split"):
        split(noise_set(20, 1))


def test_a_class_of_copies_of_one_image_is_too_small_to_split(noise_set):
    with pytest.raises(DatasetError, match="class 'b' of 'noise' has 1 different images"):
        split(with_copies(noise_set(20, 1), 20, 20, 20))


def test_a_class_without_images_is_too_small_to_split(noise_set):
    with pytest.raises(DatasetError, match="class 'c' of 'noise' has 0 different images"):
        split(noise_set(20, 20, 0))


def test_a_class_whose_images_are_all_in_the_test_set_is_named(noise_set):
    test = noise_set(5, 6, seed=1)
    train = joined(noise_set(20, 0), test.take([5, 6]))
    with pytest.raises(DatasetError, match=r"class 'b' of 'noise' has 0 images for training \(2 before"):
        split(train, test)


def test_a_training_set_that_is_the_test_set_is_refused(noise_set):
    data = noise_set(5, 5)
    with pytest.raises(DatasetError, match=r"class 'a' of 'noise' has 0 images for training \(5 before"):
        split(data, data)


def test_one_image_per_class_leaves_none_for_calibration(noise_set):
    with pytest.raises(DatasetError, match=r"'noise' has 2 images for training, .* none is left for calibration"):
        split(noise_set(1, 1), noise_set(2, 2, seed=1))


def test_an_image_in_two_classes_is_never_split_up(noise_set):
    data = noise_set(20, 20)
    labels = np.concatenate([data.labels, [1, 1, 1]]).astype(np.int64)
    data = Dataset(
        name="noise", images=np.concatenate([data.images, data.images[:3]]), labels=labels, classes=data.classes
    )
    for seed in range(10):
        assert sum(map(len, split(data, seed=seed).parts().values())) == 43


def test_a_class_with_no_image_of_its_own_is_refused(noise_set):
    data = noise_set(20, 20, 0)
    labels = np.concatenate([data.labels, [2, 2]]).astype(np.int64)
    data = Dataset(
        name="noise", images=np.concatenate([data.images, data.images[:2]]), labels=labels, classes=data.classes
    )
    with pytest.raises(DatasetError, match="class 'c' of 'noise' has 0 different images"):
        split(data)


def test_an_official_test_set_with_other_classes_is_refused(noise_set):
    with pytest.raises(DatasetError, match=r"classes differ: a, b of .* and x, y of"):
        split(noise_set(9, 9), noise_set(3, 3, classes=("x", "y")))


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 20])
def test_a_test_fraction_outside_0_to_1_is_a_usage_error(noise_set, fraction):
    with pytest.raises(UsageError, match=f"test_fraction is {fraction}: give a share between 0 and 1"):
        split(noise_set(9, 9), test_fraction=fraction)


@pytest.mark.parametrize("count", [0, -1, 18, 99])
def test_a_calibration_count_that_training_cannot_lend_is_a_usage_error(noise_set, count):
    with pytest.raises(UsageError, match=f"calibration_count is {count}: give 1 to 17"):
        split(noise_set(9, 9), noise_set(3, 3, seed=1), calibration_count=count)
