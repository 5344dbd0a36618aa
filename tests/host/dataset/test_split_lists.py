"""Lists of files beside the folders of the classes: train.txt and test.txt, or a table with the parts."""

from __future__ import annotations

import pytest

from edgeready.errors import DatasetError
from edgeready_device.image_sets.layout import read_layout, read_test_layout

ANIMALS = {f"{name}/{number}.jpg": "" for name in ("cat", "dog") for number in (1, 2, 3)}


def lay(folder, files):
    for name, text in files.items():
        path = folder / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder / "set"


def names(listing):
    return None if listing is None else [f"{file.parent.name}/{file.name}" for file in listing.files]


def parts(layout):
    return [names(part) for part in (layout.train, layout.validation, layout.test)]


LISTS = {"train.txt": "cat/1\ncat/2\ndog/1\ndog/2\n", "test.txt": "cat/3\ndog/3\n"}
SPLIT = [["cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg"], None, ["cat/3.jpg", "dog/3.jpg"]]


@pytest.mark.parametrize("place", ["", "meta/", "data/splits/"])
def test_lists_are_found_in_any_folder(place, tmp_path):
    layout = read_layout(lay(tmp_path, {**ANIMALS, **{f"{place}{name}": text for name, text in LISTS.items()}}))
    assert parts(layout) == SPLIT
    assert layout.train.labels == (0, 0, 1, 1)
    assert layout.test.labels == (0, 1)
    assert layout.notes == ("the parts are those of train.txt, test.txt",)


@pytest.mark.parametrize(
    "test",
    [
        "cat/3.jpg\ndog/3.jpg",  # no line end at the end
        "./cat/3.jpg\r\n./dog/3.jpg\r\n",
        "cat\\3.jpg\ndog\\3.jpg\n",
        "/home/somebody/set/cat/3.jpg\n/home/somebody/set/dog/3.jpg\n",
        "Cat/3.JPG\nDOG/3.Jpg\n",
        "cat/3.jpg 0\ndog/3.jpg 1\n",
        "cat/3.jpg\tcat\n\ndog/3.jpg\tdog\n\n",
        "cat/3.jpg,0\ndog/3.jpg,1\n",
        "cat/3; a cat\ndog/3; a big dog\n",
        "cat/3\tthe cat of a friend\ndog/3\ta dog\n",
        "\ufeffcat/3\ndog/3\n",
    ],
)
def test_a_line_may_name_an_image_in_many_ways(test, tmp_path):
    assert parts(read_layout(lay(tmp_path, {**ANIMALS, **LISTS, "test.txt": test}))) == SPLIT


def test_a_bare_name_counts_where_one_file_has_it(tmp_path):
    files = {f"{name}/{name} {number}.jpg": "" for name in ("cat", "dog") for number in (1, 2)}
    layout = read_layout(lay(tmp_path, {**files, "test.txt": "cat 2.jpg 0\ndog 2\n"}))
    assert names(layout.test) == ["cat/cat 2.jpg", "dog/dog 2.jpg"]
    unclear = read_layout(lay(tmp_path / "unclear", {**ANIMALS, "test.txt": "3.jpg\n"}))
    assert parts(unclear)[1:] == [None, None]


def test_a_name_in_another_folder_means_no_file_of_that_name_here(tmp_path):
    files = {"cat/1.jpg": "", "cat/2.jpg": "", "dog/3.jpg": "", "dog/4.jpg": ""}
    layout = read_layout(lay(tmp_path, {**files, "test.txt": "cat/2.jpg\ndog/4.jpg\ncat/3.jpg\n"}))
    assert names(layout.test) == ["cat/2.jpg", "dog/4.jpg"]
    assert f"1 lines of '{tmp_path}/set/test.txt' name no image" in layout.notes


def test_the_folder_of_all_images_may_lie_beside_the_lists(tmp_path):
    files = {f"images/{name}": "" for name in ANIMALS}
    assert parts(read_layout(lay(tmp_path, {**files, **{f"meta/{n}": text for n, text in LISTS.items()}}))) == SPLIT


def test_images_in_no_list_are_left_out_and_counted(tmp_path):
    layout = read_layout(lay(tmp_path, {**ANIMALS, "train.txt": "cat/1\ndog/1\n", "test.txt": "cat/3\n"}))
    assert parts(layout) == [["cat/1.jpg", "dog/1.jpg"], None, ["cat/3.jpg"]]
    assert layout.notes[0] == "3 images are in none of the lists (train.txt, test.txt): left out"


def test_without_a_list_for_the_training_the_other_images_are_for_it(tmp_path):
    layout = read_layout(lay(tmp_path, {**ANIMALS, "val.txt": "cat/2\n", "test.txt": "cat/3\ndog/3\n"}))
    assert parts(layout) == [["cat/1.jpg", "dog/1.jpg", "dog/2.jpg"], ["cat/2.jpg"], ["cat/3.jpg", "dog/3.jpg"]]
    assert layout.notes == ("the parts are those of val.txt, test.txt",)


