"""Measures two models interleaved, so that the machine's other work meets both alike."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edgeready_device.benchmarking.benchmark_file import Measurement
from edgeready_device.benchmarking.compare import Comparison, list_differences, list_doubts
from edgeready_device.benchmarking.difference import LEAST_SAMPLES, paired_difference
from edgeready_device.benchmarking.latency import summarize
from edgeready_device.benchmarking.stages import Clock, Stop, measure
from edgeready_device.benchmarking.workload import Measurable, workload_of
from edgeready_device.errors import UsageError
from edgeready_device.machine.machine import Machine, read_machine
from edgeready_device.session import Session

_LONGEST_S = 86_400  # a day; chosen: a longer time is a mistake of units
_SHORTEST_S = 1e-9  # the resolution of Python's clocks
ORDERS = ((0, 1, 1, 0), (1, 0, 0, 1))  # in each a machine that slows down evenly meets both models alike


@dataclass(frozen=True)
class InterleavedConfig:
    """At least `rounds` rounds and `time_s` seconds; a round is four turns of at least `turn_runs` and `turn_s`."""

    time_s: float = 20.0  # chosen: docs/benchmarking.md measured 30 s for 3 %; 20 s are what a person waits for
    rounds: int = 25  # chosen: a few more than LEAST_SAMPLES
    turn_s: float = 0.05  # chosen: short beside the seconds in which a machine's other work changes
    turn_runs: int = 5  # chosen: a median of five is not moved by one slow run
    warmup_s: float = 0.3  # as in BenchmarkConfig

    def __post_init__(self) -> None:
        if not 0 <= self.time_s <= _LONGEST_S:
            raise UsageError(f"the time is {self.time_s:g} s: ask for 0 to {_LONGEST_S}")
        if self.rounds < LEAST_SAMPLES or self.turn_runs < 1:
            raise UsageError(
                f"rounds is {self.rounds}, runs of a turn {self.turn_runs}: ask for {LEAST_SAMPLES} and 1"
            )


@dataclass(frozen=True)
class InterleavedRuns:
    """The latencies of two interleaved models in seconds, and the `ratios` of the rounds, second to first."""

    first_s: tuple[float, ...] = field(repr=False)
    second_s: tuple[float, ...] = field(repr=False)
    ratios: tuple[float, ...] = field(repr=False)


def compare_models(
    first: Measurable,
    second: Measurable,
    config: InterleavedConfig | None = None,
    max_slowdown_percent: float = 0.0,
    clock: Clock = time.perf_counter,
) -> Comparison:
    """Measures two opened models interleaved and returns their Comparison.

    A busy machine is no reason for doubt, because it slows both alike. Emulation is one.
    """
    loads = workload_of(first), workload_of(second)
    runs = measure_interleaved(*loads, config or InterleavedConfig(), clock=clock)
    machine = read_machine()
    a, b = (
        _measurement(load.session, machine, latencies_s)
        for load, latencies_s in zip(loads, (runs.first_s, runs.second_s))
    )
    return Comparison(
        first=a,
        second=b,
        difference=paired_difference(runs.ratios),
        max_slowdown_percent=max_slowdown_percent,
        differs=tuple(list_differences(a, b)),
        doubts=tuple(list_doubts(a, b)),
    )


def measure_interleaved(
    first: Measurable, second: Measurable, config: InterleavedConfig, *, clock: Clock = time.perf_counter
) -> InterleavedRuns:
    """Returns the runs of two opened models on seeded noise; the order of each round is drawn, with a fixed seed."""
    loads = workload_of(first), workload_of(second)
    for load in loads:
        measure(load, Stop(1, config.warmup_s, config.warmup_s), clock=clock)
    random = np.random.default_rng(0)
    series: tuple[list[float], list[float]] = [], []
    ratios: list[float] = []
    began = clock()
    turn = Stop(config.turn_runs, config.turn_s, float("inf"))
    while len(ratios) < config.rounds or clock() - began < config.time_s:
        logs = [0.0, 0.0]
        for i in ORDERS[int(random.integers(2))]:
            latencies_s = measure(loads[i], turn, clock=clock).invoke_s
            series[i].extend(latencies_s)
            logs[i] += math.log(max(summarize(latencies_s).median_s, _SHORTEST_S)) / 2
        ratios.append(math.exp(logs[1] - logs[0]))
    return InterleavedRuns(tuple(series[0]), tuple(series[1]), tuple(ratios))


def _measurement(model: Session, machine: Machine, latencies_s: Sequence[float]) -> Measurement:
    return Measurement(
        path=model.path,
        model=str(model.path),
        sha256=model.file.sha256,
        runtime=str(model.runtime),
        threads=model.threads,
        kernels=model.kernels,
        delegate=model.delegate.name if model.delegate else "",
        machine=machine.board or machine.processor,
        emulated=machine.emulated,
        unsteady=(),
        latencies_s=tuple(latencies_s),
    )
