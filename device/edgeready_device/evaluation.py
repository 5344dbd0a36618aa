"""Accuracy of a model on labelled frames, which a .npz or a folder holds; on all cores, an interpreter a thread."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import DatasetError, NotFoundError, UsageError
from edgeready_device.images.decode import image_files, load_picture
from edgeready_device.input_file import check_file, list_folder
from edgeready_device.machine.machine import available_cpus, bound_threads
from edgeready_device.model import Model
from edgeready_device.model_file.manifest import InputSpec
from edgeready_device.model_file.seen_images import NOT_LOOKED_UP, Frames, SeenImages
from edgeready_device.progress import Progress, no_progress
from edgeready_device.statistics import Proportion
from edgeready_device.surroundings import explain

_CHUNK = 64  # chosen: frames of one task; many tasks keep the CPUs busy to the end and show progress


@dataclass(frozen=True)
class Familiarity:
    """Which of the frames the file was trained or calibrated on: `seen` (n,) as `SeenImages.look_up` has it.

    `training_known` says that those of the training are known, and not only those of the calibration.
    """

    seen: NDArray[np.int8] = field(repr=False)
    training_known: bool = True

    @property
    def share(self) -> Proportion:
        """How many of the frames that could be looked up were seen."""
        return Proportion(int((self.seen == 1).sum()), int((self.seen != NOT_LOOKED_UP).sum()))


@dataclass(frozen=True)
class EvaluationReport:
    """What the model said of each frame; `outputs` (n, classes) are raw scores, `confusion` is [true, predicted]."""

    labels: tuple[str, ...]
    truth: NDArray[np.int64] = field(repr=False)
    outputs: NDArray[Any] = field(repr=False)
    familiarity: Familiarity | None = None

    @property
    def predictions(self) -> NDArray[np.int64]:
        """The predicted class of each frame; of equal scores the lower index."""
        return np.asarray(self.outputs.argmax(axis=1), np.int64)

    @property
    def top1(self) -> Proportion:
        """Top-1 accuracy."""
        return Proportion(int((self.predictions == self.truth).sum()), len(self.truth))

    @property
    def top1_unseen(self) -> Proportion | None:
        """Top-1 accuracy on the frames that the file has not seen; None where there are none, or all are such."""
        if self.familiarity is None or not self.familiarity.share.hits:
            return None
        unseen = self.familiarity.seen == 0
        right = (self.predictions == self.truth)[unseen]
        return Proportion(int(right.sum()), len(right)) if len(right) else None

    @property
    def top5(self) -> Proportion:
        """Top-5 accuracy."""
        best = np.argsort(-self.outputs.astype(np.float64), axis=1, kind="stable")[:, :5]
        return Proportion(int((best == self.truth[:, None]).any(axis=1).sum()), len(self.truth))

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Counts (classes, classes): row the true class, column the predicted one."""
        table = np.zeros((len(self.labels),) * 2, np.int64)
        np.add.at(table, (self.truth, self.predictions), 1)
        return table

    @property
    def per_class(self) -> tuple[Proportion, ...]:
        """Top-1 accuracy of each class."""
        table = self.confusion
        return tuple(Proportion(int(table[i, i]), int(table[i].sum())) for i in range(len(table)))


def evaluate(
    model: Model,
    frames: Frames,
    truth: NDArray[np.int64],
    *,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> EvaluationReport:
    """The EvaluationReport of `model` on `frames` with the true class indices `truth` (n,).

    `workers` threads (None: enough to keep the CPUs busy) have an interpreter each. `progress` counts "images" and is
    called from the calling thread. Raises DatasetError when frames and classes do not fit, ModelFileError where more
    must be said before the model can classify, and for scores that are no numbers.
    """
    model.contract.check()
    truth = _checked_truth(model, frames, truth)
    # An interpreter's own threads share the CPUs with the others, and a delegate is mostly one device.
    most = 1 if model.delegate else max(1, available_cpus() // model.threads)
    count = most if workers is None else bound_threads(workers)
    if count < 1:
        raise UsageError(f"workers is {count}: ask for at least 1")
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(truth), _CHUNK)]
    idle = [model, *(model.replicate() for _ in range(min(count, len(chunks)) - 1))]

    recognizable = _recognizable(model)

    def work(which: slice) -> tuple[NDArray[Any], NDArray[np.int8] | None]:
        mine = idle.pop()
        try:
            pictures = frames[which]
            familiar = None if recognizable is None else recognizable.look_up(pictures)
            return mine.class_scores(mine.invoke_many(pictures)), familiar
        finally:
            idle.append(mine)

    outputs: list[NDArray[Any]] = []
    familiar: list[NDArray[np.int8]] = []
    with ThreadPoolExecutor(len(idle)) as pool:
        for chunk, (part, answers) in zip(chunks, pool.map(work, chunks)):
            outputs.append(part)
            familiar += [] if answers is None else [answers]
            progress("images", min(chunk.stop, len(truth)), len(truth))
    familiarity = None
    if recognizable is not None:
        familiarity = Familiarity(np.concatenate(familiar), recognizable.training_known)
    return EvaluationReport(model.labels, truth, np.concatenate(outputs), familiarity)


