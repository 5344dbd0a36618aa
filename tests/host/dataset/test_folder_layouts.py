"""Folders of images as people have them: read rightly, or refused with the layout that was seen."""

import numpy as np
import pytest
from PIL import Image

from edgeready.dataset import load_splits
from edgeready.dataset.folder import load_folder
from edgeready.errors import DatasetError, ImageError
from edgeready_device.image_sets.layout import read_layout, read_test_layout


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pets").mkdir()
    return tmp_path / "pets"


def put(root, *paths):
    """Puts empty files at `paths` below `root`: a layout is read without the images."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def names(root, listing):
    """The files of a listing, below `root`, by the class index."""
    return [] if listing is None else [str(file.relative_to(root)) for file in listing.files]


def parts_of(root):
    layout = read_layout(root)
    return [names(root, part) for part in (layout.train, layout.validation, layout.test)]


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Training", "Testing"),
        ("seg_train", "seg_test"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("training_set", "test_set"),
        ("train/images", "test/images"),
        ("fruits-360_Train", "fruits-360_Test"),
    ],
)
def test_parts_have_many_names(folder, train, test):
    put(folder, *(f"{part}/{name}/1.jpg" for part in (train, test) for name in ("cat", "dog")))
    assert parts_of(folder) == [
        [f"{train}/cat/1.jpg", f"{train}/dog/1.jpg"],
        [],
        [f"{test}/cat/1.jpg", f"{test}/dog/1.jpg"],
    ]
    assert read_layout(folder).classes == ("cat", "dog")


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Validation"])
def test_validation_has_many_names(folder, name):
    put(folder, *(f"{part}/{animal}/1.jpg" for part in ("train", name, "test") for animal in ("cat", "dog")))
    assert parts_of(folder)[1] == [f"{name}/cat/1.jpg", f"{name}/dog/1.jpg"]


@pytest.mark.parametrize("place", ["images", "dataset", "pets", "data/images", "Photos"])
def test_the_classes_may_be_one_level_down(folder, place):
    put(folder, *(f"{place}/{name}/1.jpg" for name in ("cat", "dog")))
    assert (parts_of(folder)[0], read_layout(folder).notes) == ([f"{place}/cat/1.jpg", f"{place}/dog/1.jpg"], ())


def test_the_parts_may_be_one_level_down_under_any_name(folder):
    put(folder, *(f"archive (3)/{part}/{name}/1.jpg" for part in ("train", "test") for name in ("cat", "dog")))
    assert parts_of(folder)[2] == ["archive (3)/test/cat/1.jpg", "archive (3)/test/dog/1.jpg"]


def test_annotations_beside_the_images_are_left_out_and_counted(folder):
    put(folder, "images/cat/1.jpg", "images/dog/1.jpg", "annotations/1.xml", "annotations/2.xml", "README.md")
    assert read_layout(folder).notes == (f"left out of {str(folder)!r}: 2 .xml, 1 .md",)


def test_everything_that_is_left_out_is_counted_by_kind(folder, tmp_path):
    put(
        folder,
        "cat/1.jpg",
        "dog/1.jpg",
        "cat/a.heic",
        "dog/b.HEIC",
        "cat/film.mp4",
        "loose.png",
        ".DS_Store",
        "Thumbs.db",
    )
    put(folder, "__MACOSX/cat/1.jpg", "cat/LICENSE")
    put(tmp_path, "other/9.jpg")
    (folder / "cat" / "link.jpg").symlink_to(tmp_path / "other" / "9.jpg")
    assert read_layout(folder).notes == (
        f"left out of {str(folder)!r}: 2 .heic (pip install pillow-heif reads them), 1 .mp4, "
        "1 file without a suffix, 1 image without a class, 1 link out of the folder (--follow-links takes them)",
    )


def test_pictures_without_labels_beside_the_parts_are_left_out_and_counted(folder):
    put(folder, *(f"seg_{part}/seg_{part}/{name}/1.jpg" for part in ("train", "test") for name in ("cat", "dog")))
    put(folder, "seg_pred/seg_pred/1.jpg", "seg_pred/seg_pred/2.jpg")
    assert read_layout(folder).notes == (
        "seg_pred: 2 images without labels",
        f"left out of {str(folder)!r}: 2 images without a class",
    )


def test_pictures_for_a_competitions_answers_are_left_out_and_counted(folder):
    put(folder, "train/cat/1.jpg", "train/dog/2.jpg", "test/3.jpg", "test/4.jpg")
    assert parts_of(folder) == [["train/cat/1.jpg", "train/dog/2.jpg"], [], []]
    assert read_layout(folder).notes == (
        "test: 2 images without labels",
        f"left out of {str(folder)!r}: 2 images without a class",
    )
    layout = read_test_layout(folder)
    assert layout.notes == (f"{str(folder)!r} has no images for the test with classes: those of train are",)


def test_parts_may_lie_several_folders_down(folder):
    put(folder, *(f"ILSVRC/Data/{part}/{name}/1.jpg" for part in ("train", "val") for name in ("cat", "dog")))
    assert parts_of(folder)[0] == ["ILSVRC/Data/train/cat/1.jpg", "ILSVRC/Data/train/dog/1.jpg"]


def test_classes_may_have_names_of_parts_in_them(folder):
    put(folder, "test_tube/1.jpg", "train_station/1.jpg", "valid ticket/1.jpg")
    assert read_layout(folder).classes == ("test_tube", "train_station", "valid ticket")


def test_a_class_that_is_nested_deeper_is_read_whole_and_said(folder):
    put(folder, "cat/1.jpg", "dog/puppy/1.jpg", "dog/old/2.jpg", "emu/1.jpg", "emu/more/2.jpg")
    layout = read_layout(folder)
    assert names(folder, layout.train) == [
        "cat/1.jpg",
        "dog/old/2.jpg",
        "dog/puppy/1.jpg",
        "emu/1.jpg",
        "emu/more/2.jpg",
    ]
    assert (layout.classes, layout.train.labels) == (("cat", "dog", "emu"), (0, 1, 1, 2, 2))
    assert layout.notes == (
        f"the 2 images of 'dog' are in subfolders of {str(folder / 'dog')!r}",
        f"1 images in subfolders of {str(folder / 'emu')!r} count as 'emu'",
    )


def test_each_class_may_hold_its_images_in_a_folder(folder):
    """The layout of Tiny ImageNet's training images."""
    put(folder, "cat/images/1.jpg", "dog/images/1.jpg")
    assert read_layout(folder).classes == ("cat", "dog")


