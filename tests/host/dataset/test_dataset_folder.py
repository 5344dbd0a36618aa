import numpy as np
import pytest
from PIL import Image

from edgeready.dataset import load_splits
from edgeready.dataset.folder import load_folder as load_parts
from edgeready.errors import DatasetError, ImageError, NotFoundError, UsageError
from edgeready_device.evaluation import load_examples
from edgeready_device.model_file.manifest import InputSpec


def load_folder(*arguments, **options):
    """The training and the test images of a folder."""
    parts = load_parts(*arguments, **options)
    return parts.train, parts.test


SHADES = {"cat": 40, "dog": 200}


@pytest.fixture
def folder(tmp_path):
    """An empty folder called pets."""
    (tmp_path / "pets").mkdir()
    return tmp_path / "pets"


def fill(root, classes=("cat", "dog"), count=4, colour=(10, 0, 0), suffix=".png"):
    """Puts `count` images of different sizes and shades into a subfolder per class."""
    for number, name in enumerate(classes):
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            shade = SHADES.get(name, 90 + number) + index
            pixels = np.full((10 + index, 20 - index, 3), shade, np.uint8) + np.array(colour, np.uint8)
            Image.fromarray(pixels).save(root / name / f"{index}{suffix}")


def test_a_subfolder_per_class_gives_images_in_order_of_class_and_name(folder):
    fill(folder, ("dog", "cat"), count=3)
    train, test = load_folder(folder, image_size=(8, 6))
    assert (train.name, train.classes, test) == ("pets", ("cat", "dog"), None)
    assert (train.images.shape, train.labels.tolist()) == ((6, 8, 6, 3), [0, 0, 0, 1, 1, 1])
    assert train.images[:, 0, 0].tolist() == [[s + 10, s, s] for s in (40, 41, 42, 200, 201, 202)]


def test_train_and_test_folders_give_the_official_test_set(folder):
    fill(folder / "train", count=5)
    fill(folder / "test", count=2, colour=(0, 9, 0))
    train, test = load_folder(folder, image_size=(8, 8))
    assert (train.class_counts(), test.class_counts()) == ({"cat": 5, "dog": 5}, {"cat": 2, "dog": 2})
    assert test.images[0, 0, 0].tolist() == [40, 49, 40]


def test_train_without_test_has_no_official_test_set(folder):
    fill(folder / "train", count=5)
    assert load_folder(folder, image_size=(8, 8))[1] is None


@pytest.mark.parametrize("name", ["val", "valid", "Validation"])
def test_validation_images_are_a_part_of_their_own(folder, name):
    fill(folder / "Train", count=4)
    fill(folder / "test", count=2, colour=(0, 9, 0))
    fill(folder / name, count=1, colour=(0, 0, 9))
    parts = load_parts(folder, image_size=(8, 8))
    counts = [part.class_counts() for part in (parts.train, parts.validation, parts.test)]
    assert counts == [{"cat": 4, "dog": 4}, {"cat": 1, "dog": 1}, {"cat": 2, "dog": 2}]
    splits = load_splits(str(folder), image_size=(8, 8))
    assert (len(splits.validation), len(splits.test), len(splits.train) + len(splits.calibration)) == (2, 4, 8)


def test_validation_images_are_the_test_where_there_is_no_other(folder):
    """A test drawn from all would hold images that a model trained elsewhere has learned."""
    fill(folder / "train", count=4)
    fill(folder / "val", count=2, colour=(0, 0, 9))
    splits = load_splits(str(folder), image_size=(8, 8))
    assert (splits.validation, splits.test.class_counts()) == (None, {"cat": 2, "dog": 2})
    assert splits.test.images[0, 0, 0].tolist() == [40, 40, 49]
    assert splits.notes == ("pets has no test images: the 4 for validation are the test",)


def test_classes_may_be_called_train_and_test(folder):
    fill(folder, ("bus", "test", "train"))
    train, test = load_folder(folder, image_size=(8, 8))
    assert (train.classes, test) == (("bus", "test", "train"), None)


@pytest.mark.parametrize("suffix", [".JPG", ".Jpeg", ".PNG"])
def test_endings_in_upper_case_are_read(folder, suffix):
    fill(folder, suffix=suffix)
    assert len(load_folder(folder, image_size=(8, 8))[0]) == 8


