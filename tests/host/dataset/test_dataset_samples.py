import numpy as np
import pytest
from PIL import Image

from edgeready.dataset import preview, save_samples, split
from edgeready.errors import OutputError, UsageError


def test_samples_are_named_by_label_and_show_every_class_first(noise_set, tmp_path):
    paths = save_samples(noise_set(5, 5, 5), tmp_path / "samples", 4)
    assert [path.name for path in paths] == ["0_0.png", "1_0.png", "2_0.png", "0_1.png"]
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == sorted(path.name for path in paths)


@pytest.mark.parametrize("size", [(4, 5), (4, 5, 1), (4, 5, 3)])
def test_a_sample_holds_the_exact_pixels_of_an_image_of_its_label(noise_set, tmp_path, size):
    data = noise_set(6, 6, size=size)
    for path in save_samples(data, tmp_path, 12):
        pixels = np.asarray(Image.open(path)).reshape(size)
        (position,) = [i for i in range(12) if (data.images[i] == pixels).all()]
        assert str(data.labels[position]) == path.name[0]


def test_the_same_seed_saves_the_same_samples_and_another_one_others(noise_set, tmp_path):
    contents = []
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        contents.append([path.read_bytes() for path in save_samples(noise_set(50, 50), tmp_path / name, 6, seed)])
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


@pytest.mark.parametrize("count", [0, -1, 11])
def test_more_samples_than_images_are_a_usage_error(noise_set, tmp_path, count):
    with pytest.raises(UsageError, match=f"cannot save {count} of the 10 images of 'noise'"):
        save_samples(noise_set(5, 5), tmp_path, count)


def test_samples_into_a_path_that_is_a_file_are_an_output_error(noise_set, tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(OutputError, match=r"cannot write '.*0_0\.png' \(.*\): choose another folder"):
        save_samples(noise_set(5, 5), tmp_path / "taken", 2)


def sheet(path):
    return np.asarray(Image.open(path).convert("RGB"))


def test_the_preview_of_a_set_has_a_row_per_class_and_is_a_png(noise_set, tmp_path):
    small = preview(noise_set(5, 5), tmp_path / "two.png")
    large = preview(noise_set(5, 5, 5), tmp_path / "three.png")
    assert Image.open(small).format == "PNG"
    assert sheet(large).shape[0] - sheet(small).shape[0] == 96 + 6
    assert sheet(large).shape[1] == sheet(small).shape[1]


def test_the_preview_shows_the_pixels_enlarged_by_a_whole_factor(noise_set, tmp_path):
    data = noise_set(1, 1, size=(32, 32, 3))
    pixels = sheet(preview(data, tmp_path / "sheet.png", per_class=1))
    enlarged = data.images[0].repeat(3, axis=0).repeat(3, axis=1)
    assert (pixels[84 : 84 + 96, 210 : 210 + 96] == enlarged).all()


def test_the_preview_of_splits_shows_all_three_parts(noise_set, tmp_path):
    splits = split(noise_set(30, 30, size=(32, 32)))
    pixels = sheet(preview(splits, tmp_path / "sheet.png", per_class=3))
    shown = [pixels[84 : 84 + 96 : 3, left : left + 96 : 3, 0] for left in (210, 324, 438)]
    for part, image in zip(splits.parts().values(), shown, strict=True):
        assert any((image == other).all() for other in part.images)


@pytest.mark.parametrize("size", [(300, 200, 3), (1, 1), (200, 3)])
def test_large_and_odd_images_fit_into_the_preview(noise_set, tmp_path, size):
    assert sheet(preview(noise_set(2, 2, size=size), tmp_path / "sheet.png")).shape[0] == 84 + 2 * 102 + 20


def test_of_many_classes_the_preview_shows_forty(noise_set, tmp_path):
    names = tuple(f"class {number}" for number in range(60))
    rows = sheet(preview(noise_set(*[1] * 60, classes=names), tmp_path / "sheet.png")).shape[0]
    assert rows == 84 + 40 * 102 + 20 + 22


def test_a_long_class_name_is_cut_and_does_not_run_into_the_images(noise_set, tmp_path):
    long = preview(noise_set(1, 1, classes=("W" * 80, "b")), tmp_path / "long.png")
    short = preview(noise_set(1, 1, classes=("a", "b")), tmp_path / "short.png")
    assert (sheet(long)[84:, 200:] == sheet(short)[84:, 200:]).all()


def test_a_class_name_in_any_script_does_not_stop_the_preview(noise_set, tmp_path):
    preview(noise_set(1, 1, classes=("猫", "собака")), tmp_path / "sheet.png")


def test_the_same_seed_gives_the_same_preview(noise_set, tmp_path):
    one, two, three = (
        preview(noise_set(50, 50), tmp_path / f"{number}.png", seed=seed).read_bytes()
        for number, seed in enumerate((1, 1, 2))
    )
    assert (one == two, one == three) == (True, False)


def test_the_preview_replaces_an_older_file_and_leaves_nothing_beside_it(noise_set, tmp_path):
    (tmp_path / "sheet.png").write_bytes(b"old")
    assert preview(noise_set(2, 2), str(tmp_path / "sheet.png")) == tmp_path / "sheet.png"
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_a_preview_onto_a_folder_is_an_output_error_and_leaves_nothing(noise_set, tmp_path):
    (tmp_path / "sheet.png").mkdir()
    with pytest.raises(OutputError, match=r"cannot write '.*sheet\.png' \(Is a directory\)"):
        preview(noise_set(2, 2), tmp_path / "sheet.png")
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_a_preview_below_a_file_is_an_output_error(noise_set, tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(OutputError, match=r"cannot write '.*sheet\.png' \(.*\): choose another folder"):
        preview(noise_set(2, 2), tmp_path / "taken" / "sheet.png")


@pytest.mark.parametrize("count", [0, 101])
def test_too_few_or_too_many_images_per_class_are_a_usage_error(noise_set, tmp_path, count):
    with pytest.raises(UsageError, match=f"per_class is {count}: give 1 to 100 images"):
        preview(noise_set(2, 2), tmp_path / "sheet.png", per_class=count)


def test_splits_need_three_images_per_class_in_the_preview(noise_set, tmp_path):
    with pytest.raises(UsageError, match="per_class is 2: give 3 to 100 images, shared by the three parts"):
        preview(split(noise_set(30, 30)), tmp_path / "sheet.png", per_class=2)
