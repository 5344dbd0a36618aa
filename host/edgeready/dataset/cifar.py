"""CIFAR-10's Python batches, read by an unpickler that calls nothing."""

from __future__ import annotations

import io
import pickle
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import DatasetError, fit_reason

TRAIN_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST_BATCH = "test_batch"
# Chosen: twice the 31 MB of an original batch.
MAX_BATCH_BYTES = 64 * 1024 * 1024
_PIXELS = 3 * 32 * 32
# The names in a pickled numpy array, as numpy 1 and numpy 2 write it; any other name is refused.
_NUMPY_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}
_PICKLE_ERRORS = (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError, MemoryError)

Batch = tuple[NDArray[np.uint8], NDArray[np.uint8]]


class _Recorder:
    """Takes the place of whatever a batch file names of numpy: records its state and runs nothing.

    A pickle calls what it names. Here that is always a new recorder, so that even a hostile file reaches no function
    of numpy or of this package, and the pixels come from the recorded state.
    """

    state: object = None

    def __call__(self, *arguments: object) -> _Recorder:
        return _Recorder()

    def __setstate__(self, state: object) -> None:
        self.state = state


class _BatchUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> _Recorder:
        if (module, name) in _NUMPY_NAMES:
            return _Recorder()
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def read_cifar10(path: Path) -> tuple[Batch, Batch]:
    """Training and test images of the folder or .tar.gz: (N, 32, 32, 3) RGB and labels (N,), uint8.

    Raises DatasetError, naming file and batch, when a batch is missing or damaged.
    """
    contents = _read_folder(path) if path.is_dir() else _read_archive(path)
    batches = [_parse_batch(contents, path, name) for name in TRAIN_BATCHES]
    images = np.concatenate([batch[0] for batch in batches])
    labels = np.concatenate([batch[1] for batch in batches])
    return (images, labels), _parse_batch(contents, path, TEST_BATCH)


def _read_folder(path: Path) -> dict[str, bytes]:
    contents = {}
    for name in (*TRAIN_BATCHES, TEST_BATCH):
        if (path / name).is_file():
            with (path / name).open("rb") as file:
                contents[name] = file.read(MAX_BATCH_BYTES + 1)
    return contents


def _read_archive(path: Path) -> dict[str, bytes]:
    """The batches by name, read into memory: nothing is extracted to disk."""
    contents = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = Path(member.name).name
                if name in (*TRAIN_BATCHES, TEST_BATCH) and member.isfile():
                    file = archive.extractfile(member)
                    contents[name] = file.read(MAX_BATCH_BYTES + 1) if file else b""
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise DatasetError(
            fit_reason(f"{str(path)!r} cannot be unpacked (", error, "): delete it to fetch it again")
        ) from error
    return contents


def _parse_batch(batches: dict[str, bytes], path: Path, name: str) -> Batch:
    if name not in batches:
        raise DatasetError(f"{str(path)!r} has no {name}: delete it to fetch it again")
    if len(batches[name]) > MAX_BATCH_BYTES:
        raise DatasetError(f"{name} in {str(path)!r} has more than {MAX_BATCH_BYTES} bytes: delete it")
    try:
        content = _BatchUnpickler(io.BytesIO(batches[name]), encoding="bytes").load()
        return _images(content[b"data"]), _labels(content[b"labels"])
    except (*_PICKLE_ERRORS, OverflowError) as error:
        raise DatasetError(
            fit_reason(f"{name} in {str(path)!r} is no CIFAR-10 batch (", error, "): delete it to fetch it again")
        ) from error


def _images(recorded: Any) -> NDArray[np.uint8]:
    """The pixels (N, 32, 32, 3) from the state that numpy would get: (version, shape, dtype, order, bytes)."""
    if not isinstance(recorded, _Recorder) or not isinstance(recorded.state, tuple):
        raise ValueError("its data is no array")
    pixels = recorded.state[4]
    if not isinstance(pixels, bytes) or len(pixels) % _PIXELS:
        raise ValueError("its data is not 3072 bytes per image")
    planes = np.frombuffer(pixels, dtype=np.uint8).reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def _labels(recorded: Any) -> NDArray[np.uint8]:
    if not isinstance(recorded, list):
        raise ValueError("its labels are no list")
    # bytes() refuses what is not a whole number from 0 to 255; numpy 1 would wrap it around.
    return np.frombuffer(bytes(recorded), dtype=np.uint8)
