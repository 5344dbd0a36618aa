"""Images of another size or other channels than a trained model takes are fitted to it, as the board fits them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeready.config.build import BuildConfig, DataConfig
from edgeready.errors import FrameMismatchError, ModelSourceError
from edgeready.quantization.inputs import frame_mismatch
from edgeready.workflows.prepare import load_data, with_frame
from edgeready_device.progress import no_progress


def config(source: str, **data) -> BuildConfig:
    return BuildConfig(model="net.keras", data=DataConfig(source=source, **data))


@pytest.fixture
def grey(tmp_path) -> str:
    images = np.random.default_rng(1).integers(0, 256, (60, 8, 6), dtype=np.uint8)
    np.savez(tmp_path / "noise.npz", x=images, y=np.arange(60) % 3)
    return str(tmp_path / "noise.npz")


def takes(height: int, width: int, channels: int):
    """A run of a model that takes such frames, and what it was asked for."""
    calls = []

    def run(asked: BuildConfig):
        calls.append(asked)
        splits = load_data(asked, no_progress)
        frame = (splits.train.height, splits.train.width, splits.train.channels)
        if frame != (height, width, channels):
            raise FrameMismatchError("they differ", (height, width, channels))
        return splits

    return run, calls


def test_grey_arrays_become_colour_frames_of_the_models_size(grey):
    run, calls = takes(4, 4, 3)
    splits = with_frame(run, config(grey))
    assert (splits.train.images.shape[1:], splits.test.images.dtype) == ((4, 4, 3), np.uint8)
    assert (splits.train.images[..., 0] == splits.train.images[..., 2]).all()
    assert len(calls) == 2


def test_colour_becomes_grey_without_a_channel_axis(tmp_path):
    images = np.random.default_rng(1).integers(0, 256, (60, 8, 6, 3), dtype=np.uint8)
    np.savez(tmp_path / "noise.npz", x=images, y=np.arange(60) % 3)
    run, _ = takes(8, 6, 1)
    assert with_frame(run, config(str(tmp_path / "noise.npz"))).train.images.shape[1:] == (8, 6)


def test_a_folder_is_read_again_in_the_models_size(tmp_path):
    from PIL import Image

    random = np.random.default_rng(1)
    for number in range(40):
        folder = tmp_path / "photos" / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    run, calls = takes(10, 12, 1)
    assert with_frame(run, config(str(tmp_path / "photos"))).train.images.shape[1:3] == (10, 12)
    assert len(calls) == 2


@pytest.mark.parametrize("said", [{"image_size": (9, 9)}, {"channels": 1}])
def test_what_the_user_says_is_not_overruled(tmp_path, said):
    def run(asked: BuildConfig):
        raise FrameMismatchError("they differ", (8, 8, 3))

    with pytest.raises(FrameMismatchError, match="they differ"):
        with_frame(run, config(str(tmp_path), **said))


def test_a_model_that_refuses_its_own_frames_is_asked_once_more_only(grey):
    calls = []

    def run(asked: BuildConfig):
        calls.append(asked)
        raise FrameMismatchError("they differ", (8, 6, 1))

    with pytest.raises(FrameMismatchError):
        with_frame(run, config(grey))
    assert [call.data.frame for call in calls] == [None, (8, 6, 1)]
    assert replace(calls[1].data, frame=None) == calls[0].data


@pytest.mark.parametrize(
    ("shape", "frame"), [((30, 20), (30, 20, 1)), ((30, 20, 3), (30, 20, 3)), ((1, 1, 1), (1, 1, 1))]
)
def test_a_model_that_says_its_frames_is_told_apart(shape, frame):
    error = frame_mismatch("net", shape, (12, 12))
    assert isinstance(error, FrameMismatchError)
    assert error.frame == frame


@pytest.mark.parametrize("shape", [(784,), (None, None, 3), (30, 20, 4), (3, 30, 20), (2, 2, 2, 3)])
def test_a_model_that_takes_no_picture_of_a_known_size_is_refused(shape):
    error = frame_mismatch("net", shape, (12, 12))
    assert type(error) is ModelSourceError
    assert "give images that it takes, or the network as FILE.py:FUNCTION" in str(error)