def test_a_loop_of_links_ends(folder):
    put(folder, "cat/1.jpg", "dog/1.jpg")
    (folder / "cat" / "again").symlink_to(folder)
    assert parts_of(folder)[0] == ["cat/1.jpg", "dog/1.jpg"]


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (
            ["wild/cat/1.jpg", "wild/dog/1.jpg", "tame/cat/1.jpg", "tame/dog/1.jpg"],
            r"the images of '.*pets' lie two folders down \(tame/cat, tame/dog, wild/cat, wild/dog\), and either",
        ),
        (
            ["fold1/cat/1.jpg", "fold1/dog/1.jpg", "fold2/cat/1.jpg"],
            r"two folders down \(fold1/cat, fold1/dog, fold2/cat",
        ),
        (
            ["cat/train/1.jpg", "cat/test/2.jpg", "dog/train/1.jpg", "dog/test/2.jpg"],
            "cat/test' is a part inside a class, and parts are read above the classes: move its images to test/cat",
        ),
        (["cat/1.jpg", "dog/1.jpg", "dog/val/2.jpg"], "dog/val' is a part inside a class"),
        (
            ["cat/1.jpg", "dog/1.jpg", "old/cat/2.jpg"],
            "old/cat' is called like the class 'cat' and lies in 'old': move it",
        ),
        (
            ["train/1.jpg", "test/1.jpg"],
            "the images in test, train of '.*' have no class: give each part a subfolder",
        ),
        (["train/1.jpg", "val/1.jpg", "test/1.jpg"], "the images in test, train, val of '.*' have no class"),
        (
            ["animals/cat/1.jpg", "animals/dog/1.jpg"],
            "has only 'animals'; give '.*animals' where cat, dog are",
        ),
        (["1.jpg", "2.jpg"], "at least two classes and has none, and 2 images beside it"),
        (
            ["train/cat/1.jpg", "train/dog/1.jpg", "val/1.jpg"],
            "val' has 1 images without a class: give it a subfolder for each class, or a CSV file with the columns",
        ),
        (
            ["images/Abyssinian_1.jpg", "images/Abyssinian_2.jpg", "images/big_dog_1.jpg", "images/big_dog_22.jpg"],
            r"only 'images'; the names of its images begin with Abyssinian \(2\), big_dog \(2\): where these are the",
        ),
        (
            ["train/cat1.jpg", "train/cat2.jpg", "train/dog1.jpg", "train/dog2.jpg", "test/1.jpg"],
            r"the images in test, train of '.*' have no class; the names of its images begin with cat \(2\), dog",
        ),
        (["IMG_1.jpg", "DSC_2.jpg", "x.jpg"], r"has none, and 3 images beside it$"),
        (["1.jpg", "2.jpg"], r"has none, and 2 images beside it$"),
        (
            [f"set/{kind}/{name}/1.jpg" for kind in ("color", "grayscale") for name in ("rust", "scab")],
            "only 'set'; the folders color, grayscale in '.*set' have the same ones in them: give one of them",
        ),
        (
            [f"{kind}/{name}/1.jpg" for kind in ("color", "grayscale") for name in ("rust", "scab")],
            r"lie two folders down \(.*\), and either could be the class: give one of color, grayscale, or make",
        ),
        (
            ["VOC/JPEGImages/1.jpg", "VOC/SegmentationClass/1.png"],
            r"VOC' has pictures and what is marked in them \(SegmentationClass\): make it",
        ),
        (
            ["JPEGImages/1.jpg", "SegmentationClass/1.png"],
            "has 'JPEGImages' beside 'SegmentationClass', pictures and",
        ),
        (["images/1.png", "masks/1.png"], "has 'images' beside 'masks', pictures and what is marked in them, and no"),
        (["train/images/1.png", "train/labels/1.png"], "train' has 'images' beside 'labels', pictures and what is"),
        (
            ["train/cat/1.jpg", "train/dog/1.jpg", "val/cat/1.jpg", "valid/cat/2.jpg"],
            "has both 'val' and 'valid': leave one",
        ),
        (
            ["train/cat/1.jpg", "train/dog/1.jpg", "Train/cat/1.jpg"],
            "has both 'Train' and 'train': leave one folder for",
        ),
        (
            [
                f"{part}/{name}/1.jpg"
                for part in ("a_train", "a_test", "b_train", "b_test")
                for name in ("cat", "dog")
            ],
            r"has the parts of several sets \(a_test, a_train, b_test, b_train\): give the folder of one",
        ),
        (
            ["cat/1.jpg", "dog/1.heic"],
            r"dog' has no .* image, but 1 \.heic .pip install pillow-heif",
        ),
        (["train/cat/1.jpg", "train/dog/1.jpg", "more/cat/1.jpg"], "has 'more' beside train: move it away"),
        (["train/images/1.jpg", "train/labels/1.txt", "val/images/1.jpg"], "needs a subfolder of images for each"),
        (["train/cat/1.jpg", "train/dog/1.jpg", "test/Cat/1.jpg"], "class 'Cat' in '.*test' is not in train"),
    ],
)
def test_a_layout_that_can_be_read_in_two_ways_is_refused(folder, paths, message):
    put(folder, *paths)
    with pytest.raises(DatasetError, match=message):
        read_layout(folder)


