"""Images of large sets lie in files without a name, and are what arrays in memory are."""

import copy
import os
import pickle
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from PIL import Image

from edgeready.dataset import Dataset, hold_out, load_splits
from edgeready.errors import OutputError
from edgeready.files import stored_images
from edgeready.files.stored_images import PixelFile, StoredImages, new_images, store_images, take_rows
from edgeready.jobs.codec import load, open_descriptors, save
from edgeready.jobs.job import UNIT, Job
from edgeready.jobs.quantize_job import QuantizeJob
from edgeready.quantization.conventions import own_convention
from edgeready.quantization.representative import load_representative
from edgeready.quantization.samples import Samples
from edgeready_device.model_file.seen_images import SeenImages


@pytest.fixture
def small_limit(monkeypatch, tmp_path):
    """Images from 64 bytes on are large, and lie in the folder that is returned."""
    monkeypatch.setattr(stored_images, "LARGE_BYTES", 64)
    monkeypatch.setattr(stored_images, "_PIECE_BYTES", 100)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (30, 5, 4, 3), np.uint8)


@pytest.fixture
def images(small_limit, pixels):
    return store_images(pixels)


def test_small_images_are_in_memory_and_large_ones_in_a_file_without_a_name(small_limit):
    small, large = new_images((7, 3, 3)), new_images((8, 4, 4))
    assert (type(small), type(large)) == (np.ndarray, StoredImages)
    assert (small.shape, large.shape, large.dtype) == ((7, 3, 3), (8, 4, 4), np.uint8)
    assert not np.asarray(large).any()
    assert list(small_limit.iterdir()) == []
    large[3] = np.full((4, 4), 200, np.uint8)
    assert [image.max() for image in large] == [0, 0, 0, 200, 0, 0, 0, 0]


def test_images_are_read_as_numpy_reads_an_array(images, pixels):
    rows = np.array([7, 8, 9, 2, 2, 29, 0])
    assert (images.ndim, images.size, images.nbytes) == (4, pixels.size, pixels.nbytes)
    for key in (4, -1, slice(3, 9), slice(None, None, 7), slice(8, 2), rows, rows[:0], pixels[:, 0, 0, 0] > 100):
        assert images[key].shape == pixels[key].shape
        assert images[key].tolist() == pixels[key].tolist()
    assert np.asarray(images, np.float32).dtype == np.float32
    assert np.array_equal(np.stack(list(images)), pixels)


