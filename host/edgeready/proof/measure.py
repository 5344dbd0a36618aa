"""A model beside its baseline: accuracy, agreement and latency, all through the device package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeready.dataset import Dataset
from edgeready_device.benchmarking.benchmark import BenchmarkConfig, BenchmarkResult, benchmark
from edgeready_device.evaluation import EvaluationReport, evaluate
from edgeready_device.model import Model
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.progress import Progress, no_progress, relabel
from edgeready_device.report.benchmark import benchmark_json
from edgeready_device.report.predictions import evaluation_json
from edgeready_device.statistics import Proportion

# Chosen: half a second gives hundreds of runs of a small model; ten bound what a large one costs.
_LATENCY = BenchmarkConfig(min_time_s=0.5, max_time_s=10)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One model on the test images and on this machine; `size_bytes` is the whole file's size."""

    size_bytes: int
    flatbuffer_bytes: int
    accuracy: EvaluationReport
    latency: BenchmarkResult

    def in_file(self, path: Path, size_bytes: int) -> Measured:
        """The same measurement of the file at `path`, into which the model was written."""
        return replace(self, size_bytes=size_bytes, latency=replace(self.latency, model=path))

    def to_dict(self) -> dict[str, Any]:
        """The measurement as plain data."""
        return {
            "size_bytes": self.size_bytes,
            "flatbuffer_bytes": self.flatbuffer_bytes,
            "accuracy": evaluation_json(self.accuracy, self.latency.runtime),
            "latency": benchmark_json(self.latency),
        }


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """An image of the test set, its true class, and the classes that two models name, which differ."""

    index: int
    truth: int
    first: int
    second: int


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A model and the float32 baseline that it was made from, measured alike."""

    baseline: Measured
    model: Measured

    @property
    def agreement(self) -> Proportion:
        """On how many test images the model gives the baseline's answer."""
        return agreement(self.baseline.accuracy, self.model.accuracy)


def agreement(first: EvaluationReport, second: EvaluationReport) -> Proportion:
    """On how many test images two models give the same answer."""
    same = first.predictions == second.predictions
    return Proportion(int(same.sum()), len(same))


def disagreements(first: EvaluationReport, second: EvaluationReport) -> tuple[Disagreement, ...]:
    """The images on which two models differ: first those that the second loses, then those that it wins."""
    ours, theirs, truth = first.predictions, second.predictions, first.truth
    pairs = [
        Disagreement(index=int(i), truth=int(truth[i]), first=int(ours[i]), second=int(theirs[i]))
        for i in np.flatnonzero(ours != theirs)
    ]
    return tuple(sorted(pairs, key=lambda pair: (pair.first != pair.truth, pair.second != pair.truth, pair.index)))


def accuracy_of(measurements: Sequence[tuple[str, Measured]]) -> dict[str, Any]:
    """The top-1 accuracy of each measurement by its mode, as the provenance of a file holds it."""
    shares = {name: measured.accuracy.top1 for name, measured in measurements}
    return {name: {"top1": share.value, "interval95": list(share.interval)} for name, share in shares.items()}


def measure(
    model: TfliteModel,
    test: Dataset,
    progress: Progress = no_progress,
    *,
    label: str = "testing",
    runtime: str | None = None,
) -> Measured:
    """Evaluates `model` on the images of `test`, then measures its latency on one thread.

    `runtime` is as for Model.load, `label` what `progress` is told.
    """
    accuracy = evaluate(
        Model.from_file(model, runtime=runtime), test.images, test.labels, progress=relabel(progress, label)
    )
    latency = benchmark(model, replace(_LATENCY, runtime=runtime))
    return Measured(
        size_bytes=model.size_bytes, flatbuffer_bytes=len(model.flatbuffer), accuracy=accuracy, latency=latency
    )