def table(folder, *lines, name="labels.csv"):
    (folder / name).write_text("\n".join(lines) + "\n")


def labelled(folder):
    """The files of each part with their class names."""
    layout = read_layout(folder)
    parts = (layout.train, layout.validation, layout.test)
    return [
        {file.name: layout.classes[label] for file, label in zip(part.files, part.labels, strict=True)}
        if part
        else None
        for part in parts
    ]


@pytest.mark.parametrize("where", ["", "images/", "photos/all/"])
@pytest.mark.parametrize(
    "lines",
    [
        ["filename,label", "1.jpg,dog", "2.jpg,cat"],
        ["id;breed", "1;dog", "2;cat"],
        ["label\timage", "dog\t1.jpg", "cat\t2.jpg"],
        ["sender,kids,label,image", "7,False,dog,1", "8,True,cat,2"],
        ["\ufeffimage,class", '"data/images/1.jpg","dog"', "./2.jpg,cat"],
        ["filename, cat, dog", "1.jpg, 0, 1", "2.jpg, 1, 0"],
        ["image,cat,dog,wolf,age", "1,0.0,1.0,0.0,35", "2,1.0,0.0,0.0,41"],
        ["image,sex,split,dog,cat", "1,male,train,1,0", "2,female,train,0,1"],
        ["1.jpg,dog", "2.jpg,cat"],
        ["dog;1.JPG", "cat;2.JPG"],
        ["lesion_id,image_id,dx,age", "7,1,dog,35", "8,2,cat,41"],
        ["Id,Name,Species", "7,1.jpg,dog", "8,2.jpg,cat"],
        ["class,class_name,file,fold", "1,dog,1.jpg,3", "0,cat,2.jpg,1"],
    ],
    ids=[
        *(
            "comma",
            "semicolon and id",
            "tab",
            "more columns",
            "byte order mark and paths",
            "one-hot",
            "one-hot, others",
        ),
        *("one-hot, part", "no names", "no names, other order", "dx", "names of no kind", "number and name"),
    ],
)
def test_a_table_gives_the_labels_of_a_flat_folder(folder, where, lines):
    put(folder, f"{where}1.jpg", f"{where}2.jpg")
    table(folder, *lines)
    assert labelled(folder) == [{"1.jpg": "dog", "2.jpg": "cat"}, None, None]
    assert read_layout(folder).classes == ("cat", "dog")


