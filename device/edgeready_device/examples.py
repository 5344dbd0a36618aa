"""Labelled frames for `evaluate`: a Keras-layout .npz, or a folder with one subfolder per label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import DatasetError, NotFoundError
from edgeready_device.evaluate import Frames
from edgeready_device.images import image_files, load_frame
from edgeready_device.manifest import InputSpec


@dataclass(frozen=True)
class Examples:
    """Frames that can be sliced and their true classes (n,)."""

    frames: Frames
    truth: NDArray[np.int64]


@dataclass(frozen=True)
class ImageFrames:
    """Image files that are read, as the model wants them, when they are asked for."""

    paths: tuple[Path, ...]
    spec: InputSpec = field(repr=False)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, which: slice) -> NDArray[np.uint8]:
        spec = self.spec
        return np.stack(
            [load_frame(path, spec.height, spec.width, spec.channels, spec.resize) for path in self.paths[which]]
        )


def load_examples(source: Path, spec: InputSpec, labels: Sequence[str], *, follow_links: bool = False) -> Examples:
    """The labelled frames at `source` for a model that takes `spec` and knows `labels`.

    Symbolic links that lead out of a folder are left out unless `follow_links`. Raises NotFoundError, or
    DatasetError naming what does not fit.
    """
    if source.is_dir():
        return _folder(source, spec, labels, None if follow_links else source.resolve())
    if not source.exists():
        raise NotFoundError(f"{source}: no such file or folder; give a .npz or a folder with one subfolder per label")
    if source.suffix.lower() != ".npz":
        raise DatasetError(f"{source}: give a .npz in Keras layout or a folder with one subfolder per label")
    return _npz(source)


def _folder(folder: Path, spec: InputSpec, labels: Sequence[str], fence: Path | None) -> Examples:
    root = folder / "test" if (folder / "test").is_dir() and _inside(folder / "test", fence) else folder
    paths: list[Path] = []
    truth: list[int] = []
    inside = (path for path in root.iterdir() if not path.name.startswith(".") and _inside(path, fence))
    for place in sorted(path for path in inside if path.is_dir()):
        if place.name not in labels:
            raise DatasetError(
                f"{place}: the model has no label {place.name!r}; its labels are {', '.join(labels[:10])}"
            )
        found = [path for path in image_files(place) if _inside(path, fence)]
        paths.extend(found)
        truth.extend([labels.index(place.name)] * len(found))
    if not paths:
        raise DatasetError(
            f"{root}: no JPEG or PNG images in subfolders named after the labels "
            "(symbolic links that lead out of it need --follow-links)"
        )
    return Examples(ImageFrames(tuple(paths), spec), np.array(truth, np.int64))


def _inside(path: Path, fence: Path | None) -> bool:
    """Whether `path` is no symbolic link that leads out of the folder `fence`."""
    return fence is None or not path.is_symlink() or fence in path.resolve().parents


def _npz(path: Path) -> Examples:
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = ("x_test", "y_test") if "x_test" in archive.files else ("x", "y")
            frames, truth = (archive[name] for name in names)
    except KeyError as error:
        raise DatasetError(f"{path}: no array {error}: it must hold x_test and y_test, or x and y") from error
    except Exception as error:  # zipfile, its decompressors and numpy raise a dozen kinds
        raise DatasetError(f"{path}: no readable .npz ({error})") from error
    return Examples(_pixels(path, frames), _classes(path, truth))


def _pixels(path: Path, frames: NDArray[Any]) -> NDArray[np.uint8]:
    if frames.dtype != np.uint8 or frames.ndim not in (3, 4):
        raise DatasetError(
            f"{path}: the frames are {frames.dtype} {list(frames.shape)}: give uint8 (n, height, width[, channels])"
        )
    return frames


def _classes(path: Path, truth: NDArray[Any]) -> NDArray[np.int64]:
    if truth.ndim == 2 and truth.shape[1] > 1:  # one-hot
        truth = truth.argmax(axis=1)
    if truth.dtype.kind not in "iu":
        raise DatasetError(f"{path}: the labels are {truth.dtype}: give class numbers from 0, or one-hot rows")
    return truth.reshape(-1).astype(np.int64)
