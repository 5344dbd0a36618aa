"""A file is there whole, or not at all."""

from __future__ import annotations

import pytest

from edgeready.errors import OutputError
from edgeready.files.atomic import new_file, write_files
from edgeready.files.lock import held_file


def write_half(path, error):
    with new_file(path) as temporary:
        temporary.write_bytes(b"half")
        raise error("half-way")


def test_the_file_appears_when_the_block_ends_and_not_before(tmp_path):
    path = tmp_path / "model.tflite"
    with new_file(path) as temporary:
        temporary.write_bytes(b"whole")
        assert not path.exists()
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".model.tflite.")
        assert temporary.suffix == ".part"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.tflite"]
    assert path.read_bytes() == b"whole"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_when_the_block_raises(tmp_path, error):
    with pytest.raises(error):
        write_half(tmp_path / "model.tflite", error)
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_stays_as_it_was_when_the_block_raises(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="half-way"):
        write_half(path, ValueError)
    assert path.read_bytes() == b"old"


def test_an_older_file_is_replaced_when_the_block_ends(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"old")
    with new_file(path) as temporary:
        temporary.write_bytes(b"new")
    assert path.read_bytes() == b"new"


def test_missing_folders_are_made(tmp_path):
    with new_file(tmp_path / "a" / "b" / "model.tflite") as temporary:
        temporary.write_bytes(b"x")
    assert (tmp_path / "a" / "b" / "model.tflite").read_bytes() == b"x"


def test_a_folder_that_is_a_file_is_an_output_error_that_names_the_path(tmp_path):
    (tmp_path / "taken").write_text("")
    path = tmp_path / "taken" / "model.tflite"
    with pytest.raises(OutputError) as caught, new_file(path):
        pass
    assert str(caught.value).startswith(f"cannot write {str(path)!r} (")
    assert str(caught.value).endswith("): choose another folder")


def test_a_name_that_is_a_folder_is_an_output_error_and_leaves_nothing(tmp_path):
    (tmp_path / "model.tflite").mkdir()
    with pytest.raises(OutputError, match="choose another name"), new_file(tmp_path / "model.tflite") as temporary:
        temporary.write_bytes(b"x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.tflite"]


def test_what_a_killed_process_left_is_swept_up_and_what_a_living_one_writes_is_not(tmp_path):
    names = (".m.tflite.1.part", ".m.tflite.3.part.unborn", ".m.tflite.2.part", ".other.tflite.1.part")
    left, unborn, living, other = (tmp_path / name for name in names)
    for leftover in (left, unborn, other):
        leftover.write_bytes(b"half")
    with held_file(living), new_file(tmp_path / "m.tflite") as temporary:
        temporary.write_bytes(b"x")
    assert {entry.name for entry in tmp_path.iterdir()} == {"m.tflite", living.name, other.name}


def test_a_build_writes_all_of_its_files_or_none(tmp_path):
    (tmp_path / "taken").write_text("")
    files = {tmp_path / "a.tflite": b"a", tmp_path / "a.keras": b"k", tmp_path / "taken" / "b.tflite": b"b"}
    with pytest.raises(OutputError, match="choose another folder"):
        write_files(files)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    write_files({path: data for path, data in files.items() if path.parent == tmp_path})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "taken": b"",
        "a.tflite": b"a",
        "a.keras": b"k",
    }
