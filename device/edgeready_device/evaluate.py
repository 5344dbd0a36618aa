"""Accuracy of a model on labelled frames, on all cores: an interpreter a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import DatasetError, UsageError
from edgeready_device.machine.machine import available_cpus
from edgeready_device.model import Model
from edgeready_device.statistics import Proportion

_CHUNK = 64


class Frames(Protocol):
    """uint8 frames that can be sliced: an array (n, height, width[, channels]), or images read when asked for."""

    def __len__(self) -> int:
        """Number of frames."""

    def __getitem__(self, which: slice) -> NDArray[np.uint8]:
        """The frames of a slice as one array."""


@dataclass(frozen=True)
class EvaluationReport:
    """What the model said of each frame; `outputs` (n, classes) are raw, `confusion` is [true, predicted]."""

    labels: tuple[str, ...]
    truth: NDArray[np.int64] = field(repr=False)
    outputs: NDArray[Any] = field(repr=False)

    @property
    def predictions(self) -> NDArray[np.int64]:
        """The predicted class of each frame; of equal scores the lower index."""
        return np.asarray(self.outputs.argmax(axis=1), np.int64)

    @property
    def top1(self) -> Proportion:
        """Top-1 accuracy."""
        return Proportion(int((self.predictions == self.truth).sum()), len(self.truth))

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
    progress: Callable[[int, int], None] | None = None,
) -> EvaluationReport:
    """The EvaluationReport of `model` on `frames` with the true class indices `truth` (n,).

    `workers` threads (None: enough to keep the CPUs busy) have an interpreter each. `progress(done, total)` is
    called from the calling thread. Raises DatasetError when frames and classes do not fit.
    """
    truth = _checked_truth(model, frames, truth)
    # An interpreter's own threads share the CPUs with the others, and a delegate is mostly one device.
    most = 1 if model.delegate else max(1, available_cpus() // model.threads)
    count = most if workers is None else workers
    if count < 1:
        raise UsageError(f"workers is {count}: ask for at least 1")
    starts = range(0, len(truth), _CHUNK)
    models = [model, *(model.replicate() for _ in range(min(count, len(starts)) - 1))]
    chunks = iter([slice(start, start + _CHUNK) for start in starts])
    outputs: NDArray[Any] = np.empty((len(truth), len(model.labels)), model.output.dtype)
    done = 0
    for finished in _in_parallel(models, frames, chunks, outputs):
        done += finished
        if progress is not None:
            progress(done, len(truth))
    return EvaluationReport(model.labels, truth, outputs)


def _in_parallel(
    models: list[Model], frames: Frames, chunks: Iterator[slice], outputs: NDArray[Any]
) -> Iterator[int]:
    def work(model: Model, which: slice) -> int:
        part = frames[which]
        outputs[which] = model.invoke_many(part)
        return len(part)

    with ThreadPoolExecutor(len(models)) as pool:
        running = {pool.submit(work, model, which): model for model, which in zip(models, chunks)}
        while running:
            future = next(iter(running))
            model = running.pop(future)
            finished = future.result()
            following = next(chunks, None)
            if following is not None:
                running[pool.submit(work, model, following)] = model
            yield finished


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
