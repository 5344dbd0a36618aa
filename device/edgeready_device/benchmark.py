"""Measures what one inference takes: load, first run, warm-up and steady runs apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgeready_device.errors import UsageError
from edgeready_device.machine import Machine, read_machine
from edgeready_device.model import Model
from edgeready_device.runtime import Runtime
from edgeready_device.statistics import LatencySummary, summarize


@dataclass(frozen=True)
class BenchmarkConfig:
    """Measure at least `runs` runs and `min_time_s` seconds, but stop after `max_time_s`; warm up before it."""

    runs: int = 100
    min_time_s: float = 2.0
    max_time_s: float = 30.0
    warmup_runs: int = 10
    warmup_s: float = 0.3
    runtime: str | None = None
    threads: int = 1
    kernels: str = "default"

    def __post_init__(self) -> None:
        if self.runs < 1 or self.warmup_runs < 0:
            raise UsageError(f"runs is {self.runs}, warm-up runs {self.warmup_runs}: ask for at least 1 and 0")
        if not (self.min_time_s >= 0 and self.warmup_s >= 0 and self.max_time_s > 0):
            raise UsageError(
                f"the least time is {self.min_time_s} s, the warm-up {self.warmup_s} s, the longest time "
                f"{self.max_time_s} s: they cannot be negative"
            )


@dataclass(frozen=True)
class BenchmarkResult:
    """Seconds of one model on one machine; `latencies_s` are the raw steady runs, quantized frame to raw output."""

    model: Path
    runtime: Runtime
    threads: int
    kernels: str
    load_s: float
    first_run_s: float
    warmup_runs: int
    latencies_s: tuple[float, ...] = field(repr=False)
    machine: Machine

    @property
    def cold_start_s(self) -> float:
        """From the file on disk to the first answer."""
        return self.load_s + self.first_run_s

    @property
    def summary(self) -> LatencySummary:
        """Median, MAD and the percentiles that the samples carry."""
        return summarize(self.latencies_s)


def benchmark(
    path: Path, config: BenchmarkConfig | None = None, clock: Callable[[], float] = time.perf_counter
) -> BenchmarkResult:
    """The BenchmarkResult of the model at `path`, fed with one frame of seeded noise."""
    config = config or BenchmarkConfig()
    started = clock()
    model = Model.load(path, runtime=config.runtime, threads=config.threads, kernels=config.kernels)
    load_s = clock() - started
    frame = np.random.default_rng(0).integers(0, 256, model.input.shape[1:], dtype=np.uint8)
    tensor = model.quantize(frame)

    def once() -> float:
        before = clock()
        model.invoke(tensor)
        return clock() - before

    first_run_s = once()
    warmup = _repeat(once, clock, config.warmup_runs, config.warmup_s, config.max_time_s)
    latencies = _repeat(once, clock, config.runs, config.min_time_s, config.max_time_s)
    return BenchmarkResult(
        path,
        model.runtime,
        config.threads,
        config.kernels,
        load_s,
        first_run_s,
        len(warmup),
        tuple(latencies),
        read_machine(),
    )


def _repeat(
    once: Callable[[], float], clock: Callable[[], float], runs: int, min_time_s: float, max_time_s: float
) -> list[float]:
    started = clock()
    taken: list[float] = []
    while len(taken) < runs or clock() - started < min_time_s:
        taken.append(once())
        if clock() - started >= max_time_s:
            break
    return taken
