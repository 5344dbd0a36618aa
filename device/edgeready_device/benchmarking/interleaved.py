"""Two models that take turns on this machine, so that whatever else it does meets both alike."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edgeready_device.benchmarking.benchmark_file import Measurement
from edgeready_device.benchmarking.compare import Comparison, differs, doubts
from edgeready_device.benchmarking.difference import LEAST_SAMPLES, paired_difference
from edgeready_device.benchmarking.latency import summarize
from edgeready_device.benchmarking.stages import Clock, Stop, measure, seeded_frame
from edgeready_device.errors import UsageError
from edgeready_device.machine.machine import Machine, read_machine
from edgeready_device.model import Model

_SHORTEST_S = 1e-9  # what a clock can tell
ORDERS = ((0, 1, 1, 0), (1, 0, 0, 1))  # in both of them a machine that slows down evenly meets both models alike


@dataclass(frozen=True)
class TurnsConfig:
    """At least `rounds` rounds and `time_s` seconds; a round is four turns of at least `turn_runs` and `turn_s`."""

    time_s: float = 20.0
    rounds: int = 25
    turn_s: float = 0.05
    turn_runs: int = 5
    warmup_s: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.time_s <= 86_400:
            raise UsageError(f"the time is {self.time_s:g} s: ask for 0 to 86400")
        if self.rounds < LEAST_SAMPLES or self.turn_runs < 1:
            raise UsageError(
                f"rounds is {self.rounds}, runs of a turn {self.turn_runs}: ask for {LEAST_SAMPLES} and 1"
            )


@dataclass(frozen=True)
class Turns:
    """What two models took in turns: the latencies of each in seconds, and the `ratios` of the rounds in order."""

    first_s: tuple[float, ...] = field(repr=False)
    second_s: tuple[float, ...] = field(repr=False)
    ratios: tuple[float, ...] = field(repr=False)


def compare_models(
    first: Model,
    second: Model,
    config: TurnsConfig | None = None,
    max_slowdown_percent: float = 0.0,
    clock: Clock = time.perf_counter,
) -> Comparison:
    """The Comparison of two opened models, measured now in turns.

    No busy machine casts doubt on it, because both meet what the machine does; emulation does.
    """
    taken = take_turns(first, second, config or TurnsConfig(), clock)
    machine = read_machine()
    a, b = _measurement(first, machine, taken.first_s), _measurement(second, machine, taken.second_s)
    return Comparison(
        a, b, paired_difference(taken.ratios), max_slowdown_percent, tuple(differs(a, b)), tuple(doubts(a, b))
    )


def take_turns(first: Model, second: Model, config: TurnsConfig, clock: Clock = time.perf_counter) -> Turns:
    """The Turns of two opened models on seeded frames; the order of each round is drawn (seeded)."""
    models = first, second
    frames = [seeded_frame(model) for model in models]
    for model, frame in zip(models, frames):
        measure(model, frame, Stop(1, config.warmup_s, config.warmup_s), clock)
    random = np.random.default_rng(0)
    series: tuple[list[float], list[float]] = [], []
    ratios: list[float] = []
    began = clock()
    turn = Stop(config.turn_runs, config.turn_s, float("inf"))
    while len(ratios) < config.rounds or clock() - began < config.time_s:
        logs = [0.0, 0.0]
        for i in ORDERS[int(random.integers(2))]:
            taken = measure(models[i], frames[i], turn, clock).invoke_s
            series[i].extend(taken)
            logs[i] += math.log(max(summarize(taken).median_s, _SHORTEST_S)) / 2
        ratios.append(math.exp(logs[1] - logs[0]))
    return Turns(tuple(series[0]), tuple(series[1]), tuple(ratios))


def _measurement(model: Model, machine: Machine, latencies_s: Sequence[float]) -> Measurement:
    return Measurement(
        model.path,
        str(model.path),
        model.file.sha256,
        str(model.runtime),
        model.threads,
        model.kernels,
        model.delegate.name if model.delegate else "",
        machine.board or machine.processor,
        machine.emulated,
        (),
        tuple(latencies_s),
    )
