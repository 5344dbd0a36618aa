"""The uint8 model beside its float32 twin: accuracy, agreement and latency, all through the device package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeready.dataset import Dataset
from edgeready_device.benchmark import BenchmarkConfig, BenchmarkResult, benchmark
from edgeready_device.evaluate import EvaluationReport, evaluate
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
class Comparison:
    """Both models, measured alike."""

    float32: Measured
    uint8: Measured

    @property
    def agreement(self) -> Proportion:
        """On how many test images the uint8 model gives the float model's answer."""
        same = self.float32.accuracy.predictions == self.uint8.accuracy.predictions
        return Proportion(int(same.sum()), len(same))


def measure(path: Path, test: Dataset, progress: Callable[[int, int], None] | None = None) -> Measured:
    """The model at `path` on the images of `test`, then its latency on one thread."""
    model = Model.load(path)
    accuracy = evaluate(model, test.images, test.labels, progress=progress)
    latency = benchmark(path, BenchmarkConfig(min_time_s=0.5, max_time_s=10))
    return Measured(model.file.size_bytes, len(model.file.flatbuffer), accuracy, latency)
