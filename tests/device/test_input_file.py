"""Pipes, devices, sockets and closed folders in the place of files; nothing here may hang."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from forked_process import in_child

from edgeready_device import cli, input_file
from edgeready_device.errors import FileAccessError
from edgeready_device.input_file import NotAFileError, check_file, list_folder, read_file, require_file


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(input_file, "WRITER_LIMIT_S", 0.2)
    monkeypatch.setattr(input_file, "SILENCE_LIMIT_S", 0.2)


@pytest.fixture
def pipe(tmp_path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def write_later(path: Path, *parts: bytes, pause_s: float = 0.05) -> threading.Thread:
    """Writes `parts` to the pipe, as a program in the background does."""

    def write() -> None:
        with path.open("wb", buffering=0) as stream:
            for part in parts:
                time.sleep(pause_s)
                stream.write(part)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def test_a_file_is_read_to_its_limit_and_one_byte_more(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    assert [read_file(path, most) for most in (20, 10, 9, 3)] == [b"0123456789"] * 2 + [b"0123456789", b"0123"]


def test_a_pipe_is_read_to_its_end_with_all_its_pauses(pipe):
    writer = write_later(pipe, b"a" * 100_000, b"b", b"c")
    assert read_file(pipe, 1 << 20) == b"a" * 100_000 + b"bc"
    writer.join()


def test_a_pipe_that_nobody_writes_to_is_refused(pipe):
    with pytest.raises(NotAFileError, match=r"^it is a pipe that nothing was written to: name a file$"):
        read_file(pipe, 100)


def test_a_pipe_whose_writer_is_silent_is_refused(pipe):
    writer = os.open(pipe, os.O_RDWR)
    with pytest.raises(NotAFileError, match=r"^it is a pipe that was silent for 0\.2 s: name a file$"):
        read_file(pipe, 100)
    os.close(writer)


def test_a_pipe_that_does_not_end_is_cut_off(pipe, monkeypatch):
    monkeypatch.setattr(input_file, "_NO_SIZE_BYTES", 1000)
    writer = os.open(pipe, os.O_RDWR)
    os.write(writer, b"x" * 5000)
    assert len(read_file(pipe, 100)) == 101  # which the caller finds too large
    with pytest.raises(NotAFileError, match="it is a pipe with more than 0 MiB: copy it to a file"):
        read_file(pipe, 1 << 20)
    os.close(writer)


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", "/dev/full"])
def test_a_device_is_refused(path):
    for read in (lambda: read_file(path, 10), lambda: check_file(path)):
        with pytest.raises(NotAFileError, match=r"^it is a device: name a file$") as caught:
            read()
        assert caught.value.filename == path


def test_a_socket_and_a_folder_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(NotAFileError, match=r"^it is a socket: name a file$"):
            read_file("s", 10)
    with pytest.raises(IsADirectoryError):
        read_file(tmp_path, 10)
    with pytest.raises(FileNotFoundError):
        read_file("none", 10)


def test_what_is_read_twice_may_be_no_pipe(pipe, tmp_path):
    with pytest.raises(FileAccessError, match=r"pipe: it is a pipe: name a file$"):
        require_file(pipe)
    require_file(tmp_path / "none")  # which is said where it is read


@pytest.mark.skipif(not os.path.exists("/proc/version"), reason="this system has no /proc")
def test_a_file_that_states_no_size_is_read_whole():
    assert read_file("/proc/version", 1 << 20) == Path("/proc/version").read_bytes()


# -- through the commands --------------------------------------------------------------------------------------


@pytest.fixture
def fails(capsys):
    """Runs a command that must fail with one line: its exit code and the line."""

    def call(*words: object) -> tuple[int, str]:
        code = cli.main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        return code, err.removeprefix("edgeready-device: ").removesuffix("\n")

    return call


NOTHING = "it is a pipe that nothing was written to: name a file"


def test_every_place_of_a_file_refuses_a_pipe_that_nobody_writes_to(fails, pipe, model, complete, tmp_path):
    np.save(tmp_path / "frame.npy", np.zeros((2, 2, 1), np.uint8))
    for name in ("pipe.npy", "pipe.npz", "pipe.png"):
        os.mkfifo(tmp_path / name)
    good, frame = complete(), tmp_path / "frame.npy"
    for verb in ("info", "benchmark", "verify", "doctor"):
        assert fails(verb, pipe) == (3, f"{pipe}: cannot be read ({NOTHING})"), verb
    assert fails("classify", good, frame, "--labels", pipe) == (2, f"{pipe}: cannot be read ({NOTHING})")
    assert fails("compare", pipe, pipe) == (3, f"{pipe}: cannot be read ({NOTHING})")
    array = tmp_path / "pipe.npy"
    assert fails("classify", good, array) == (
        3,
        f"array '{array}' cannot be read (it is a pipe: name a file): write it with numpy.save",
    )
    images = tmp_path / "pipe.npz"
    assert fails("evaluate", good, images) == (
        3,
        f"'{images}' cannot be read as .npz (it is a pipe: name a file): write it again with numpy.savez, "
        "plain numbers only, no objects",
    )
    assert fails("tune", pipe) == (
        2,
        f"{pipe} is a pipe, and the choice goes beside the model: name a file, or --dry-run",
    )
    pytest.importorskip("PIL", reason="Pillow is not installed here")
    picture = tmp_path / "pipe.png"
    assert fails("classify", good, picture) == (3, f"image '{picture}' cannot be read ({NOTHING})")


def test_a_pipe_for_a_tune_file_is_as_none(model, tmp_path, capsys):
    path = tmp_path / "conv.tflite"
    path.write_bytes(model("conv").read_bytes())
    os.mkfifo(tmp_path / "conv.tflite.tune.json")
    assert cli.main(["info", str(path)]) == 0
    options = ["--threads", "1", "--seconds", "0.05", "--runtime", "ai-edge-litert"]
    assert cli.main(["tune", str(path), *options]) == 0
    assert (tmp_path / "conv.tflite.tune.json").is_file()
    capsys.readouterr()


@pytest.mark.parametrize(
    "words", [["info"], ["benchmark", "--runs", "1", "--min-time", "0", "--warmup-time", "0"], ["classify"]]
)
def test_a_model_through_a_pipe_is_a_model_in_every_command(words, model, tmp_path):
    np.save(tmp_path / "frame.npy", np.zeros((8, 8, 1), np.uint8))
    data = model("conv").read_bytes()
    receiver, sender = os.pipe()
    command = [sys.executable, "-m", "edgeready_device", words[0], f"/dev/fd/{receiver}", *words[1:]]
    if words == ["classify"]:
        command.append(str(tmp_path / "frame.npy"))
    process = subprocess.Popen(command, pass_fds=[receiver], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(receiver)
    with os.fdopen(sender, "wb") as stream:
        stream.write(data)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert out


def test_an_image_through_a_pipe_is_an_image(complete, pipe, tmp_path, capsys):
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    pillow.fromarray(np.array([[16, 8], [4, 12]], np.uint8)).save(tmp_path / "a.png")
    writer = write_later(pipe, (tmp_path / "a.png").read_bytes())
    assert cli.main(["classify", str(complete()), str(pipe), "--top", "1"]) == 0
    assert capsys.readouterr() == (f"{pipe}: left 52.5 %\n", "")
    writer.join()


# -- folders that are closed -----------------------------------------------------------------------------------


def as_nobody(work) -> str:
    """What `work` raised in a process of a user without rights; empty where it raised nothing."""

    def discard() -> None:
        work()

    return in_child(discard, user=54341)


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o111])
def test_a_folder_that_cannot_be_listed_is_a_sentence(mode):
    folder = Path("/tmp") / f"edgeready-closed-{os.getpid()}"
    folder.mkdir()
    (folder / "a.png").touch()
    folder.chmod(mode)
    try:
        text = as_nobody(lambda: list_folder(folder))
    finally:
        folder.chmod(0o700)
        (folder / "a.png").unlink()
        folder.rmdir()
    assert text == (
        f"FileAccessError: {folder}: the folder cannot be read (Permission denied): check its permissions"
    )


def test_commands_say_which_folder_is_closed():
    """As a user without rights, below a folder that this user may not enter."""
    import edgeready_device.evaluation
    import edgeready_device.images.decode

    folder = Path("/tmp") / f"edgeready-closed-{os.getpid()}"
    (folder / "inner").mkdir(parents=True)
    folder.chmod(0o000)
    spec = None
    try:
        outside = as_nobody(lambda: edgeready_device.evaluation.load_examples(folder / "inner", spec, ["a"]))
        inside = as_nobody(lambda: edgeready_device.evaluation.load_examples(folder, spec, ["a"]))
        images = as_nobody(lambda: edgeready_device.images.decode.image_files(folder))
    finally:
        folder.chmod(0o700)
        (folder / "inner").rmdir()
        folder.rmdir()
    closed = f"FileAccessError: {folder}: the folder cannot be read (Permission denied): check its permissions"
    assert (inside, images) == (closed, closed)
    assert outside == (
        f"FileAccessError: {folder}/inner: cannot be used (Permission denied): check the path and its permissions"
    )
