"""The same photos and seed make the same bytes, wherever the pixels lie while a network is trained or converted."""

import shutil
from dataclasses import replace

import builds
import numpy as np
import pytest

from edgeready.config.build import TrainConfig
from edgeready.config.disk import LIMIT_VARIABLE
from edgeready.dataset import photo_cache, pictures
from edgeready.dataset.photo_files import PhotoFiles
from edgeready.errors import ImageError
from edgeready.files import stored_images
from edgeready.files.stored_images import PixelFile
from edgeready.workflows import build as pipeline

pytestmark = [pytest.mark.tensorflow, builds.LONG]
TRAIN = TrainConfig(epochs=2, augment="shift-flip", validation=0.2)


@pytest.fixture(autouse=True)
def large(monkeypatch, tmp_path):
    """Every set is large enough for the disk, and worth to be kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(stored_images, "LARGE_BYTES", 1)
    monkeypatch.setattr(pictures, "LEAST_CACHED_BYTES", 1)
    monkeypatch.setattr(photo_cache, "_SETTLED_NS", -(10**18))


def make_everywhere(make, monkeypatch):
    """What `make` returns with the pixels in memory, in the cache, from the cache of another run, and nowhere."""
    with monkeypatch.context() as patched:
        patched.setattr(stored_images, "LARGE_BYTES", 1 << 30)
        yield np.ndarray, make(cache=False)
    yield PixelFile, make(cache=True)
    yield PixelFile, make(cache=True)
    monkeypatch.setenv(LIMIT_VARIABLE, "0")
    yield PhotoFiles, make(cache=True)


def run(source, model, out, *, cache, train=None, **options):
    data = {"image_size": (16, 16), "cache": cache}
    built = builds.made_in(out, str(source), model, train=train, data=data, **options)
    images = built.result.splits.train.images
    return type(getattr(images, "store", images)), built.file.read_bytes()


def test_trained(tmp_path, monkeypatch):
    def make(cache):
        return run(builds.photos(), f"{builds.NETS}:plain", tmp_path / "out", cache=cache, train=TRAIN)

    outcomes = list(make_everywhere(make, monkeypatch))
    assert [kind for _, (kind, _) in outcomes] == [kind for kind, _ in outcomes]
    assert len({data for _, (_, data) in outcomes}) == 1


def test_converted_by_a_confined_process(tmp_path, monkeypatch):
    run(builds.photos(), f"{builds.NETS}:plain", tmp_path / "trained", cache=False, train=TRAIN)
    model = str(tmp_path / "trained" / "model_float32.tflite")

    def make(cache):
        return run(builds.photos(), model, tmp_path / "out", cache=cache, save_float=False)

    outcomes = list(make_everywhere(make, monkeypatch))
    assert [kind for _, (kind, _) in outcomes] == [kind for kind, _ in outcomes]
    assert len({data for _, (_, data) in outcomes}) == 1


def test_a_photo_that_goes_while_the_network_is_trained_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setenv(LIMIT_VARIABLE, "0")
    photos = tmp_path / "photos"
    shutil.copytree(builds.photos(), photos)
    config = builds.config_of(
        str(photos), f"{builds.NETS}:plain", tmp_path / "out.tflite", data={"image_size": (16, 16)}, train=TRAIN
    )
    files = sorted(photos.glob("red/*.png"))

    def remove(stage, done, total):
        if stage == "loading TensorFlow":
            for file in files:
                file.unlink(missing_ok=True)

    with pytest.raises(ImageError, match=r"^image '.*\.png' was changed or removed after it was first read: run the"):
        pipeline.build(replace(config), remove)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
