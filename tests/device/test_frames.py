from __future__ import annotations

import numpy as np
import pytest

from edgeready_device.errors import ImageError, NotFoundError
from edgeready_device.images import frames
from edgeready_device.images.frames import fit_frame, load_array
from edgeready_device.model_file.manifest import InputSpec

COLOURS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [7, 7, 7]]], np.uint8)


def test_a_picture_that_fits_comes_back_as_it_is():
    assert np.shares_memory(fit_frame(COLOURS, InputSpec(2, 2, 3)), COLOURS)


def test_grey_becomes_three_equal_channels():
    grey = np.array([[1, 2], [3, 250]], np.uint8)
    assert fit_frame(grey, InputSpec(2, 2, 3)).tolist() == np.stack([grey] * 3, axis=-1).tolist()


def test_colours_become_grey_as_pillow_makes_them():
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    every = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for picture in (COLOURS, every):
        spec = InputSpec(*picture.shape[:2], 1)
        assert (
            fit_frame(picture, spec)[..., 0].tolist() == np.asarray(pillow.fromarray(picture).convert("L")).tolist()
        )


@pytest.mark.parametrize(("rule", "edge"), [("stretch", 200), ("letterbox", 0)])
def test_another_size_is_met_by_the_rule(rule, edge):
    pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    found = fit_frame(np.full((2, 8, 3), 200, np.uint8), InputSpec(4, 4, 3, rule))
    assert found.shape == (4, 4, 3)
    assert set(found[0].reshape(-1).tolist()) == {edge}


@pytest.mark.parametrize(
    "picture",
    [np.zeros((2, 2, 5), np.uint8), np.zeros((0, 2, 3), np.uint8), np.zeros(4, np.uint8), np.uint8(3)],
)
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(ImageError, match="give uint8 of the shape height, width, 1 or 3"):
        fit_frame(picture, InputSpec(2, 2, 3))


# -- pictures in .npy files ------------------------------------------------------------------------------------


@pytest.fixture
def array(tmp_path):
    """Writes an array, or bytes, as the file frame.npy."""

    def make(content):
        path = tmp_path / "frame.npy"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.save(path, content)
        return path

    return make


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_in_a_file_is_the_picture_in_memory(array, order):
    frame = load_array(array(np.asarray(COLOURS, order=order)), InputSpec(2, 2, 3))
    assert (type(frame), frame.tolist()) == (np.ndarray, COLOURS.tolist())
    assert load_array(array(COLOURS[..., 0]), InputSpec(2, 2, 1))[..., 0].tolist() == COLOURS[..., 0].tolist()


def test_an_array_outlives_its_file(array):
    path = array(COLOURS)
    frame = load_array(path, InputSpec(2, 2, 3))
    path.write_bytes(b"")
    assert frame.tolist() == COLOURS.tolist()


def header(text: str) -> bytes:
    body = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(body).to_bytes(2, "little") + body


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"PK\x03\x04" + bytes(60), "cannot be read"),
        (b"\x80\x04N.", "cannot be read"),
        (b"\x93NUMPY\x01\x00", "cannot be read"),
        (header("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 1000000, 3)}"), "cannot be read"),
        (header("{'descr': '|u1', 'fortran_order': False, 'shape': (-2, 2, 3)}"), "cannot be read"),
        (header("{'descr': '|O', 'fortran_order': False, 'shape': (2, 2)}") + b"\x80\x04N.", "cannot be read"),
        (COLOURS / 255, r"the picture is float64 \[2, 2, 3\]: give uint8"),
        (np.stack([COLOURS, COLOURS]), r"\[2, 2, 2, 3\], so it is 2 pictures: give one"),
        (np.zeros((0, 2, 3), np.uint8), r"cannot be read|the picture is uint8 \[0, 2, 3\]"),
    ],
)
def test_an_array_that_is_no_picture_is_named(array, content, message):
    path = array(content)
    with pytest.raises(ImageError, match=message) as refusal:
        load_array(path, InputSpec(2, 2, 3))
    assert str(refusal.value).startswith(f"array {str(path)!r}")


def test_an_array_that_is_not_there_or_a_folder_is_said(tmp_path):
    with pytest.raises(NotFoundError, match=r"no array '.*none\.npy': check the path"):
        load_array(tmp_path / "none.npy", InputSpec(2, 2, 3))
    with pytest.raises(ImageError, match="cannot be read"):
        load_array(tmp_path, InputSpec(2, 2, 3))


def test_an_array_larger_than_any_picture_is_refused_before_it_is_copied(array, monkeypatch):
    monkeypatch.setattr(frames, "_MOST_BYTES", 1 << 20)
    with pytest.raises(ImageError, match="holds 2 MiB: give at most 1 MiB"):
        load_array(array(np.zeros((1024, 2048), np.uint8)), InputSpec(2, 2, 1))