TABLES = [
    {
        "train.csv": "id,Filename,Label\n0,cat/1.jpg,0\n1,dog/1.jpg,1\n",
        "test.csv": "id,Filename,Label\n2,cat/2.jpg,0\n",
    },
    {"list.csv": "path,label,split\ncat/1.jpg,cat,train\ndog/1.jpg,dog,train\ncat/2.jpg,cat,test\n"},
    {"list.tsv": "path\tlabel\tsplit\ncat/1\tcat\tTrain\ndog/1\tdog\tTrain\ncat/2\tcat\tTest\n"},
]


@pytest.mark.parametrize("tables", TABLES)
def test_tables_are_lists_too(tables, tmp_path):
    layout = read_layout(lay(tmp_path, {**ANIMALS, **tables}))
    assert parts(layout) == [["cat/1.jpg", "dog/1.jpg"], None, ["cat/2.jpg"]]


@pytest.mark.parametrize(
    "lists",
    [
        {"train.txt": "cat/1\ndog/1\n"},  # nothing to test on: the rest may be anything
        {"test.txt": "cat/1\nnobody/2\nnothing/3\n"},  # most of it is of another set
        {"test.txt": "The test was drawn by hand.\n"},
        {"test.txt": ""},
        {"notes.txt": "cat/1\ndog/1\n"},
        {**LISTS, "splits/test2.txt": "cat/1\ndog/1\n"},  # which one is meant?
        {f"split{number}/test.txt": "cat/1\ndog/1\n" for number in range(13)},
        {"test.csv": '"no table'},
        {"list.csv": "path,label,width\ncat/1.jpg,cat,40\ndog/1.jpg,dog,40\n"},
    ],
)
def test_what_is_no_split_is_left_out_and_counted(lists, tmp_path):
    layout = read_layout(lay(tmp_path, {**ANIMALS, **lists}))
    assert parts(layout) == [list(ANIMALS), None, None]
    kind = "csv" if any(name.endswith("csv") for name in lists) else "txt"
    assert layout.notes == (f"left out of '{tmp_path}/set': {len(lists)} .{kind}",)


def test_an_image_in_two_lists_is_refused(tmp_path):
    with pytest.raises(
        DatasetError, match=r"^1 images are in train and in test \('1.jpg', ...\): leave each in one$"
    ):
        read_layout(lay(tmp_path, {**ANIMALS, **LISTS, "test.txt": "cat/1\ndog/3\n"}))


def test_a_class_that_the_lists_leave_without_training_is_refused(tmp_path):
    line = "leave no image of 'dog' for the training: add some, or move the lists away$"
    with pytest.raises(DatasetError, match=line):
        read_layout(lay(tmp_path, {**ANIMALS, **LISTS, "train.txt": "cat/1\ncat/2\n"}))


def test_a_text_of_windows_is_a_list(tmp_path):
    folder = lay(tmp_path, {**ANIMALS, **LISTS})
    (folder / "test.txt").write_text(LISTS["test.txt"], "utf-16")
    assert parts(read_layout(folder)) == SPLIT


def test_a_file_that_is_no_text_is_no_list(tmp_path):
    folder = lay(tmp_path, ANIMALS)
    (folder / "test.txt").write_bytes(b"\xff\xd8\xff\xe0cat/1\n")
    assert parts(read_layout(folder)) == [list(ANIMALS), None, None]


@pytest.mark.parametrize("files", [{"horse/labels.csv": ""}, {"horse/test.csv": "", "horse/1.avif": ""}])
def test_a_class_without_an_image_is_no_folder_of_lists(files, tmp_path):
    with pytest.raises(DatasetError, match=r"/horse' has no .* image, but .*: add some or remove it$"):
        read_layout(lay(tmp_path, {**ANIMALS, **files}))


def test_a_set_that_is_only_tested_on_needs_no_image_for_the_training(tmp_path):
    lists = {"test.txt": "".join(f"{name}\n" for name in ANIMALS)}
    assert names(read_test_layout(lay(tmp_path, {**ANIMALS, **lists})).test) == list(ANIMALS)
    with pytest.raises(DatasetError, match="leave no image of 'cat' for the training"):
        read_layout(lay(tmp_path, {}))


def test_a_model_is_tested_on_the_list_for_it(tmp_path):
    layout = read_test_layout(lay(tmp_path, {**ANIMALS, **LISTS, "about.pdf": ""}))
    assert names(layout.test) == ["cat/3.jpg", "dog/3.jpg"]
    assert layout.notes == ("the parts are those of train.txt, test.txt", f"left out of '{tmp_path}/set': 1 .pdf")
    only = read_test_layout(lay(tmp_path / "only", {**ANIMALS, "val.txt": "cat/3\n"}))
    assert names(only.test) == ["cat/3.jpg"]
