"""A test set of its own (--test), and the test images as a folder (--export-test)."""

import numpy as np
import pytest
from PIL import Image

from edgeready.config.build import BuildConfig, DataConfig, OutputConfig
from edgeready.dataset import export_images, load_splits
from edgeready.errors import DatasetError, OutputError
from edgeready.workflows.options import CONVERT, options_of
from edgeready.workflows.prepare import load_data, note_drawn_test
from edgeready_device.progress import no_progress


def noise(count, seed, size=(6, 6)):
    return np.random.default_rng(seed).integers(0, 256, (count, *size), np.uint8)


@pytest.fixture
def sets(tmp_path):
    """Paths of two files: 40 images of cats and dogs, and 10 others with the classes in another order."""
    np.savez(tmp_path / "data.npz", x=noise(40, 0), y=np.array(["cat", "dog"] * 20))
    np.savez(tmp_path / "other.npz", x=noise(10, 1), y=np.arange(10) % 2, classes=np.array(["dog", "cat"]))
    return str(tmp_path / "data.npz"), str(tmp_path / "other.npz")


def test_the_test_images_are_those_of_the_other_set_by_the_names_of_the_classes(sets):
    splits = load_splits(sets[0], test=sets[1])
    assert splits.test.images.tolist() == noise(10, 1).tolist()
    assert splits.test.labels.tolist() == [1, 0] * 5
    assert (splits.test.classes, len(splits.train) + len(splits.calibration)) == (("cat", "dog"), 40)
    assert (splits.notes, splits.is_drawn) == ((f"the test has 10 images of {sets[1]!r}",), False)


def test_the_test_part_of_the_other_set_goes_before_its_others(sets, tmp_path):
    arrays = {"x_train": noise(8, 2), "x_test": noise(4, 3), "y_train": np.arange(8) % 2, "y_test": np.arange(4) % 2}
    np.savez(tmp_path / "parts.npz", **arrays, classes=np.array(["cat", "dog"]))
    splits = load_splits(sets[0], test=str(tmp_path / "parts.npz"))
    assert splits.test.images.tolist() == noise(4, 3).tolist()


def test_test_images_of_the_data_itself_are_left_out_and_counted(sets, tmp_path):
    arrays = {"x_train": noise(8, 2), "x_test": noise(4, 3), "y_train": np.arange(8) % 2, "y_test": np.arange(4) % 2}
    path = str(tmp_path / "parts.npz")
    np.savez(path, **arrays, classes=np.array(["cat", "dog"]))
    splits = load_splits(path, test=sets[1])
    assert (len(splits.train) + len(splits.calibration), len(splits.test)) == (8, 10)
    assert splits.notes[1] == f"left out: the 4 test images of {path!r} itself"


def test_training_images_that_the_other_set_has_are_removed(sets, tmp_path):
    np.savez(tmp_path / "same.npz", x=noise(40, 0)[:6], y=np.array(["cat", "dog"] * 3))
    assert load_splits(sets[0], test=str(tmp_path / "same.npz")).removed == 6


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": np.array(["cat", "emu"] * 5)}, r"other\.npz' has the class 'emu', and the classes of .* are cat, dog"),
        ({"y": np.arange(10) % 2}, r"other\.npz' has the class '0', and the classes of '.*' are cat, dog: name them"),
        ({"x": noise(10, 1, (5, 6)), "y": np.array(["cat", "dog"] * 5)}, "image shapes differ"),
    ],
)
def test_another_set_that_does_not_fit_is_refused(sets, tmp_path, arrays, message):
    np.savez(tmp_path / "other.npz", **{"x": noise(10, 1), **arrays})
    with pytest.raises(DatasetError, match=message):
        load_splits(sets[0], test=sets[1])


def test_an_exported_test_is_read_again_as_the_same_images(sets, tmp_path):
    test = load_splits(sets[0]).test
    assert export_images(test, tmp_path / "new" / "test") == len(test)
    splits = load_splits(sets[0], test=str(tmp_path / "new" / "test"))
    assert sorted(splits.test.hashes()) == sorted(test.hashes())
    assert splits.test.class_counts() == test.class_counts()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["test"]
    assert sorted(path.name for path in (tmp_path / "new" / "test").iterdir()) == ["cat", "dog"]


def test_an_exported_test_in_colour_is_read_again(tmp_path, noise_set):
    data = noise_set(3, 3, size=(6, 6, 3))
    export_images(data, tmp_path / "out")
    assert np.asarray(Image.open(tmp_path / "out" / "b" / "000002.png")).tolist() == data.images[5].tolist()


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "x" * 256, " cat"])
def test_a_class_that_no_folder_can_be_called_by_is_refused(tmp_path, noise_set, name):
    with pytest.raises(OutputError, match="cannot be the name of a folder: rename it, and export again"):
        export_images(noise_set(2, 2, classes=("dog", name)), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_not_written_into(tmp_path, noise_set):
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match="out' is there already: name a new folder for the test images"):
        export_images(noise_set(2, 2), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused(tmp_path, noise_set):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot write '.*out' \(.*\): choose another folder"):
        export_images(noise_set(2, 2), tmp_path / "file" / "out")


def config(source, **options):
    return BuildConfig(data=DataConfig(source=source, **options), model="a.keras", output=OutputConfig())


def test_a_model_from_elsewhere_may_know_test_images_that_were_drawn(sets):
    plain = config(sets[0], seed=3)
    noted = note_drawn_test(plain, load_data(plain, no_progress))
    assert noted.notes == (
        "the test images were held out of data with seed 3: where a.keras was trained on them, its accuracy is too "
        "high; --test DATA takes others",
    )
    other = config(sets[0], test=sets[1])
    assert len(note_drawn_test(other, load_data(other, no_progress)).notes) == 1


def test_the_path_of_the_other_set_is_not_kept_in_the_file(sets):
    options = options_of(config(sets[0], test=sets[1]), CONVERT)
    assert "test" in options.paths
    assert sets[1] not in str(options.to_dict())
