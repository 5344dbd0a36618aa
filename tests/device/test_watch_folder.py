"""A folder that fills: each file once, when it is complete, whoever writes it and however."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from edgeready_device.errors import ImageError, NotFoundError
from edgeready_device.images.decode import load_picture
from edgeready_device.model import Model
from edgeready_device.watching import folder
from edgeready_device.watching.folder import FolderReader, check_folder
from edgeready_device.watching.source import Source
from edgeready_device.watching.watch import Labelled, watch


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder, and a reader that is quick: 5 ms from scan to scan, half-written files settle in 250 ms."""
    monkeypatch.setattr(folder, "_SCAN_S", 0.005)
    monkeypatch.setattr(folder, "_SETTLE_S", 0.25)
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def write(path: Path, value: int = 1) -> Path:
    np.save(path, np.full((2, 2, 3), value, np.uint8))
    return path


def take(reader: FolderReader, timeout_s: float = 5) -> tuple[str, int | str] | None:
    """The next file's name and its first pixel or error; None where none comes within the time."""
    stop = threading.Event()
    timer = threading.Timer(timeout_s, stop.set)
    timer.start()
    try:
        shot = reader.read(stop)
    finally:
        timer.cancel()
    if shot is None:
        return None
    return Path(shot.name).name, int(shot.pixels[0, 0, 0]) if shot.error is None else str(shot.error)


def take_all(reader: FolderReader) -> list[str]:
    names = []
    while (shot := take(reader, 0.1)) is not None:
        names.append(shot[0])
    return names


def age(path: Path, seconds: int) -> None:
    """Sets the time of the last change, in seconds since 1970."""
    os.utime(path, (seconds, seconds))


def test_files_come_once_in_the_order_of_their_times(place):
    for name, seconds in (("b.npy", 10), ("c.npy", 5), ("a.npy", 20)):
        age(write(place / name), seconds)
    reader = FolderReader(place)
    assert take_all(reader) == ["c.npy", "b.npy", "a.npy"]
    write(place / "d.npy", 7)
    assert take(reader) == ("d.npy", 7)
    assert take(reader, 0.03) is None


def test_files_that_were_there_at_the_start_can_be_left_out(place):
    write(place / "old.npy")
    reader = FolderReader(place, new_only=True)
    write(place / "new.npy")
    assert take_all(reader) == ["new.npy"]


def test_a_file_that_is_written_anew_comes_again(place):
    path = write(place / "latest.npy", 1)
    reader = FolderReader(place)
    assert take(reader) == ("latest.npy", 1)
    write(place / "next.tmp.npy", 2).rename(path)
    assert take(reader) == ("latest.npy", 2)
    with open(path, "r+b") as file:  # in its place, with the same size
        file.seek(-12, os.SEEK_END)
        file.write(b"\3" * 12)
    age(path, 99)
    assert take(reader) == ("latest.npy", 3)
    assert take(reader, 0.03) is None


def test_a_half_written_file_is_waited_for(place):
    whole = write(place.parent / "whole.npy", 9).read_bytes()
    reader = FolderReader(place)
    for size in (0, 20, len(whole) - 1):
        (place / "a.npy").write_bytes(whole[:size])
        assert take(reader, 0.03) is None
    (place / "a.npy").write_bytes(whole)
    assert take(reader) == ("a.npy", 9)


def test_a_file_that_stays_half_is_said_once_and_the_others_come_before(place):
    (place / "a.npy").write_bytes(write(place.parent / "whole.npy").read_bytes()[:-1])
    age(place / "a.npy", 1)
    write(place / "b.npy", 2)
    reader = FolderReader(place)
    assert take(reader) == ("b.npy", 2)
    name, error = take(reader)
    assert (name, error.startswith(f"array '{place / 'a.npy'}' cannot be read (")) == ("a.npy", True)
    assert take(reader, 0.3) is None