def test_a_column_of_parts_is_kept(folder):
    put(folder, *(f"{n}.jpg" for n in range(4)))
    table(folder, "file,label,split", "0.jpg,a,train", "1.jpg,b,train", "2.jpg,a,valid", "3.jpg,b,test")
    assert labelled(folder) == [{"0.jpg": "a", "1.jpg": "b"}, {"2.jpg": "a"}, {"3.jpg": "b"}]


def test_tables_of_parts_are_kept_and_a_table_without_labels_left_out(folder):
    put(folder, "train/0.jpg", "train/1.jpg", "val/0.jpg", "test/9.jpg")
    table(folder, "file,label", "0.jpg,a", "1.jpg,b", name="train.csv")
    table(folder, "file,label", "0.jpg,b", name="val.csv")
    table(folder, "file,label", "9.jpg,a", name="sample_submission.csv")
    assert labelled(folder) == [{"0.jpg": "a", "1.jpg": "b"}, {"0.jpg": "b"}, None]
    assert read_layout(folder).notes == (f"left out of {str(folder)!r}: 1 .csv, 1 image without a class",)


def test_one_table_over_the_folders_of_parts_keeps_the_parts(folder):
    put(folder, "train/0.jpg", "train/1.jpg", "test/2.jpg")
    table(folder, "file,label", "0.jpg,a", "1.jpg,b", "2.jpg,a")
    assert labelled(folder) == [{"0.jpg": "a", "1.jpg": "b"}, None, {"2.jpg": "a"}]


def test_each_part_may_have_a_table_in_its_folder(folder):
    for part in ("train", "valid", "test"):
        put(folder, f"{part}/1.jpg", f"{part}/2.jpg")
        table(folder, "filename, cat, dog", "1.jpg, 1, 0", "2.jpg, 0, 1", name=f"{part}/_classes.csv")
    assert labelled(folder) == [{"1.jpg": "cat", "2.jpg": "dog"}] * 3
    assert read_layout(folder).notes == ()


