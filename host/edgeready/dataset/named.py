"""The data sets that have a name: where their files are, where they come from, and the hash of their arrays."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.dataset.cifar import read_cifar10
from edgeready.dataset.dataset import Dataset
from edgeready.dataset.download import Download, download
from edgeready.dataset.idx import read_idx
from edgeready.errors import DatasetError, NotFoundError
from edgeready_device.image_sets.array_file import read_npz
from edgeready_device.progress import Progress, no_progress

DATA_VARIABLE = "EDGEREADY_DATA"
CACHE_VARIABLE = "KERAS_HOME"
ARRAYS = ("x_train", "y_train", "x_test", "y_test")

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class NamedSet:
    """One public data set.

    `sha256` is that of the bytes of x_train, y_train, x_test and y_test, one after the other, all uint8. `npz` is its
    file in $EDGEREADY_DATA. Each of `cached` lists the files below the Keras cache that `read` takes; `downloads`
    fills the last one.
    """

    name: str
    classes: tuple[str, ...]
    sha256: str
    npz: str
    cached: tuple[tuple[str, ...], ...]
    downloads: tuple[Download, ...]
    read: Callable[[tuple[Path, ...]], Arrays]


def _read_npz(paths: tuple[Path, ...]) -> Arrays:
    return read_npz(paths[0])


def _read_idx(paths: tuple[Path, ...]) -> Arrays:
    return dict(zip(ARRAYS, map(read_idx, paths), strict=True))


def _read_batches(paths: tuple[Path, ...]) -> Arrays:
    train, test = read_cifar10(paths[0])
    return dict(zip(ARRAYS, (*train, *test), strict=True))


_MEGABYTE = 1_000_000  # limits of the downloads are chosen: above the size of each file, which its hash then decides
_FASHION = tuple(
    f"fashion-mnist/{part}-ubyte.gz"
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
)
# Keras 3 keeps the archive and the folder under these names; Keras 2 had those without "-target".
_CIFAR_ARCHIVE = "cifar-10-batches-py-target_archive"
_CIFAR = (
    ("cifar-10-batches-py-target/cifar-10-batches-py",),
    ("cifar-10-batches-py",),
    ("cifar-10-batches-py.tar.gz",),
    ("cifar-10-python.tar.gz",),
    (_CIFAR_ARCHIVE,),
)

NAMED_SETS = {
    item.name: item
    for item in (
        NamedSet(
            name="mnist",
            classes=tuple("0123456789"),
            sha256="06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16",
            npz="mnist.npz",
            cached=(("mnist.npz",),),
            downloads=(Download(base="keras", file="mnist.npz", target="mnist.npz", max_bytes=20 * _MEGABYTE),),
            read=_read_npz,
        ),
        NamedSet(
            name="fashion-mnist",
            classes=(
                *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
                *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
            ),
            sha256="ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f",
            npz="fashion_mnist.npz",
            cached=(_FASHION,),
            downloads=tuple(
                Download(base="keras", file=Path(file).name, target=file, max_bytes=40 * _MEGABYTE)
                for file in _FASHION
            ),
            read=_read_idx,
        ),
        NamedSet(
            name="cifar10",
            classes=tuple("airplane automobile bird cat deer dog frog horse ship truck".split()),
            sha256="80387ddb9a0edf3fc4a964ee3770296169bb26a651050df20035579673099660",
            npz="cifar10.npz",
            cached=_CIFAR,
            downloads=(
                Download(
                    base="toronto",
                    file="cifar-10-python.tar.gz",
                    target=_CIFAR_ARCHIVE,
                    max_bytes=200 * _MEGABYTE,
                ),
            ),
            read=_read_batches,
        ),
    )
}


def load_named(item: NamedSet, *, progress: Progress = no_progress, fetch: bool = True) -> tuple[Dataset, Dataset]:
    """Training and official test images of the set, from $EDGEREADY_DATA, the Keras cache or, last, the network.

    A download goes to the Keras cache ($KERAS_HOME or ~/.keras), where Keras finds it as well.
    Raises NotFoundError when it is nowhere, DatasetError when the arrays are not those of the set.
    """
    own = _own_file(item)
    if own is not None and own.exists():
        return _to_datasets(item, read_npz(own), own)
    for place in item.cached:
        paths = tuple(_cache() / file for file in place)
        if all(path.exists() for path in paths):
            return _to_datasets(item, item.read(paths), paths[0])
    if not fetch:
        raise NotFoundError(f"{_absent(item)}: {_remedy(item)}, or allow the download")
    return _download_set(item, progress)


def _own_file(item: NamedSet) -> Path | None:
    folder = os.environ.get(DATA_VARIABLE)
    return Path(folder) / item.npz if folder else None


def _cache() -> Path:
    home = os.environ.get(CACHE_VARIABLE)
    try:
        return (Path(home) if home else Path.home() / ".keras").expanduser() / "datasets"
    except RuntimeError as error:  # HOME is not set, and the system knows no such user
        raise NotFoundError(
            f"this user has no home folder for the Keras cache: set {CACHE_VARIABLE} or {DATA_VARIABLE} to a folder"
        ) from error


def _download_set(item: NamedSet, progress: Progress) -> tuple[Dataset, Dataset]:
    downloads: list[Path] = []
    try:
        for part in item.downloads:
            path = _cache() / part.target
            if not path.exists():
                downloads.append(path)
                download(part, path, progress)
        paths = tuple(_cache() / file for file in item.cached[-1])
        return _to_datasets(item, item.read(paths), paths[0])
    except NotFoundError as error:
        raise NotFoundError(f"{_absent(item)}, and {error}; or {_remedy(item)}") from error
    except DatasetError as error:
        # The download is not the data set: it must not be taken for it the next time.
        for path in downloads:
            path.unlink(missing_ok=True)
        raise DatasetError(f"{error} (what was fetched just now is removed again)") from error


def _absent(item: NamedSet) -> str:
    own = _own_file(item)
    where = str(own) if own is not None else f"${DATA_VARIABLE} (not set)"
    return f"no data set {item.name!r} here: looked for {where} and {_cache() / item.cached[-1][0]}"


def _remedy(item: NamedSet) -> str:
    return f"put {item.npz} (Keras arrays) into a folder and set {DATA_VARIABLE} to it"


def _to_datasets(item: NamedSet, arrays: Arrays, path: Path) -> tuple[Dataset, Dataset]:
    missing = [name for name in ARRAYS if name not in arrays]
    if missing:
        raise DatasetError(f"{str(path)!r} has no array {missing[0]!r}: delete it to fetch it again")
    digest = arrays_sha256(arrays)
    if digest != item.sha256:
        raise DatasetError(
            f"{str(path)!r} is not {item.name}: the sha256 of its arrays is {digest}, expected {item.sha256}; "
            "delete it to fetch it again"
        )
    train, test = (
        Dataset(
            name=item.name,
            images=arrays[f"x_{part}"],
            labels=arrays[f"y_{part}"].reshape(-1).astype(np.int64),
            classes=item.classes,
        )
        for part in ("train", "test")
    )
    return train, test


def arrays_sha256(arrays: Arrays) -> str:
    """Hex sha256 over the bytes of x_train, y_train, x_test, y_test in this order, C-contiguous, as stored."""
    digest = hashlib.sha256()
    for name in ARRAYS:
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()