def test_a_half_written_image_is_waited_for(place):
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for name in ("a.jpg", "a.png"):
        pillow.fromarray(noise).save(place.parent / name)
        whole = (place.parent / name).read_bytes()
        reader = FolderReader(place)
        (place / name).write_bytes(whole[: len(whole) // 2])
        assert take(reader, 0.03) is None
        (place / name).write_bytes(whole)
        assert take(reader)[0] == name
        (place / name).unlink()


def test_a_jpeg_whose_space_is_there_before_its_contents_is_waited_for(place):
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    pillow.fromarray(noise).save(place.parent / "a.jpg")
    whole = (place.parent / "a.jpg").read_bytes()
    (place / "a.jpg").write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    reader = FolderReader(place)
    assert take(reader, 0.03) is None
    (place / "a.jpg").write_bytes(whole)
    assert take(reader) == ("a.jpg", int(np.asarray(pillow.open(place / "a.jpg"))[0, 0, 0]))


def test_a_jpeg_that_really_ends_in_zeros_is_shown_when_it_has_settled(place):
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    pillow.new("RGB", (8, 8), (200, 200, 200)).save(place / "a.jpg")
    with open(place / "a.jpg", "ab") as file:
        file.write(bytes(64))
    assert take(FolderReader(place)) == ("a.jpg", 200)


def test_hidden_files_and_those_that_are_no_images_are_left_out(place):
    for name in (".a.npy", "b.npy.part", "c.txt", "d"):
        write(place / "x.npy").rename(place / name)
    (place / "folder.npy").mkdir()
    os.mkfifo(place / "pipe.npy")
    (place / "gone.npy").symlink_to(place / "nothing.npy")
    (place / "link.npy").symlink_to(place / "d")
    assert take_all(FolderReader(place)) == ["link.npy"]


def test_a_file_that_is_moved_away_before_its_turn_is_no_error(place):
    for number in range(3):
        age(write(place / f"{number}.npy"), number)
    reader = FolderReader(place)
    assert take(reader) == ("0.npy", 1)
    (place / "1.npy").unlink()
    assert take_all(reader) == ["2.npy"]


def test_only_the_newest_file_comes_when_that_is_wanted_and_it_stands_for_the_others(place):
    for number in range(5):
        age(write(place / f"{number}.npy", number), number)
    reader = FolderReader(place, newest=True)
    shot = reader.read(threading.Event())
    assert (Path(shot.name).name, shot.count) == ("4.npy", 5)
    assert take(reader, 0.03) is None


def test_what_it_remembers_is_what_the_folder_holds(place):
    reader = FolderReader(place)
    for number in range(20):
        path = write(place / f"{number}.npy")
        assert take(reader) == (path.name, 1)
        path.unlink()
    assert take(reader, 0.03) is None
    assert (reader._done, reader._candidates, len(reader._queue)) == ({}, {}, 0)


def test_a_file_that_changes_while_it_is_read_is_read_again(place, monkeypatch):
    path = write(place / "a.npy", 1)
    read = folder.read_array

    def read_slowly(name):
        picture = read(name)
        if picture[0, 0, 0] == 1:
            age(write(path, 2), 99)
        return picture

    monkeypatch.setattr(folder, "read_array", read_slowly)
    reader = FolderReader(place)
    assert take(reader) == ("a.npy", 2)
    assert take(reader, 0.03) is None


def test_a_folder_that_goes_away_is_an_error_and_it_goes_on_when_it_is_back(place):
    write(place / "a.npy")
    reader = FolderReader(place)
    assert take(reader) == ("a.npy", 1)
    place.rename(place.parent / "away")
    with pytest.raises(NotFoundError, match=r"the folder '.*in' is gone: make it again"):
        take(reader)
    with pytest.raises(NotFoundError, match="no folder"):
        reader.reopen()
    (place.parent / "away").rename(place)
    assert reader.reopen() is reader
    write(place / "b.npy", 2)
    assert take_all(reader) == ["b.npy"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_said(place):
    place.chmod(0)
    try:
        with pytest.raises(ImageError, match=r"cannot be read \(Permission denied\): check its rights"):
            check_folder(place)
    finally:
        place.chmod(0o700)


@pytest.mark.parametrize("name", ["none", "file.txt"])
def test_what_is_no_folder_is_not_found(place, name):
    (place / "file.txt").write_text("x")
    with pytest.raises(NotFoundError, match="give the folder that fills with images"):
        check_folder(place / name)


@pytest.mark.parametrize(("rotate", "shape"), [(0, (200, 100, 3)), (90, (400, 200, 3))])
def test_a_large_jpeg_is_decoded_for_the_frame_alone(place, rotate, shape):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    image.fromarray(np.zeros((1600, 800, 3), np.uint8)).save(place / "large.jpg")
    reader = FolderReader(place)
    Source("folder", "in", open=reader.reopen, files=reader).reduce_to((80, 20), rotate)
    shot = reader.read(threading.Event())
    assert shot is not None
    assert shot.pixels.shape == shape
    assert shot.size == (1600, 800)


def test_a_large_jpeg_of_a_folder_gets_the_scores_that_classify_gives_it(place, model):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    noise = np.random.default_rng(3).integers(0, 256, (400, 300, 3), np.uint8)
    image.fromarray(noise).save(place / "large.jpg")
    classifier = Model.load(model("conv"))
    events = watch(classifier, str(place), count=1)
    event = next(event for event in events if isinstance(event, Labelled))
    events.close()
    frame = load_picture(place / "large.jpg", classifier.contract.frame)
    assert event.predictions == tuple(classifier.classify(frame, top=3))
    assert event.size == (400, 300)