@pytest.mark.parametrize("name", ["Test.csv", "Test/labels.csv", "test_labels.jsonl"])
@pytest.mark.parametrize("place", ["Test", "Test/images"])
def test_a_test_without_folders_of_classes_may_have_a_table(folder, name, place):
    put(folder, *(f"Train/{number}/00000.png" for number in (0, 1)))
    put(folder, f"{place}/00000.png", f"{place}/00001.png")
    rows = [(f"{place}/00000.png", 1), (f"{place}/00001.png", 0)]
    if name.endswith("jsonl"):
        table(folder, *(f'{{"path": "{path}", "class_id": {label}}}' for path, label in rows), name=name)
    else:
        table(folder, "Width,ClassId,Path", *(f"8,{label},{path}" for path, label in rows), name=name)
    table(folder, "Width,ClassId,Path", "8,0,Train/0/00000.png", "8,1,Train/1/00000.png", name="Train.csv")
    layout = read_layout(folder)
    assert layout.classes == ("0", "1")
    assert names(folder, layout.test) == [f"{place}/00000.png", f"{place}/00001.png"]
    assert layout.test.labels == (1, 0)
    assert layout.notes == (f"left out of {str(folder)!r}: 1 .csv",)
    assert read_test_layout(folder).test == layout.test


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,label", "3.jpg,cat", "4.jpg,cow"], "labels.csv' has the class 'cow', and train has no folder of it"),
        (["file,label", "3.jpg,cat"], "val' has 2 images without a class"),  # it names one of two
        (["file,label", "3.jpg,cat", "4.jpg,"], "line 3 has no label: add it"),
    ],
)
def test_a_table_of_a_validation_that_does_not_fit_is_refused(folder, lines, message):
    put(folder, "train/cat/1.jpg", "train/dog/2.jpg", "val/3.jpg", "val/4.jpg")
    table(folder, *lines, name="val/labels.csv")
    with pytest.raises(DatasetError, match=message):
        read_layout(folder)


def test_a_table_in_utf_16_is_read(folder):
    put(folder, "1.jpg", "2.jpg")
    (folder / "labels.csv").write_bytes("file\tlabel\n1.jpg\tKäse\n2.jpg\tBrot\n".encode("utf-16"))
    assert labelled(folder) == [{"1.jpg": "Käse", "2.jpg": "Brot"}, None, None]


@pytest.mark.parametrize("read", [read_layout, read_test_layout])
def test_folders_that_a_table_contradicts_are_refused(folder, read):
    put(folder, "images_part_1/1.jpg", "images_part_1/2.jpg", "images_part_2/3.jpg", "images_part_2/4.jpg")
    table(folder, "image_id,dx,age", "1,nv,80", "2,mel,80", "3,nv,10", "4,mel,20", name="metadata.csv")
    with pytest.raises(DatasetError, match=r"metadata\.csv' has other classes than the folders of .*: move"):
        read(folder)


@pytest.mark.parametrize(
    "lines",
    [
        ["file,label", "1.jpg,Cat", "2.jpg,Cat", "3.jpg,Dog"],  # says what the folders say
        ["file,age", "1.jpg,3", "2.jpg,4", "3.jpg,9"],  # no labels
        ["file,label", "1.jpg,a", "9.jpg,b", "8.jpg,b", "7.jpg,a"],  # of other images
        ["file,label", "1.jpg,a,b"],  # no table
    ],
)
def test_a_table_beside_folders_of_classes_may_say_something_else(folder, lines):
    put(folder, "cat/1.jpg", "cat/2.jpg", "dog/3.jpg")
    table(folder, *lines)
    assert read_layout(folder).classes == ("cat", "dog")


def test_numbers_as_labels_are_in_their_order(folder):
    put(folder, *(f"{n}.jpg" for n in range(11)))
    table(folder, "file,label", *(f"{n}.jpg,{n}" for n in range(11)))
    assert read_layout(folder).classes == tuple(map(str, range(11)))


