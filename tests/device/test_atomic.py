from __future__ import annotations

import os

import pytest

from edgeready_device import atomic as new_file
from edgeready_device.atomic import write_text
from edgeready_device.errors import OutputError


def test_a_text_is_written_whole_and_nothing_else_is_left(tmp_path):
    write_text(tmp_path / "a.json", "é\n")
    assert (tmp_path / "a.json").read_bytes() == "é\n".encode()
    assert os.listdir(tmp_path) == ["a.json"]


def test_an_old_file_is_replaced(tmp_path):
    (tmp_path / "a.json").write_text("a longer old text")
    write_text(tmp_path / "a.json", "new")
    assert (tmp_path / "a.json").read_text() == "new"


@pytest.mark.parametrize("name", ["missing/a.json", "folder"])
def test_where_it_cannot_be_written_is_said_and_nothing_is_left(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*: choose another file") as caught:
        write_text(tmp_path / name, "x")
    assert caught.value.exit_code == 3
    assert os.listdir(tmp_path) == ["folder"]


def test_an_interruption_keeps_the_old_file(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_text("old")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(new_file.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "a.json", "new")
    assert (tmp_path / "a.json").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.json"]