def test_hidden_and_other_files_and_folders_are_left_out(folder):
    fill(folder)
    (folder / "README.md").write_text("about")
    (folder / "cat" / "notes.txt").write_text("about")
    (folder / "cat" / "._0.png").write_text("what macOS leaves behind")
    fill(folder / ".cache", ("x", "y"))
    assert load_folder(folder, image_size=(8, 8))[0].class_counts() == {"cat": 4, "dog": 4}


def test_images_without_any_colour_become_grey(folder):
    fill(folder, colour=(0, 0, 0))
    train, _ = load_folder(folder, image_size=(8, 6))
    assert (train.images.shape, train.channels) == ((8, 8, 6), 1)
    assert train.images[:, 0, 0].tolist() == [40, 41, 42, 43, 200, 201, 202, 203]


def test_grey_found_out_equals_grey_asked_for(folder):
    fill(folder, colour=(0, 0, 0))
    found, asked = load_folder(folder)[0], load_folder(folder, channels=1)[0]
    assert found.images.tolist() == asked.images.tolist()


def test_one_coloured_image_makes_all_rgb(folder):
    fill(folder, colour=(0, 0, 0))
    Image.new("RGB", (5, 5), (250, 0, 0)).save(folder / "dog" / "red.png")
    assert load_folder(folder)[0].images.shape == (9, 96, 96, 3)


def test_grey_images_can_be_asked_for_as_rgb_and_colour_as_grey(folder):
    fill(folder)
    assert load_folder(folder, channels=1)[0].images.shape == (8, 96, 96)
    assert load_folder(folder, channels=3)[0].images.shape == (8, 96, 96, 3)


def test_the_frames_of_large_photos_are_those_of_the_board_bit_by_bit(folder):
    noise = np.random.default_rng(1)
    for number in range(12):
        path = folder / ("cat" if number % 2 else "dog") / f"{number:02}.jpg"
        path.parent.mkdir(exist_ok=True)
        small = Image.fromarray(noise.integers(0, 256, (60, 80, 3), np.uint8))
        small.resize((400 + 10 * number, 300)).save(path)
    train = load_folder(folder, image_size=(24, 32))[0]
    spec = InputSpec(24, 32, 3)
    board = load_examples(folder, spec, ("cat", "dog"))
    assert train.labels.tolist() == board.truth.tolist()
    assert train.images.tolist() == board.frames[:].tolist()


def test_progress_counts_the_images_of_both_parts(folder):
    fill(folder / "train", count=2)
    fill(folder / "test", count=1)
    calls = []
    load_folder(folder, image_size=(8, 8), progress=lambda label, done, total: calls.append((done, total)))
    assert calls == [(1, 6), (2, 6), (3, 6), (4, 6), (5, 6), (6, 6)]


def test_links_that_lead_out_of_the_folder_are_not_followed(folder, tmp_path):
    fill(folder)
    fill(tmp_path / "outside", ("emu",), count=2)
    (folder / "emu").symlink_to(tmp_path / "outside" / "emu")
    (folder / "cat" / "out.png").symlink_to(tmp_path / "outside" / "emu" / "0.png")
    (folder / "cat" / "broken.png").symlink_to(folder / "nowhere.png")
    (folder / "cat" / "in.png").symlink_to(folder / "dog" / "0.png")
    assert load_folder(folder, image_size=(8, 8))[0].class_counts() == {"cat": 5, "dog": 4}


def test_links_that_lead_out_of_the_folder_are_followed_where_they_are_asked_for(folder, tmp_path):
    fill(folder)
    fill(tmp_path / "outside", ("emu",), count=3)
    (folder / "emu").symlink_to(tmp_path / "outside" / "emu")
    (folder / "cat" / "out.png").symlink_to(tmp_path / "outside" / "emu" / "0.png")
    found = load_folder(folder, image_size=(8, 8), follow_links=True)[0].class_counts()
    assert found == {"cat": 5, "dog": 4, "emu": 3}
    assert load_splits(str(folder), image_size=(8, 8), follow_links=True).train.classes == ("cat", "dog", "emu")


