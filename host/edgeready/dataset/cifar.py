"""CIFAR-10's Python batches, read without unpickling anything that they could misuse."""

from __future__ import annotations

import io
import pickle
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import DatasetError

TRAIN_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST_BATCH = "test_batch"
# An original batch has 31 MB.
MAX_BATCH_BYTES = 64 * 1024 * 1024
_PIXELS = 3 * 32 * 32
# What a pickled numpy array names, as written by numpy 1 and numpy 2; nothing else is let through.
_NUMPY_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}
_PICKLE_ERRORS = (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError, MemoryError)

Batch = tuple[NDArray[np.uint8], NDArray[np.uint8]]


class _Recorder:
    """Stands where a batch file names something of numpy: keeps the state that it is given, and runs nothing.

    A pickle calls what it names. Here that is always one of these, a new one each time, so that even a
    hostile file reaches no function of numpy or of ours, and the pixels are taken from the recorded state.
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

    Raises DatasetError, naming file and batch, where one is missing or damaged.
    """
    read = _from_folder(path) if path.is_dir() else _from_archive(path)
    batches = [_parse(read, path, name) for name in TRAIN_BATCHES]
    images = np.concatenate([batch[0] for batch in batches])
    labels = np.concatenate([batch[1] for batch in batches])
    return (images, labels), _parse(read, path, TEST_BATCH)


def _from_folder(path: Path) -> dict[str, bytes]:
    found = {}
    for name in (*TRAIN_BATCHES, TEST_BATCH):
        if (path / name).is_file():
            with (path / name).open("rb") as file:
                found[name] = file.read(MAX_BATCH_BYTES + 1)
    return found


def _from_archive(path: Path) -> dict[str, bytes]:
    """The batches by name, read in memory: nothing is extracted to where the archive says."""
    found = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = Path(member.name).name
                if name in (*TRAIN_BATCHES, TEST_BATCH) and member.isfile():
                    file = archive.extractfile(member)
                    found[name] = file.read(MAX_BATCH_BYTES + 1) if file else b""
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise DatasetError(f"{str(path)!r} cannot be unpacked ({error}): delete it to fetch it again") from error
    return found


def _parse(batches: dict[str, bytes], path: Path, name: str) -> Batch:
    if name not in batches:
        raise DatasetError(f"{str(path)!r} has no {name}: delete it to fetch it again")
    if len(batches[name]) > MAX_BATCH_BYTES:
        raise DatasetError(f"{name} in {str(path)!r} has more than {MAX_BATCH_BYTES} bytes: delete it")
    try:
        content = _BatchUnpickler(io.BytesIO(batches[name]), encoding="bytes").load()
        return _images(content[b"data"]), _labels(content[b"labels"])
    except (*_PICKLE_ERRORS, OverflowError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DatasetError(
            f"{name} in {str(path)!r} is no CIFAR-10 batch ({reason}): delete it to fetch it again"
        ) from error


def _images(recorded: Any) -> NDArray[np.uint8]:
    """The pixels (N, 32, 32, 3) out of what numpy would be given: (version, shape, dtype, order, bytes)."""
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
