"""The uint8 model beside its float32 twin: accuracy, agreement and latency, all through the device package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeready.dataset import Dataset
from edgeready_device.benchmarking.benchmark import BenchmarkConfig, BenchmarkResult, benchmark
from edgeready_device.evaluation import EvaluationReport, evaluate
from edgeready_device.model import Model
from edgeready_device.statistics import Proportion


@dataclass(frozen=True)
class Measured:
    """One .tflite file on the test images and on this machine."""

    size_bytes: int
    flatbuffer_bytes: int
    accuracy: EvaluationReport
    latency: BenchmarkResult


@dataclass(frozen=True)
class Disagreement:
    """An image of the test set, its true class, and the classes that two models name, which differ."""

    index: int
    truth: int
    first: int
    second: int


@dataclass(frozen=True)
class Comparison:
    """Both models, measured alike."""

    float32: Measured
    uint8: Measured

    @property
    def agreement(self) -> Proportion:
        """On how many test images the uint8 model gives the float model's answer."""
        return agreement(self.float32.accuracy, self.uint8.accuracy)


def agreement(one: EvaluationReport, other: EvaluationReport) -> Proportion:
    """On how many test images two models give the same answer."""
    same = one.predictions == other.predictions
    return Proportion(int(same.sum()), len(same))


def disagreements(first: EvaluationReport, second: EvaluationReport) -> tuple[Disagreement, ...]:
    """The images on which two models differ: first those that the second loses, then those that it wins."""
    ours, theirs, truth = first.predictions, second.predictions, first.truth
    found = [
        Disagreement(int(i), int(truth[i]), int(ours[i]), int(theirs[i])) for i in np.flatnonzero(ours != theirs)
    ]
    return tuple(sorted(found, key=lambda one: (one.first != one.truth, one.second != one.truth, one.index)))


def measure(
    path: Path,
    test: Dataset,
    progress: Callable[[int, int], None] | None = None,
    runtime: str | None = None,
) -> Measured:
    """The model at `path` on the images of `test`, then its latency on one thread; `runtime` as for Model.load."""
    model = Model.load(path, runtime=runtime)
    accuracy = evaluate(model, test.images, test.labels, progress=progress)
    latency = benchmark(path, BenchmarkConfig(min_time_s=0.5, max_time_s=10, runtime=runtime))
    return Measured(model.file.size_bytes, len(model.file.flatbuffer), accuracy, latency)