def test_folders_of_classes_go_before_a_table(folder):
    put(folder, "cat/1.jpg", "dog/2.jpg")
    table(folder, "file,label", "1.jpg,dog", "2.jpg,cat")
    assert read_layout(folder).classes == ("cat", "dog")
    assert parts_of(folder)[0] == ["cat/1.jpg", "dog/2.jpg"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,label", "9.jpg,a"], "labels.csv' line 2 names '9.jpg', and there is no such image: correct it"),
        (["file,label", "../1.jpg/x,a"], "line 2 names '../1.jpg/x', and there is no such image"),
        (["file,label", "1.jpg,"], "line 2 has no label: add it or remove the line"),
        (["file,label", "1.jpg,a,b"], "line 2 has 3 cells, not 2: correct it"),
        (["file,label", "1.jpg,a", "1.jpg,b"], "line 3 calls '1.jpg' 'b', a line before it 'a': leave one of them"),
        (["file,label,split", "1.jpg,a,fold3"], "line 2 has 'fold3' as split: write train, val or test, or remove"),
        (["file,label,split", "1.jpg,a,test", "2.jpg,b,test"], "they name no image for training"),
        (
            ["file,label,split", "1.jpg,a,train", "1.jpg,a,test"],
            r"1 images are in train and in test \('1.jpg', ...\)",
        ),
        (
            ["file,label,class", "1.jpg,a,b", "2.jpg,a,c"],
            r"has several columns of one meaning \(label, class\): leave one of them",
        ),
        (["a,b,c", "1.jpg,a,b"], "has the columns a, b, c: call the column of labels label, that of files filename"),
        (
            ["file,a,b", "1.jpg,1,1", "2.jpg,0,1"],
            r"line 2 has 2 classes \(a, b\), and each image is of one: correct it",
        ),
        (
            ["file,a,b", "1.jpg,1,0", "2.jpg,0,0"],
            "line 3 has no class, and each image is of one: correct it or remove",
        ),
        (["file,a,b", "1.jpg,1,0", "2.jpg,0,2"], "the columns file, a, b: call the column of labels label, that of"),
        (["file,label"], "has 1 lines: it takes one of names, then one for each image"),
        (["file,label", "1.jpg,a"], "needs a subfolder of images for each of at least two classes and has only 'a'"),
        (
            ["file,label,split", "3.jpg,a,train"],
            "line 2 is of train and its image lies in 'testing': correct one of them",
        ),
        (["file,label", "same.jpg,a"], "line 2 names 'same.jpg', and 2 images have that name: correct it"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_with_its_line(folder, lines, message):
    put(folder, "1.jpg", "2.jpg", "training/same.jpg", "testing/same.jpg", "testing/3.jpg")
    table(folder, *lines)
    with pytest.raises(DatasetError, match=message):
        read_layout(folder)


def test_a_table_that_is_no_text_is_refused(folder):
    put(folder, "1.jpg")
    (folder / "labels.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match=r"labels.csv' cannot be read as a table: save it as CSV in UTF-8"):
        read_layout(folder)


def picture(path, shade=90):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8, 3), shade, np.uint8)).save(path)


@pytest.fixture
def damaged(folder):
    """Six good images and two that cannot be read, in a class each."""
    for number in range(6):
        picture(folder / ("cat" if number % 2 else "dog") / f"{number}.png", 30 * number)
    put(folder, "cat/empty.png")
    (folder / "dog" / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    return folder


def test_all_damaged_images_are_in_one_message(damaged):
    with pytest.raises(ImageError) as caught:
        load_folder(damaged, image_size=(8, 8))
    assert str(caught.value) == (
        f"2 of 8 images cannot be used: image {str(damaged / 'cat' / 'empty.png')!r} is empty (0 bytes): copy it "
        f"again or remove it; {str(damaged / 'dog' / 'bad.jpg')!r} is not an image that can be read: save it again "
        "as an 8-bit JPEG or PNG; --skip-damaged goes on without them"
    )


def test_damaged_images_are_skipped_where_it_is_asked_for(damaged):
    splits = load_splits(str(damaged), image_size=(8, 8), skip_damaged=True)
    counts = [part.class_counts() for part in splits.parts().values()]
    assert {name: sum(count[name] for count in counts) for name in ("cat", "dog")} == {"cat": 3, "dog": 3}
    shades = sorted(int(image[0, 0]) for part in splits.parts().values() for image in part.images)
    assert shades == [0, 30, 60, 90, 120, 150]
    assert splits.notes[0].startswith("left out: 2 of 8 images cannot be used: image ")


def test_a_part_without_any_image_that_can_be_read_is_refused(folder):
    """A test would be drawn from the training images in its place."""
    for number in range(8):
        picture(folder / "train" / ("cat" if number % 2 else "dog") / f"{number}.png", 30 * number)
    put(folder, "test/cat/1.png", "test/dog/1.png")
    with pytest.raises(DatasetError, match="'pets' has no image for the test that can be read: add some"):
        load_folder(folder, image_size=(8, 8), skip_damaged=True)


def test_images_of_many_formats_are_read(folder):
    for number, suffix in enumerate((".webp", ".bmp", ".gif", ".tiff", ".jpg", ".jfif", ".png", ".ppm")):
        picture(folder / ("cat" if number % 2 else "dog") / f"{number}{suffix}", 200)
    train = load_folder(folder, image_size=(8, 8)).train
    assert len(train) == 8
    assert int(np.abs(train.images.astype(int) - 200).max()) <= 1
