"""A living process's file is told from a dead one's, and scratch folders do not pile up."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from edgeready.errors import OutputError
from edgeready.files.lock import LEFTOVER_AGE_S, held_file, is_held
from edgeready.files.scratch import PREFIX, scratch_folder

HOLD = "import sys, time; from pathlib import Path; from edgeready.files.lock import held_file\n"
HOLD += "with held_file(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The system's temporary folder, for this test only."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def scratch_names(root):
    return sorted(path.name for path in root.iterdir())


def killed_in_scratch(root):
    """A process that is killed inside its scratch folder; the folder that it leaves."""
    program = "import time; from edgeready.files.scratch import scratch_folder\n"
    program += "with scratch_folder() as folder:\n    (folder / 'x').write_bytes(b'x')\n"
    program += "    print(folder, flush=True)\n    time.sleep(60)"
    environment = {**os.environ, "TMPDIR": str(root)}
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
    name = child.stdout.readline().strip()
    child.kill()
    child.communicate()
    return name


def test_a_file_is_held_during_the_block_and_by_nobody_after_it(tmp_path):
    path = tmp_path / "f"
    with held_file(path):
        assert is_held(path)
    assert path.exists()
    assert not is_held(path)


def test_a_file_that_is_not_there_is_held_by_nobody(tmp_path):
    assert not is_held(tmp_path / "f")


def test_the_file_of_another_process_is_held_until_that_process_is_killed(tmp_path):
    path = tmp_path / "f"
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "held\n"
    assert is_held(path)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert not is_held(path)


def test_where_the_file_system_knows_no_locks_age_decides(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("fcntl.flock", refuse)
    path = tmp_path / "f"
    with held_file(path):
        assert is_held(path)
    long_ago = time.time() - LEFTOVER_AGE_S - 10
    os.utime(path, (long_ago, long_ago))
    assert not is_held(path)


def test_a_scratch_folder_goes_with_its_block(root):
    with scratch_folder() as folder:
        assert folder.parent == root
        assert folder.name.startswith(PREFIX)
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_bytes(b"x")
    assert scratch_names(root) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_scratch_folder_goes_with_an_error_too(root, error):
    with pytest.raises(error), scratch_folder():
        raise error
    assert scratch_names(root) == []


def test_what_a_killed_process_left_goes_with_the_next_one_and_a_living_ones_stays(root):
    with scratch_folder() as living:
        left = killed_in_scratch(root)
        assert os.path.exists(left)
        with scratch_folder() as folder:
            assert not os.path.exists(left)
            assert scratch_names(root) == sorted([living.name, folder.name])


def test_a_users_folder_with_a_name_like_ours_is_not_swept(root):
    mine = root / f"{PREFIX}pictures"
    mine.mkdir()
    (mine / "photo.jpg").write_bytes(b"x")
    long_ago = time.time() - LEFTOVER_AGE_S - 10
    os.utime(mine, (long_ago, long_ago))
    with scratch_folder():
        pass
    assert (mine / "photo.jpg").read_bytes() == b"x"


def test_an_empty_folder_of_a_process_that_was_killed_at_once_goes_when_it_is_old(root):
    empty = root / f"{PREFIX}abc"
    empty.mkdir()
    with scratch_folder():
        assert empty.exists()
    long_ago = time.time() - LEFTOVER_AGE_S - 10
    os.utime(empty, (long_ago, long_ago))
    with scratch_folder():
        assert not empty.exists()


def test_a_full_temporary_folder_is_one_line_that_names_it_and_tmpdir(root):
    with pytest.raises(OutputError) as caught, scratch_folder():
        raise OSError(errno.ENOSPC, "No space left on device")
    assert str(caught.value) == (
        f"the temporary folder {root} takes no more (No space left on device): set TMPDIR to a folder with more space"
    )


def test_another_error_of_the_system_passes_as_it_is(root):
    with pytest.raises(FileNotFoundError), scratch_folder() as folder:
        (folder / "missing").read_bytes()


def test_a_file_that_is_swept_up_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    path, lock = tmp_path / "f", fcntl.flock
    swept = []

    def late(handle, operation):
        if not swept:
            (unborn,) = tmp_path.iterdir()
            swept.append(unborn.name)
            unborn.unlink()
        lock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with held_file(path):
        assert is_held(path)
    assert swept == ["f.unborn"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_gone_is_an_error_and_no_endless_attempt(tmp_path):
    with pytest.raises(FileNotFoundError), held_file(tmp_path / "gone" / "f"):
        pass
