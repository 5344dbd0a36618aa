"""Decoded photos are kept for the next run, and never taken for what they are not."""

import errno
import os
import shutil
import stat
import sys
import threading
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from tflite_models import conv_classifier

from edgeready.cli import app
from edgeready.config.disk import LIMIT_VARIABLE, disk_limit
from edgeready.dataset import load_splits, photo_cache, photo_files, pictures
from edgeready.errors import ImageError, UsageError
from edgeready.files import scratch, stored_images
from edgeready.files.stored_images import StoredImages
from edgeready.model_file.writer import package
from edgeready.quantization.representative import load_representative
from edgeready_device.model_file.manifest import InputSpec, Manifest

SIZE = (6, 8)


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """A cache folder of its own, in which every set is kept, of files however young."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(LIMIT_VARIABLE, raising=False)
    monkeypatch.setattr(pictures, "LEAST_CACHED_BYTES", 1)
    monkeypatch.setattr(photo_cache, "_SETTLED_NS", -(10**18))
    return tmp_path / "home" / "edgeready" / "photos"


@pytest.fixture
def photos(tmp_path):
    """A folder of ten photos in two classes."""
    generator = np.random.default_rng(1)
    for number in range(10):
        save(
            tmp_path / "photos" / "ab"[number % 2] / f"{number}.png", generator.integers(0, 256, (9, 9, 3), np.uint8)
        )
    return tmp_path / "photos"


@pytest.fixture
def reads(monkeypatch):
    """How often each file is decoded."""
    counts = Counter()
    load_frame = photo_files.load_frame

    def count_reads(path, *arguments, **options):
        counts[path.name] += 1
        return load_frame(path, *arguments, **options)

    monkeypatch.setattr(photo_files, "load_frame", count_reads)
    return counts


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def load(folder, **options):
    """The images and hashes of each part, and the notes."""
    splits = load_splits(str(folder), image_size=SIZE, **options)
    parts = {name: (np.asarray(part.images).tolist(), part.hashes()) for name, part in splits.parts().items()}
    return parts, splits.notes


def entries(home):
    return sorted(home.glob("*.pixels"))


def test_a_second_run_decodes_nothing_and_has_the_same_images(photos, reads, home):
    first = load(photos, keep=False)
    assert not home.exists()
    reads.clear()
    assert load(photos) == first
    assert (len(reads), sum(reads.values())) == (10, 10)
    (entry,) = entries(home)
    assert (stat.S_IMODE(entry.stat().st_mode), stat.S_IMODE(home.stat().st_mode)) == (0o600, 0o700)
    reads.clear()
    assert load(photos) == first
    assert load(photos, keep=False) == first
    assert sum(reads.values()) == 10  # those of the last one
    assert [path.name for path in home.iterdir()] == [entry.name]


def test_large_sets_are_read_from_the_cache_itself(photos, home, monkeypatch):
    small = load(photos)
    monkeypatch.setattr(stored_images, "LARGE_BYTES", 1)
    assert load(photos) == small
    images = load_splits(str(photos), image_size=SIZE).train.images
    assert isinstance(images, StoredImages)
    assert os.fstat(images.store.descriptor).st_ino == entries(home)[0].stat().st_ino
    entries(home)[0].unlink()  # by another run that needs the space
    assert load(photos)[0]["train"][0] == np.asarray(images).tolist()


def test_only_what_is_new_or_changed_is_decoded(photos, reads):
    load(photos)
    reads.clear()
    save(photos / "a" / "new.png", np.full((9, 9, 3), 7, np.uint8))
    (photos / "b" / "1.png").unlink()
    load(photos)
    assert set(reads) == {"new.png"}
    reads.clear()
    (photos / "a" / "0.png").unlink()
    assert load(photos) == load(photos, keep=False)
    assert reads == dict.fromkeys(
        ("2.png", "3.png", "4.png", "5.png", "6.png", "7.png", "8.png", "9.png", "new.png"), 1
    )


def test_another_file_of_the_same_name_size_and_time_is_decoded_again(photos, reads):
    load(photos)
    path = photos / "a" / "0.png"
    state, content = path.stat(), bytearray(path.read_bytes())
    other = path.with_name("other.bmp")
    save(other, np.full((9, 9, 3), 7, np.uint8))
    path.write_bytes(other.read_bytes()[: len(content)].ljust(len(content), b"\0"))
    other.unlink()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert path.stat().st_size == state.st_size
    reads.clear()
    assert load(photos) == load(photos, keep=False)
    assert set(reads.values()) == {1, reads["0.png"]}
    assert reads["0.png"] > 1


def test_a_file_that_was_just_changed_may_change_again_and_is_not_kept(photos, reads, monkeypatch):
    monkeypatch.setattr(photo_cache, "_SETTLED_NS", 10**12)
    load(photos)
    reads.clear()
    assert load(photos) == load(photos, keep=False)
    assert sum(reads.values()) == 20


@pytest.mark.parametrize("options", [{"image_size": (8, 6)}, {"channels": 1}])
def test_frames_of_another_kind_are_others(photos, reads, home, options):
    load(photos)
    reads.clear()
    expected = load_splits(str(photos), keep=False, **{"image_size": SIZE, **options}).train.images
    found = load_splits(str(photos), **{"image_size": SIZE, **options}).train.images
    assert np.array_equal(expected, found)
    assert (sum(reads.values()), len(entries(home))) == (20, 2)


def test_another_decoder_decodes_again(photos, reads, monkeypatch):
    load(photos)
    reads.clear()
    monkeypatch.setattr(pictures, "_decoder", lambda: ("another version of Pillow",))
    load(photos)
    assert sum(reads.values()) == 10


def test_another_folder_of_the_same_files_is_another_set(photos, reads, tmp_path):
    load(photos)
    photos.rename(tmp_path / "moved")
    reads.clear()
    load(tmp_path / "moved")
    assert sum(reads.values()) == 10
    (tmp_path / "link").symlink_to(tmp_path / "moved")
    reads.clear()
    load(tmp_path / "link")
    assert sum(reads.values()) == 0


def test_grey_photos_are_grey_from_the_cache_too(tmp_path, reads):
    for number in range(6):
        save(tmp_path / "grey" / "ab"[number % 2] / f"{number}.png", np.full((5, 5), 40 * number, np.uint8))
    first = load(tmp_path / "grey")
    reads.clear()
    assert load(tmp_path / "grey") == first
    assert (sum(reads.values()), np.ndim(first[0]["train"][0])) == (0, 3)


def test_a_damaged_frame_is_decoded_again_and_mended(photos, reads, home):
    expected = load(photos)
    (entry,) = entries(home)
    with entry.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    reads.clear()
    assert load(photos) == expected
    assert sum(reads.values()) == 1
    assert load(photos) == expected
    assert sum(reads.values()) == 1


@pytest.mark.parametrize("place", [0, 8, 16, 24, 40, 60])
def test_a_damaged_index_is_no_index(photos, reads, home, place):
    expected = load(photos)
    (entry,) = entries(home)
    with entry.open("r+b") as file:
        file.seek(place)
        file.write(b"\x7f\x91")
    reads.clear()
    assert load(photos) == expected
    assert load(photos) == expected
    assert sum(reads.values()) == 10


@pytest.mark.parametrize("size", [0, 3, 100, 5000, 1 << 20])
def test_a_file_that_was_cut_off_or_goes_on_is_none(photos, reads, home, size):
    expected = load(photos)
    os.truncate(entries(home)[0], size)
    reads.clear()
    assert load(photos) == expected
    assert load(photos) == expected
    assert sum(reads.values()) == 10


def test_a_link_and_a_pipe_in_the_place_of_the_file_are_not_followed(photos, reads, home):
    expected = load(photos)
    (entry,) = entries(home)
    entry.rename(home / "elsewhere")
    entry.symlink_to(home / "elsewhere")
    reads.clear()
    assert load(photos) == expected
    assert not entry.is_symlink()
    entry.unlink()
    os.mkfifo(entry)
    assert load(photos) == expected
    assert sum(reads.values()) == 20


def test_photos_that_cannot_be_read_are_tried_again(photos, reads, home):
    (photos / "a" / "bad.png").write_bytes(b"no picture")
    for _ in range(2):
        with pytest.raises(ImageError, match=r"bad\.png' is not an image"):
            load(photos)
    reads.clear()
    (entry,) = entries(home)
    number = entry.stat().st_ino
    splits = load(photos, skip_damaged=True)
    assert reads == {"bad.png": 1}
    assert entry.stat().st_ino == number  # it is not written again for that
    assert splits == load(photos, skip_damaged=True, keep=False)
    save(photos / "a" / "good.png", np.full((9, 9, 3), 7, np.uint8))
    reads.clear()
    splits = load(photos, skip_damaged=True)
    assert set(reads) == {"bad.png", "good.png"}
    assert splits == load(photos, skip_damaged=True, keep=False)
    assert entry.stat().st_ino != number


def test_a_set_of_which_nothing_is_kept_is_read(photos, reads, monkeypatch):
    load(photos)
    monkeypatch.setattr(pictures, "_MOST_TRIED", 0)
    (photos / "a" / "bad.png").write_bytes(b"no picture")
    assert load(photos, skip_damaged=True) == load(photos, skip_damaged=True, keep=False)
    for path in photos.glob("*/*.png"):
        os.utime(path, (1, 1))
    assert load(photos, skip_damaged=True) == load(photos, skip_damaged=True, keep=False)


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("place", "name", "value", "reason"),
    [
        (photo_cache, "take_space", full, "No space left on device"),
        (photo_cache, "_FREE_SHARE", 0.0, "has too little space for 0.0 GB"),
        (photo_cache.os, "replace", full, "No space left on device"),
        (scratch.tempfile, "TemporaryDirectory", full, "No space left on device"),
    ],
)
def test_without_space_the_photos_are_read_all_the_same(photos, home, monkeypatch, place, name, value, reason):
    expected, _ = load(photos, keep=False)
    monkeypatch.setattr(place, name, value)
    parts, notes = load(photos)
    assert parts == expected
    assert notes[-1].startswith("the decoded photos are not kept for the next run: ")
    assert notes[-1].endswith(reason)
    assert list(home.iterdir()) == []


def test_a_cache_folder_that_is_none_or_is_open_to_others_is_not_used(photos, home, reads):
    home.parent.mkdir(parents=True)
    home.write_bytes(b"")
    _, notes = load(photos)
    assert notes[-1] == "the decoded photos are not kept for the next run: File exists"
    home.unlink()
    home.mkdir()
    home.chmod(0o777)
    _, notes = load(photos)
    assert notes[-1] == f"the decoded photos are not kept for the next run: {home} can be written by another user"
    assert list(home.iterdir()) == []


def test_the_sets_that_were_not_used_for_the_longest_time_leave(photos, home, reads, monkeypatch):
    load(photos)
    (first,) = entries(home)
    size = first.stat().st_size
    monkeypatch.setenv(LIMIT_VARIABLE, str(2 * size))
    load_splits(str(photos), image_size=(8, 6))
    (second,) = set(entries(home)) - {first}
    os.utime(second, (1, 1))
    os.utime(first, (0, 0))
    load(photos)  # which uses the first again
    load_splits(str(photos), image_size=(4, 12))
    assert first in entries(home)
    assert second not in entries(home)
    assert len(entries(home)) == 2
    monkeypatch.setenv(LIMIT_VARIABLE, "0")
    reads.clear()
    load(photos)
    assert (sum(reads.values()), len(entries(home))) == (10, 2)


def test_what_a_killed_run_left_is_removed_and_what_a_living_one_writes_is_not(photos, home):
    load(photos)
    dead = home / ".part-dead"
    dead.mkdir()
    (dead / ".held").write_bytes(b"")
    (dead / "pixels").write_bytes(b"1")
    with scratch.held_folder(home, ".part-") as living:
        dead.mkdir(exist_ok=True)
        (dead / ".held").write_bytes(b"")
        load_splits(str(photos), image_size=(8, 6))
        assert living.is_dir()
        assert not dead.exists()
    assert len(entries(home)) == 2


def test_two_runs_at_once_have_the_same_images(photos, home):
    expected = load(photos, keep=False)
    results = []
    threads = [threading.Thread(target=lambda: results.append(load(photos))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4
    assert [path.name for path in home.iterdir()] == [entries(home)[0].name]


def test_small_sets_are_not_kept(photos, home, monkeypatch):
    monkeypatch.setattr(pictures, "LEAST_CACHED_BYTES", 16 << 20)
    load(photos)
    assert not home.exists()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("123", 123),
        ("500MB", 500_000_000),
        ("1.5 gb", 1_500_000_000),
        ("2TB", 2 * 10**12),
        ("", 20 * 10**9),
    ],
)
def test_the_limit_of_the_disk_is_a_size(monkeypatch, text, size):
    monkeypatch.setenv(LIMIT_VARIABLE, text)
    assert disk_limit() == size


@pytest.mark.parametrize("text", ["x", "-1", "20 apples", "GB", "1e9", "5GiB", "nan", "1..5GB", "5T"])
def test_a_limit_that_is_no_size_is_refused(monkeypatch, photos, text):
    monkeypatch.setenv(LIMIT_VARIABLE, text)
    with pytest.raises(UsageError) as error:
        load(photos)
    assert str(error.value) == f"EDGEREADY_DISK_LIMIT is {text!r}: write a size such as 500MB or 20GB, or 0"


@pytest.mark.parametrize("cache", [True, False])
def test_evaluate_layers_and_other_calibration_images_keep_photos_only_where_they_may(
    tmp_path, photos, home, cache, monkeypatch
):
    """All options of one name mean one thing."""
    file = tmp_path / "model.tflite"
    file.write_bytes(
        package(conv_classifier(classes=2), Manifest("net", InputSpec(8, 8, 1), "probabilities"), "ab", "1")
    )
    flag = [] if cache else ["--no-cache"]
    commands = [
        ["evaluate", file, "--data", photos],
        ["gate", file, "--data", photos, "--min-accuracy", 0],
        ["layers", file, file, "--data", photos],
    ]
    for command in commands:
        monkeypatch.setattr(sys, "argv", ["edgeready", *map(str, command), *flag])
        with pytest.raises(SystemExit):
            app.main()
        assert len(entries(home)) == cache
        shutil.rmtree(home, ignore_errors=True)
    like = load_splits(str(photos), image_size=SIZE, keep=False).train
    load_representative(str(photos), like, 1, None, keep=cache)
    assert len(entries(home)) == cache
