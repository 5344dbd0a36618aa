from __future__ import annotations

import numpy as np
import pytest

from edgeready_device.errors import ImageError
from edgeready_device.images.frames import fit_frame
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
    [np.zeros((2, 2, 3)), np.zeros((2, 2, 4), np.uint8), np.zeros((0, 2, 3), np.uint8), np.zeros(4, np.uint8)],
)
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(ImageError, match="give uint8 of the shape height, width, 1 or 3"):
        fit_frame(picture, InputSpec(2, 2, 3))
