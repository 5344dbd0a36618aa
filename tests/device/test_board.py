from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest
from boards import lay

from edgeready_device.machine.board import MOST_BYTES, Board, ask_firmware, this_board, whole_number


def test_a_file_is_read_without_the_blanks_and_nuls_at_its_ends(tmp_path):
    assert Board(lay(tmp_path, {"a/b": b"\t 17 \n\0"})).text("a/b") == "17"


@pytest.mark.parametrize("path", ["missing", "folder"])
def test_what_cannot_be_read_is_empty(tmp_path, path):
    lay(tmp_path, {"folder": None})
    assert Board(tmp_path).text(path) == ""
    assert Board(tmp_path).number(path) is None


def test_a_file_without_end_is_read_to_the_limit_only():
    assert len(Board(Path("/")).text("dev/zero")) <= MOST_BYTES


@pytest.mark.parametrize(
    ("text", "base", "number"),
    [("17", 10, 17), ("-5", 10, -5), ("50005", 16, 0x50005), ("0x0", 16, 0), ("", 10, None), ("1.5", 10, None)],
)
def test_a_number_is_a_whole_one_or_none(text, base, number):
    assert whole_number(text, base) == number


def test_paths_are_sorted_and_below_the_root(tmp_path):
    lay(tmp_path, {"b/c10": "", "b/c2": "", "a": ""})
    assert Board(tmp_path).paths("b/c*") == ["b/c10", "b/c2"]
    assert Board(tmp_path / "none").paths("b/*") == []


def test_a_recorded_tree_has_no_firmware_to_ask(tmp_path):
    assert Board(tmp_path).firmware("get_throttled") == ""


def _command(folder: Path, script: str) -> Path:
    path = folder / "vcgencmd"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.skipif(os.name != "posix", reason="the stand-in command is a shell script")
@pytest.mark.parametrize(
    ("script", "answer"),
    [('echo "throttled=0x50000 $1"', "throttled=0x50000 get_throttled"), ("echo VCHI failed >&2; exit 255", "")],
)
def test_the_firmware_is_asked_by_its_command(tmp_path, monkeypatch, script, answer):
    command = _command(tmp_path, script)
    monkeypatch.setattr(shutil, "which", lambda name: str(command) if name == "vcgencmd" else None)
    assert this_board().firmware("get_throttled") == answer


def test_a_command_that_cannot_be_started_says_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: str(tmp_path / "gone"))
    assert ask_firmware("get_throttled") == ""


def test_no_command_says_nothing(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert ask_firmware("get_throttled") == ""
