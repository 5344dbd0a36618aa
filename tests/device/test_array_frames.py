"""Images of a .npz become pixels a block at a time, and frames of it are there in any order for several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from edgeready_device.errors import DatasetError
from edgeready_device.image_sets import array_frames, npz_file
from edgeready_device.image_sets.array_file import read_array_set, read_test_arrays
from edgeready_device.image_sets.array_frames import FrameStream

PIXELS = np.random.default_rng(5).integers(0, 256, (50, 6, 7, 3), dtype=np.uint8)
LABELS = np.arange(50) % 2


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """A few images at a time."""
    monkeypatch.setattr(npz_file, "_BLOCK_BYTES", 4 * PIXELS[0].nbytes)
    monkeypatch.setattr(npz_file, "_COLUMN_BLOCK_BYTES", 70 * PIXELS[0].nbytes)


@pytest.fixture
def saved(tmp_path):
    def save(**arrays):
        np.savez_compressed(tmp_path / "set.npz", **arrays)
        return tmp_path / "set.npz"

    return save


def frames_of(path):
    return read_array_set(path).parts["train"].images


@pytest.mark.parametrize(
    "images",
    [PIXELS, PIXELS / 255, PIXELS.astype(np.uint16), np.moveaxis(PIXELS, 3, 1), np.asfortranarray(PIXELS / 255)],
    ids=["bytes", "0..1", "16 bits", "channels first", "Fortran order"],
)
def test_pixels_are_the_same_in_blocks(saved, images):
    frames = frames_of(saved(x=images, y=LABELS))
    assert len(list(frames.blocks())) > 1
    assert (frames.shape, frames.nbytes) == (PIXELS.shape, PIXELS.nbytes)
    assert np.array_equal(frames.read(), PIXELS)


def test_one_transparent_image_is_laid_on_white_and_the_others_stay(saved):
    pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    alpha = np.full((50, 6, 7, 1), 255, np.uint8)
    alpha[40] = 0
    path = saved(x=np.concatenate([PIXELS, alpha], axis=3) / 255, y=LABELS)
    found, expected = read_array_set(path), PIXELS.copy()
    expected[40] = 255
    assert np.array_equal(found.parts["train"].images.read(), expected)
    assert found.notes == (f"x of {str(path)!r} is transparent: it is laid on white",)


def test_the_greatest_value_of_all_blocks_decides_the_scale(saved):
    dark = np.minimum(PIXELS, 1).astype(np.float32)
    last = dark.copy()
    last[-1] = 200
    assert np.array_equal(frames_of(saved(x=last, y=LABELS)).read(), last.astype(np.uint8))
    assert np.unique(frames_of(saved(x=dark, y=LABELS)).read()).tolist() == [0, 255]


@pytest.mark.parametrize(("train", "factor"), [(PIXELS / 255, 255), (PIXELS * 1.0, 1), (PIXELS, 1)])
def test_a_dark_test_set_is_scaled_as_the_training_is_where_it_is_read_alone(saved, train, factor):
    """As the host reads both."""
    dark = np.minimum(PIXELS[:4], 1) * 1.0
    path = saved(x_train=train, y_train=LABELS, x_test=dark, y_test=LABELS[:4])
    both = read_array_set(path).parts["test"].images.read()
    alone = read_test_arrays(path, ("0", "1")).parts["test"].images.read()
    assert both.tolist() == alone.tolist() == (dark * factor).astype(int).tolist()


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (49, -1, "x of '.*' holds values from -1.0 to 1.0: store the images as uint8"),
        (49, np.nan, "x of '.*' holds values from nan to nan"),
        (49, 0.5001, r"x of '.*' \(float64\) holds values that are 0\.\d+ steps away from a whole pixel"),
    ],
)
def test_one_wrong_value_in_the_last_block_is_refused(saved, place, value, said):
    images = PIXELS / 255
    images[place, 2, 3] = value
    with pytest.raises(DatasetError, match=said):
        frames_of(saved(x=images, y=LABELS)).read()


# -- frames when they are asked for ----------------------------------------------------------------------------


@pytest.fixture
def stream(saved):
    return FrameStream(frames_of(saved(x=PIXELS, y=LABELS)))


@pytest.mark.parametrize(
    "slices",
    [
        [(0, 6), (6, 12), (12, 50)],
        [(30, 40), (0, 10), (10, 30), (40, 50)],
        [(0, 50), (0, 50)],
        [(49, 50), (48, 49), (3, 9)],
        [(7, 15), (0, 8)],
        [(5, 5), (45, 90), (60, 70)],
    ],
)
@pytest.mark.parametrize("most", [0, 1 << 20])
def test_slices_come_in_any_order(stream, slices, most, monkeypatch):
    monkeypatch.setattr(array_frames, "_MOST_WAITING_BYTES", most)
    for start, stop in slices:
        assert np.array_equal(stream[start:stop], PIXELS[start:stop])
    assert (len(stream), stream.shape) == (50, PIXELS.shape)


def test_frames_that_were_asked_for_leave_the_memory(stream):
    for start in range(0, 48, 6):
        stream[start : start + 6]
        assert len(stream._waiting) <= 1


def test_threads_get_their_own_frames(stream):
    chunks = [slice(start, start + 3) for start in range(0, 50, 3)]
    with ThreadPoolExecutor(8) as pool:
        for chunk, frames in zip(chunks, pool.map(stream.__getitem__, chunks)):
            assert np.array_equal(frames, PIXELS[chunk])


def test_damage_is_an_error_for_whoever_asks_behind_it(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, x=PIXELS, y=LABELS)
    data = bytearray(path.read_bytes())
    data[data.index(PIXELS.tobytes()) + 90] ^= 1
    path.write_bytes(data)
    stream = FrameStream(frames_of(path))
    assert stream[0:4].shape == (4, 6, 7, 3)
    for _ in range(2):
        with pytest.raises(DatasetError, match=r"Bad CRC-32 for file 'x\.npy'"):
            stream[40:50]


def test_steps_are_refused(stream):
    with pytest.raises(ValueError, match="come in their order, and not in steps of 2"):
        stream[0:10:2]