def _recognizable(model: Model) -> SeenImages | None:
    """The images that the file has seen, where a frame of them would look the same now: read by the same rules."""
    if model.file.seen_bin is None:
        return None
    now, then = (
        (frame.height, frame.width, frame.channels, frame.resize, frame.crop)
        for frame in (model.contract.frame, model.file.contract.frame)
    )
    return model.file.seen_images if now == then else None


def _checked_truth(model: Model, frames: Frames, truth: NDArray[np.int64]) -> NDArray[np.int64]:
    truth = np.asarray(truth, np.int64).reshape(-1)
    if len(frames) != len(truth) or not len(truth):
        raise DatasetError(f"{len(frames)} frames and {len(truth)} labels: give one label a frame, at least one")
    outside = truth[(truth < 0) | (truth >= len(model.labels))]
    if len(outside):
        raise DatasetError(
            f"the label {int(outside[0])} is outside the model's {len(model.labels)} classes: "
            "give the data set that the model was made for"
        )
    return truth


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
        return np.stack([load_picture(path, self.spec) for path in self.paths[which]])


def load_examples(source: Path, spec: InputSpec, labels: Sequence[str], *, follow_links: bool = False) -> Examples:
    """The labelled frames at `source` for a model that takes `spec` and knows `labels`.

    Symbolic links that lead out of a folder are left out unless `follow_links`. Raises NotFoundError, or
    DatasetError naming what does not fit.
    """
    try:
        details = os.stat(source)
    except (FileNotFoundError, NotADirectoryError) as error:
        advice = "give a .npz or a folder with one subfolder per label"
        raise NotFoundError(f"{source}: no such file or folder; {advice}") from error
    except OSError as error:
        raise explain(error) or error from error
    if stat.S_ISDIR(details.st_mode):
        return _folder(source, spec, labels, None if follow_links else source.resolve())
    if source.suffix.lower() != ".npz":
        raise DatasetError(f"{source}: give a .npz in Keras layout or a folder with one subfolder per label")
    return _npz(source)


def _folder(folder: Path, spec: InputSpec, labels: Sequence[str], fence: Path | None) -> Examples:
    root = folder / "test" if os.path.isdir(folder / "test") and _inside(folder / "test", fence) else folder
    paths: list[Path] = []
    truth: list[int] = []
    inside = (path for path in list_folder(root) if not path.name.startswith(".") and _inside(path, fence))
    for place in sorted(path for path in inside if path.is_dir()):
        if place.name not in labels:
            raise DatasetError(
                f"{place}: the model has no label {place.name!r}; its labels are {', '.join(labels[:10])}"
            )
        images = [path for path in image_files(place) if _inside(path, fence)]
        paths.extend(images)
        truth.extend([labels.index(place.name)] * len(images))
    if not paths:
        raise DatasetError(
            f"{root}: no images in subfolders named after the labels "
            "(symbolic links that lead out of it need --follow-links)"
        )
    return Examples(ImageFrames(tuple(paths), spec), np.array(truth, np.int64))


def _inside(path: Path, fence: Path | None) -> bool:
    """Whether `path` is no symbolic link that leads out of the folder `fence`."""
    return fence is None or not path.is_symlink() or fence in path.resolve().parents


def _npz(path: Path) -> Examples:
    try:
        check_file(path)
        with np.load(path, allow_pickle=False) as archive:
            names = ("x_test", "y_test") if "x_test" in archive.files else ("x", "y")
            frames, truth = (archive[name] for name in names)
    except KeyError as error:
        raise DatasetError(f"{path}: no array {error}: it must hold x_test and y_test, or x and y") from error
    except Exception as error:  # zipfile, its decompressors and numpy raise a dozen kinds
        raise DatasetError(f"{path}: no readable .npz ({error})") from error
    if frames.dtype != np.uint8 or frames.ndim not in (3, 4):
        raise DatasetError(
            f"{path}: the frames are {frames.dtype} {list(frames.shape)}: give uint8 (n, height, width[, channels])"
        )
    if truth.ndim == 2 and truth.shape[1] > 1:  # one-hot
        truth = truth.argmax(axis=1)
    if truth.dtype.kind not in "iu":
        raise DatasetError(f"{path}: the labels are {truth.dtype}: give class numbers from 0, or one-hot rows")
    return Examples(frames, truth.reshape(-1).astype(np.int64))