@pytest.mark.parametrize("key", [(..., 0), (..., None), (..., slice(None, None, -1))])
def test_views_read_nothing_and_are_those_of_numpy(images, pixels, key, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(PixelFile, "read", None)
        view = images[key].take(slice(2, 8)).take(np.array([5, 0]))
        assert view.shape == pixels[key][2:8][[5, 0]].shape
    assert np.asarray(view).tolist() == pixels[key][2:8][[5, 0]].tolist()
    assert np.asarray(images[key].reshape(30, -1, 2)).tolist() == pixels[key].reshape(30, -1, 2).tolist()


def test_other_keys_read_all(images, pixels):
    assert images[..., [2, 0]].tolist() == pixels[..., [2, 0]].tolist()
    assert images[:, 1:3].tolist() == pixels[:, 1:3].tolist()


def test_rows_are_taken_without_a_copy(images, pixels):
    rows = np.array([4, 1, 1])
    part = take_rows(images, rows)
    assert part.store is images.store
    assert np.asarray(part).tolist() == pixels[rows].tolist() == take_rows(pixels, rows).tolist()


@pytest.mark.parametrize("row", [30, -31, 99])
def test_a_row_that_is_not_there_is_an_error_as_in_numpy(images, row):
    with pytest.raises(IndexError):
        images[row]
    with pytest.raises(IndexError):
        images.take(np.array([row]))


def test_images_of_another_number_are_not_reshaped(images):
    with pytest.raises(ValueError, match="cannot reshape 30 images into 29"):
        images.reshape(29, 60)


def test_only_new_images_are_written(images):
    for view in (images[..., 0], images.take(np.array([0]))):
        with pytest.raises(TypeError, match="read only"):
            view[0] = np.zeros(view.shape[1:], np.uint8)


def test_the_descriptor_that_another_process_inherits_only_reads(images):
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.pwrite(images.store.descriptor, b"x", 0)
    with pytest.raises(TypeError, match="read only"):
        StoredImages(PixelFile(os.dup(images.store.descriptor), 1, (5, 4, 3)))[0] = np.zeros((5, 4, 3), np.uint8)


def test_a_file_that_has_lost_its_end_is_an_error_and_no_zeros(images):
    os.ftruncate(images.store._writer, 100)
    with pytest.raises(OSError, match="shorter"):
        images[3]


def test_copies_and_pickles_are_arrays(images, pixels):
    for other in (copy.copy(images), pickle.loads(pickle.dumps(images))):  # noqa: S301  (its own)
        assert type(other) is np.ndarray
        assert np.array_equal(other, pixels)


def test_digests_are_those_of_the_frames_as_they_are_seen(images, pixels):
    def data(frames):
        return Dataset(name="a", images=frames, labels=np.arange(30) % 2, classes=("a", "b"))

    expected = [stored_images.digest_frames(pixels[row : row + 1]).tobytes() for row in range(30)]
    assert list(data(images).hashes()) == expected
    grey = [stored_images.digest_frames(pixels[row : row + 1, ..., 0]).tobytes() for row in range(30)]
    assert list(data(images[..., 0]).hashes()) == grey
    assert list(data(images).take([3, 1]).hashes()) == [expected[3], expected[1]]


def test_the_parts_of_a_large_set_share_one_file_and_are_those_of_a_small_one(small_limit, monkeypatch):
    frames = np.random.default_rng(0).integers(0, 256, (60, 5, 5), np.uint8)
    np.savez(small_limit / "set.npz", x=frames, y=np.arange(60) % 3)
    large = load_splits(str(small_limit / "set.npz"), seed=4)
    monkeypatch.setattr(stored_images, "LARGE_BYTES", 1 << 30)
    small = load_splits(str(small_limit / "set.npz"), seed=4)
    assert len({id(part.images.store) for part in large.parts().values()}) == 1
    for name, part in large.parts().items():
        assert np.asarray(part.images).tolist() == small.parts()[name].images.tolist()
    held_out = [hold_out(splits.train, 2)[1].images for splits in (large, small)]
    assert np.asarray(held_out[0]).tolist() == held_out[1].tolist()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the space is taken by writing here")
def test_a_disk_with_too_little_space_is_said_before_anything_is_read(small_limit):
    with pytest.raises(
        OutputError,
        match=r"the temporary folder .* takes no .* GB of pixels \(.*\): set TMPDIR to a folder with more",
    ):
        new_images((1 << 44, 1 << 10))
    assert list(small_limit.iterdir()) == []


def test_a_file_system_without_that_call_is_written_to(small_limit, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    images = new_images((9, 10, 10))
    assert not np.asarray(images).any()


def test_a_system_without_reading_into_memory_reads_in_pieces(images, pixels, monkeypatch):
    monkeypatch.delattr(os, "preadv", raising=False)
    assert np.array_equal(images, pixels)
    os.ftruncate(images.store._writer, 100)
    with pytest.raises(OSError, match="shorter"):
        images[3]


def test_the_descriptor_is_closed_with_the_images(small_limit):
    images = new_images((9, 10, 10))
    descriptor = images.store.descriptor
    os.fstat(descriptor)
    del images
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_the_memory_of_a_process_does_not_hold_large_images():
    """Written and read through once, 200 MB take a tenth of that at most of the resident memory."""
    program = (
        "from edgeready.files.stored_images import new_images\n"
        "import numpy as np\n"
        "def resident():\n"
        "    return int(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1])\n"
        "images = new_images((200, 1000, 1000))\n"
        "before = resident()\n"
        "for row in range(200):\n"
        "    images[row] = np.full((1000, 1000), 7, np.uint8)\n"
        "assert sum(int(image[0, 0]) for image in images) == 1400\n"
        "print(resident() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20_000


def test_a_job_holds_the_file_and_its_rows_and_the_other_process_inherits_it(images, pixels, tmp_path):
    job = Job(
        model="a",
        images=images.take(np.array([2, 9]))[..., ::-1],
        calibration=pixels[:3],
        validation=images.reshape(30, 60),
        labels=np.array([0, 1]),
    )
    save(job, tmp_path, "job")
    assert open_descriptors(job) == (images.store.descriptor,)
    assert open_descriptors(Samples((images, pixels))) == (images.store.descriptor,)
    loaded = load(Job, tmp_path, "job")
    assert loaded.images.store.descriptor not in (images.store.descriptor, loaded.validation.store.descriptor)
    assert np.asarray(loaded.images).tolist() == pixels[[2, 9], ..., ::-1].tolist()
    assert np.asarray(loaded.validation).tolist() == pixels.reshape(30, 60).tolist()
    assert (type(loaded.calibration), loaded.calibration.tolist()) == (np.memmap, pixels[:3].tolist())
    assert np.load(tmp_path / "job-images.npy").tolist() == [2, 9]


def test_samples_of_a_step_are_images_or_arrays(images, pixels, tmp_path):
    step = QuantizeJob(model=b"", mode="int8", samples=Samples((images.reshape(30, 60), pixels), UNIT))
    save(step, tmp_path, "step")
    first, second = next(load(QuantizeJob, tmp_path, "step").samples())
    assert (first.shape, second.shape) == ((1, 60), (1, 5, 4, 3))
    assert first.tolist() == second.reshape(1, 60).tolist()


def test_a_job_without_images_has_no_descriptors():
    assert open_descriptors(Job(model="a", arrays={"x": np.zeros(3)})) == ()


def test_mean_and_deviation_of_large_sets_are_those_of_numpy(images, pixels):
    convention = own_convention(images[..., ::-1])
    values = pixels[..., ::-1].reshape(-1, 3)
    assert convention.normalization.mean == tuple(np.round(values.mean(axis=0), 3))
    assert convention.normalization.std == tuple(np.round(values.std(axis=0), 3))
    assert own_convention(store_images(np.full((9, 5, 5), 3, np.uint8))) is None


def test_hashes_in_a_file_of_a_large_set_are_those_of_a_small_one(images, pixels):
    assert SeenImages.of(images).hashes.tolist() == SeenImages.of(pixels).hashes.tolist()


def test_calibration_images_from_elsewhere_are_drawn_alike_from_a_large_set(small_limit, monkeypatch):
    frames = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), np.uint8)
    for number, frame in enumerate(frames):
        path = small_limit / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(frame).save(path)
    like = Dataset(name="like", images=frames[:2], labels=np.arange(2), classes=("a", "b"))
    large = load_representative(str(small_limit / "photos"), like, 3, 20)
    monkeypatch.setattr(stored_images, "LARGE_BYTES", 1 << 30)
    assert large.tolist() == load_representative(str(small_limit / "photos"), like, 3, 20).tolist()
    splits = load_splits(str(small_limit / "photos"), image_size=(8, 8), seed=3)
    pool = np.concatenate([splits.train.images, splits.calibration.images])
    assert large.tolist() == pool[np.random.default_rng(3).permutation(len(pool))[:20]].tolist()
