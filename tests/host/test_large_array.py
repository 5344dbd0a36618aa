"""Large arrays of pixels lie in files without a name, and hold what arrays in memory hold."""

import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from edgeready.dataset import Dataset, load_splits
from edgeready.errors import OutputError
from edgeready.files import large_array
from edgeready.files.large_array import new_array, take_rows


@pytest.fixture
def small_limit(monkeypatch, tmp_path):
    """Arrays from 64 bytes on are large, and lie in the folder that is returned."""
    monkeypatch.setattr(large_array, "LARGE_BYTES", 64)
    monkeypatch.setattr(large_array, "_PIECE_BYTES", 100)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def is_mapped(array):
    while array is not None and not isinstance(array, np.memmap):
        array = array.base
    return array is not None


def test_small_arrays_are_in_memory_and_large_ones_in_a_file_without_a_name(small_limit):
    small, large = new_array((7, 3, 3)), new_array((8, 4, 4))
    assert (is_mapped(small), is_mapped(large)) == (False, True)
    assert (small.shape, large.shape, large.dtype) == ((7, 3, 3), (8, 4, 4), np.uint8)
    assert not large.any()
    assert list(small_limit.iterdir()) == []
    large[:] = 200
    assert (large == 200).all()


def test_rows_are_those_of_numpy_in_pieces(small_limit):
    images = np.random.default_rng(0).integers(0, 256, (30, 5, 5, 3), np.uint8)
    rows = np.random.default_rng(1).permutation(30)[:17]
    pixels = take_rows(images, rows)
    assert is_mapped(pixels)
    assert pixels.tolist() == images[rows].tolist()
    assert take_rows(images, rows[:0]).shape == (0, 5, 5, 3)


def test_the_parts_of_a_large_set_are_mapped_and_the_same_as_of_a_small_one(small_limit, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (60, 5, 5), np.uint8)
    np.savez(small_limit / "set.npz", x=images, y=np.arange(60) % 3)
    large = load_splits(str(small_limit / "set.npz"), seed=4)
    monkeypatch.setattr(large_array, "LARGE_BYTES", 1 << 30)
    small = load_splits(str(small_limit / "set.npz"), seed=4)
    for name, part in large.parts().items():
        assert is_mapped(part.images)
        assert part.images.tolist() == small.parts()[name].images.tolist()


def test_taking_from_a_mapped_set_leaves_it_as_it_is(small_limit):
    data = Dataset(
        name="a", images=new_array((20, 4, 4)), labels=np.arange(20, dtype=np.int64) % 2, classes=("a", "b")
    )
    part = data.take([3, 1])
    assert not part.images.flags.writeable
    assert part.labels.tolist() == [1, 1]


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the space is taken by writing here")
def test_a_disk_with_too_little_space_is_said_before_anything_is_read(small_limit):
    with pytest.raises(
        OutputError,
        match=r"the temporary folder .* takes no .* GB of pixels \(.*\): set TMPDIR to a folder with more",
    ):
        new_array((1 << 44, 1 << 10))
    assert list(small_limit.iterdir()) == []


def test_a_file_system_without_that_call_is_written_to(small_limit, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    array = new_array((9, 10, 10))
    assert (is_mapped(array), array.any()) == (True, False)


def test_the_memory_of_a_process_does_not_hold_a_large_array():
    """Its pages belong to a file: 200 MB are written, and a tenth of that at most is anonymous."""
    program = (
        "from edgeready.files.large_array import new_array\n"
        "def anonymous():\n"
        "    return int(next(l for l in open('/proc/self/status') if l.startswith('RssAnon')).split()[1])\n"
        "before = anonymous()\n"
        "array = new_array((200, 1000, 1000))\n"
        "array[:] = 7\n"
        "print(anonymous() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20_000
