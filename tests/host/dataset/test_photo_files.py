"""Sets that no disk takes are decoded again whenever they are needed, and are the same images."""

import errno
import os
import tempfile
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from edgeready.config.disk import LIMIT_VARIABLE
from edgeready.dataset import load_splits, photo_cache, photo_files
from edgeready.dataset.photo_files import PhotoFiles, failure_of, photo_folders
from edgeready.errors import ImageError
from edgeready.files import stored_images
from edgeready.jobs.codec import images_in, load, open_descriptors, save
from edgeready.jobs.job import Job

SIZE = (6, 8)
DECODED_AGAIN = "the photos are decoded again whenever they are needed, which takes long: "


@pytest.fixture(autouse=True)
def no_disk(monkeypatch, tmp_path):
    """Every set is large, and the disk takes none."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(LIMIT_VARIABLE, "0")
    monkeypatch.setattr(stored_images, "LARGE_BYTES", 1)


@pytest.fixture
def photos(tmp_path):
    """A folder of ten photos in two classes."""
    generator = np.random.default_rng(1)
    for number in range(10):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (9, 9, 3), np.uint8)).save(path)
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


def in_memory(photos, monkeypatch, **options):
    with monkeypatch.context() as patched:
        patched.setattr(stored_images, "LARGE_BYTES", 1 << 30)
        return load_splits(str(photos), image_size=SIZE, keep=False, **options)


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_images_above_the_limit_are_those_that_a_disk_would_hold(photos, reads, monkeypatch, tmp_path):
    expected = in_memory(photos, monkeypatch)
    reads.clear()
    splits = load_splits(str(photos), image_size=SIZE)
    assert reads == dict.fromkeys(reads, 1)
    assert len(reads) == 10
    assert splits.notes == (f"{DECODED_AGAIN}as frames they take 0.0 GB, and EDGEREADY_DISK_LIMIT allows 0.0 GB",)
    assert not (tmp_path / "home").exists()
    for name, part in splits.parts().items():
        assert isinstance(part.images.store, PhotoFiles)
        assert part.hashes() == expected.parts()[name].hashes()
        assert sum(reads.values()) == 10
    images = np.asarray(splits.train.images)
    assert images.tolist() == expected.train.images.tolist()
    assert sum(reads.values()) == 10 + len(images)
    assert splits.train.images[1].tolist() == images[1].tolist()


@pytest.mark.parametrize("keep", [True, False])
def test_where_no_disk_has_space_they_are_decoded_again_too(photos, monkeypatch, keep):
    monkeypatch.delenv(LIMIT_VARIABLE)
    monkeypatch.setattr(photo_cache, "_FREE_SHARE", 0.0)
    monkeypatch.setattr(stored_images, "take_space", full)
    expected = in_memory(photos, monkeypatch)
    splits = load_splits(str(photos), image_size=SIZE, keep=keep)
    assert splits.notes == (
        f"{DECODED_AGAIN}the temporary folder {tempfile.gettempdir()} takes no 0.0 GB of pixels (No space left on "
        "device): set TMPDIR to a folder with more space, or give a smaller --image-size",
    )
    assert np.asarray(splits.test.images).tolist() == expected.test.images.tolist()


def test_grey_photos_stay_grey(tmp_path, monkeypatch, reads):
    for number in range(6):
        path = tmp_path / "grey" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((5, 5), 40 * number, np.uint8)).save(path)
    expected = in_memory(tmp_path / "grey", monkeypatch)
    reads.clear()
    splits = load_splits(str(tmp_path / "grey"), image_size=SIZE)
    assert splits.train.hashes() == expected.train.hashes()
    assert sum(reads.values()) == 6
    assert np.asarray(splits.train.images).tolist() == expected.train.images.tolist()


def test_another_process_decodes_them_wherever_it_works(photos, monkeypatch, tmp_path):
    monkeypatch.chdir(photos.parent)
    images = load_splits("photos", image_size=SIZE).train.images
    (tmp_path / "job").mkdir()
    job = Job(model="a", images=images[..., ::-1], validation=images.take(slice(0, 1)))
    assert open_descriptors(job) == ()
    save(job, tmp_path / "job", "job")
    monkeypatch.chdir(tmp_path / "job")
    other = load(Job, tmp_path / "job", "job")
    assert np.asarray(other.images).tolist() == np.asarray(images)[..., ::-1].tolist()
    assert photo_folders(*images_in(other)) == (str(photos / "a"), str(photos / "b"))


@pytest.mark.parametrize("change", ["removed", "other", "touched"])
def test_a_photo_that_has_changed_is_an_error_and_no_other_picture(photos, change):
    images = load_splits(str(photos), image_size=SIZE).train.images
    first = images.store.source.files[int(images.rows[0])]
    if change == "removed":
        first.unlink()
    elif change == "other":
        Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(first)
    else:
        os.utime(first, (1, 1))
    assert failure_of(images) is None
    for key in (0, slice(0, 3)):
        with pytest.raises(ImageError) as error:
            images[key]
        assert str(error.value) == (
            f"image {str(first)!r} was changed or removed after it was first read: run the command again"
        )
    assert failure_of(images.take(np.array([2]))) is error.value
    assert failure_of(np.zeros(3), images[1:2]) is None


def test_damaged_photos_are_named_and_left_out_as_ever(photos, monkeypatch):
    (photos / "a" / "bad.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"bad\.png' is not an image that can be read: .*; --skip-damaged goes on"):
        load_splits(str(photos), image_size=SIZE)
    expected = in_memory(photos, monkeypatch, skip_damaged=True)
    splits = load_splits(str(photos), image_size=SIZE, skip_damaged=True)
    assert splits.train.hashes() == expected.train.hashes()
    assert len(splits.notes) == len(expected.notes) + 1


def test_folders_of_links_are_those_of_their_files(photos, tmp_path):
    (tmp_path / "far").mkdir()
    (photos / "a" / "0.png").rename(tmp_path / "far" / "0.png")
    (photos / "a" / "0.png").symlink_to(tmp_path / "far" / "0.png")
    images = load_splits(str(photos), image_size=SIZE, follow_links=True).train.images
    assert photo_folders(images, np.zeros(1)) == (str(tmp_path / "far"), str(photos / "a"), str(photos / "b"))