def test_a_test_set_of_links_out_of_the_folder_is_not_followed(folder, tmp_path):
    fill(folder / "train")
    fill(tmp_path / "outside")
    (folder / "test").symlink_to(tmp_path / "outside")
    assert load_folder(folder, image_size=(8, 8))[1] is None


def test_the_folder_itself_may_be_a_link(folder, tmp_path):
    fill(folder)
    (tmp_path / "link").symlink_to(folder)
    assert load_folder(tmp_path / "link", image_size=(8, 8))[0].name == "pets"


def test_load_splits_reads_a_folder_at_96_by_96(folder):
    fill(folder, count=10)
    splits = load_splits(str(folder))
    assert splits.train.images.shape == (13, 96, 96, 3)
    assert (len(splits.calibration), len(splits.test)) == (3, 4)


def test_load_splits_reads_a_folder_at_the_size_asked_for(folder):
    fill(folder, count=10)
    splits = load_splits(str(folder), image_size=(12, 16), channels=1, seed=3)
    assert splits.train.images.shape == (13, 12, 16)


def test_copies_of_a_test_image_are_removed_from_training(folder):
    fill(folder / "train", count=9)
    fill(folder / "test", count=2)
    assert load_splits(str(folder), image_size=(8, 8)).removed == 4


def test_a_broken_image_is_named(folder):
    fill(folder)
    (folder / "dog" / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    with pytest.raises(ImageError, match=r"dog/bad\.jpg' is not an image that can be read"):
        load_splits(str(folder))


def test_an_empty_image_is_named(folder):
    fill(folder)
    (folder / "cat" / "empty.png").touch()
    with pytest.raises(ImageError, match=r"cat/empty\.png' is empty \(0 bytes\)"):
        load_folder(folder)


def test_a_folder_without_subfolders_is_refused(folder):
    Image.new("L", (4, 4)).save(folder / "loose.png")
    with pytest.raises(DatasetError, match="at least two classes and has none"):
        load_folder(folder)


def test_a_folder_with_one_class_is_refused_and_the_class_named(folder):
    fill(folder, ("cat",))
    with pytest.raises(DatasetError, match="at least two classes and has only 'cat'"):
        load_folder(folder)


def test_a_train_folder_with_one_class_is_refused(folder):
    fill(folder / "train", ("cat",))
    with pytest.raises(DatasetError, match="has only 'cat'"):
        load_folder(folder)


def test_a_class_without_images_is_named(folder):
    fill(folder)
    (folder / "emu").mkdir()
    (folder / "emu" / "photo.txt").touch()
    with pytest.raises(DatasetError, match=r"pets/emu' has no \.jpg .* image, but 1 \.txt: add some or remove"):
        load_folder(folder)


@pytest.mark.parametrize("part", ["test", "val"])
def test_a_class_that_training_does_not_have_is_named(folder, part):
    fill(folder / "train")
    fill(folder / part, ("cat", "emu"))
    with pytest.raises(DatasetError, match=f"class 'emu' in '.*{part}' is not in train: add images of it"):
        load_folder(folder)


def test_a_test_folder_without_a_train_folder_is_refused(folder):
    fill(folder / "test")
    fill(folder / "val")
    with pytest.raises(DatasetError, match="has test, val but no train: name the folder of training images train"):
        load_folder(folder)


def test_a_misspelt_part_beside_train_is_refused(folder):
    fill(folder / "train")
    fill(folder / "tets")
    with pytest.raises(DatasetError, match=r"has 'tets' beside train: move it away \(train, test and val are used"):
        load_folder(folder)


def test_a_missing_folder_is_not_found(folder):
    with pytest.raises(NotFoundError, match=r"no folder '.*nowhere': check the path"):
        load_folder(folder / "nowhere")


def test_two_channels_are_a_usage_error(folder):
    fill(folder)
    with pytest.raises(UsageError, match="channels is 2: give 1 for grey or 3 for RGB"):
        load_splits(str(folder), channels=2)


@pytest.mark.parametrize("size", [(0, 8), (8, -1)])
def test_an_image_size_below_1_is_a_usage_error(folder, size):
    fill(folder)
    with pytest.raises(UsageError, match=r"image_size is \(.*\): give height and width in pixels, from 1"):
        load_splits(str(folder), image_size=size)
