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

from edgeready_device.errors import DatasetError, ImageError, NotFoundError, UsageError
from edgeready_device.image_sets.array_file import read_test_arrays
from edgeready_device.image_sets.array_frames import FrameStream
from edgeready_device.image_sets.failures import failure_text
from edgeready_device.image_sets.layout import read_test_layout
from edgeready_device.images.decode import load_picture
from edgeready_device.images.fitted_frames import fit_frames
from edgeready_device.machine.machine import available_cpus, bound_threads
from edgeready_device.model import Model
from edgeready_device.model_file.label_match import match_labels
from edgeready_device.model_file.manifest import InputSpec
from edgeready_device.model_file.seen_images import NOT_LOOKED_UP, Frames, SeenImages
from edgeready_device.progress import Progress, no_progress
from edgeready_device.statistics import Proportion
from edgeready_device.surroundings import explain
from edgeready_device.text import plain

# Unpacked images of a .npz that stay in memory; chosen: little on any board. More are unpacked when they are needed.
_MOST_HELD_BYTES = 16 << 20
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
    """Frames that can be sliced and their true classes (n,); `notes` say what was left out, in sentences."""

    frames: Frames
    truth: NDArray[np.int64]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageFrames:
    """Image files that are read, as the model wants them, when they are asked for.

    Where `failures` is a dictionary, one that cannot be read is black, and is put there with the error: `leave_out`
    removes what the model says of it.
    """

    paths: tuple[Path, ...]
    spec: InputSpec = field(repr=False)
    failures: dict[Path, ImageError] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, which: slice) -> NDArray[np.uint8]:
        return np.stack([self._read(path) for path in self.paths[which]])

    def _read(self, path: Path) -> NDArray[np.uint8]:
        try:
            return load_picture(path, self.spec)
        except ImageError as error:
            if self.failures is None:
                raise ImageError(failure_text({path: error}, len(self.paths))) from error
            self.failures[path] = error
            return np.zeros((self.spec.height, self.spec.width, self.spec.channels), np.uint8)


def load_examples(
    source: Path, spec: InputSpec, labels: Sequence[str], *, follow_links: bool = False, skip_damaged: bool = False
) -> Examples:
    """The labelled frames at `source` for a model that takes `spec` and knows `labels`.

    A folder or a .npz is read as edgeready reads it when it trains: the images for the test, else those for the
    validation, else all. Classes are matched to labels by name. Symbolic links that lead out of a folder are left out
    unless `follow_links`. With `skip_damaged` the frames note the images that cannot be read. The arrays of a large
    .npz are unpacked when they are asked for, and images of another size are resized. Raises NotFoundError,
    DatasetError naming what does not fit, or RuntimeUnavailableError where Pillow is needed and missing.
    """
    try:
        details = os.stat(source)
    except (FileNotFoundError, NotADirectoryError) as error:
        advice = "give a .npz or a folder with one subfolder per label"
        raise NotFoundError(f"{source}: no such file or folder; {advice}") from error
    except OSError as error:
        raise explain(error) or error from error
    if stat.S_ISDIR(details.st_mode):
        layout = read_test_layout(source, follow_links=follow_links)
        listing = layout.test or layout.train
        truth, notes = _match_classes(source, layout.classes, listing.labels, labels)
        files = ImageFrames(listing.files, spec, {} if skip_damaged else None)
        return Examples(files, truth, (*layout.notes, *notes))
    if source.suffix.lower() != ".npz":
        raise DatasetError(f"{source}: give a .npz of images and labels or a folder with one subfolder per label")
    arrays = read_test_arrays(source, tuple(labels))
    (part,) = arrays.parts.values()
    truth, notes = part.labels, arrays.notes
    if arrays.classes != tuple(labels):
        truth, more = _match_classes(source, arrays.classes, part.labels, labels)
        notes = (*notes, *more)
    images = FrameStream(part.images) if part.images.nbytes > _MOST_HELD_BYTES else part.images.read()
    frames, note = fit_frames(images, spec, str(source))
    return Examples(frames, truth, (*notes, note) if note else notes)


def leave_out(report: EvaluationReport, examples: Examples) -> tuple[EvaluationReport, str]:
    """The report without the images that could not be read, and a sentence that names them; empty for none.

    Raises DatasetError where no image is left.
    """
    frames = examples.frames
    if not isinstance(frames, ImageFrames) or not frames.failures:
        return report, ""
    rows = np.array([path not in frames.failures for path in frames.paths])
    note = failure_text(frames.failures, len(frames), remedy=False)
    if not rows.any():
        raise DatasetError(note)
    familiarity = report.familiarity
    if familiarity is not None:
        familiarity = Familiarity(familiarity.seen[rows], familiarity.training_known)
    rest = EvaluationReport(report.labels, report.truth[rows], report.outputs[rows], familiarity)
    return rest, f"left out: {note}"


def _match_classes(
    source: Path, classes: Sequence[str], indices: Sequence[int] | NDArray[np.int64], labels: Sequence[str]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The label of each image by the name of its class, and a sentence on names that are not written alike."""
    places = match_labels(classes, labels)
    strange = next((name for name, place in zip(classes, places) if place is None), None)
    if strange is not None:
        names = ", ".join(map(plain, labels[:10]))
        raise DatasetError(f"{source}: the model has no label {plain(strange)!r}; its labels are {names}")
    index = np.array(places, np.int64)
    others = [
        f"{plain(name)!r} is {plain(labels[place])!r}" for name, place in zip(classes, index) if name != labels[place]
    ]
    return index[np.asarray(indices, np.int64)], ((f"{source}: {', '.join(others)}",) if others else ())
