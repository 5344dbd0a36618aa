"""Measures one inference: load, first run, warm-up and steady runs apart, with the machine's state."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeready_device.benchmarking.latency import LatencySummary, summarize
from edgeready_device.benchmarking.stability import Evidence, Unsteady, judge
from edgeready_device.benchmarking.stages import Clock, Stages, Stop, measure
from edgeready_device.benchmarking.sustained import Window, join_samples, measure_windows
from edgeready_device.benchmarking.workload import Workload, takes_frames, workload_of
from edgeready_device.errors import UsageError
from edgeready_device.machine.board import Board, this_board
from edgeready_device.machine.board_state import UNKNOWN_STATE, BoardState, read_state
from edgeready_device.machine.machine import Machine, is_virtual, read_machine
from edgeready_device.machine.tpu import Tpu, TpuLibrary, read_tpu_library, read_tpus
from edgeready_device.machine.usage import (
    UNKNOWN_USE,
    Activity,
    MemoryUse,
    compare_counters,
    compare_memory,
    read_counters,
    read_memory,
)
from edgeready_device.model import Model
from edgeready_device.model_file.input_size import with_image_size
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.model_inputs import read_inputs
from edgeready_device.runtime.delegate import Delegation
from edgeready_device.runtime.runtime import Runtime
from edgeready_device.session import Session
from edgeready_device.tune_file import TuneRecord

_LONGEST_SUSTAINED_S = 86_400  # a day; chosen: a longer time is a mistake of units


@dataclass(frozen=True)
class BenchmarkConfig:
    """How to measure: at least `runs` runs and `min_time_s` seconds, at most `max_time_s`, after a warm-up.

    With `sustained_s` above 0 the measurement lasts so long instead, in windows. `threads` None is what `tune` left
    beside the model, else 1. `inputs` is a .npz whose first sample is fed; None feeds seeded noise. `input_size` is
    the width and height of images whose size the file leaves open.
    """

    runs: int = 100  # chosen: more than the 64 that carry a p90
    min_time_s: float = 2.0  # chosen: hundreds of runs of a model of milliseconds, and nobody waits long
    max_time_s: float = 30.0  # chosen: the longest that somebody waits for a model of seconds
    warmup_runs: int = 10  # chosen: lazy set-up is over after the first runs
    warmup_s: float = 0.3  # chosen: time for a governor to raise the clock
    runtime: str | None = None
    threads: int | None = 1
    kernels: str = "default"
    delegate: str | None = None
    sustained_s: float = 0.0
    trusted: bool = False
    inputs: Path | None = None
    input_size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.runs < 1 or self.warmup_runs < 0:
            raise UsageError(f"runs is {self.runs}, warm-up runs {self.warmup_runs}: ask for at least 1 and 0")
        if not (self.min_time_s >= 0 and self.warmup_s >= 0 and self.max_time_s > 0):
            raise UsageError(
                f"the least time is {self.min_time_s} s, the warm-up {self.warmup_s} s, the longest time "
                f"{self.max_time_s} s: they cannot be negative"
            )
        if not 0 <= self.sustained_s <= _LONGEST_SUSTAINED_S:
            raise UsageError(f"the sustained time is {self.sustained_s / 60:g} minutes: ask for 0 to 1440")


@dataclass(frozen=True)
class Acceleration:
    """What a delegate did; for an Edge TPU's delegate also the devices of this machine and their library."""

    delegation: Delegation
    tpus: tuple[Tpu, ...] = ()
    library: TpuLibrary | None = None


@dataclass(frozen=True)
class BenchmarkResult:
    """Seconds of one model on one machine; `latencies_s` are the raw steady runs, quantized frame to raw output.

    `stages` has the same runs with preprocess and postprocess. `before`, `after` and `busy` describe the machine's
    state, `windows` the course of a sustained measurement, of which only evenly spread runs are kept. `virtual` means
    that the machine shares its host with others. `inputs` says what was fed in place of a frame.
    """

    model: Path
    runtime: Runtime
    threads: int
    kernels: str
    load_s: float
    first_run_s: float
    warmup_runs: int
    latencies_s: tuple[float, ...] = field(repr=False)
    machine: Machine
    stages: Stages | None = field(default=None, repr=False)
    before: BoardState = UNKNOWN_STATE
    after: BoardState = UNKNOWN_STATE
    busy: Activity | None = None
    memory: MemoryUse = UNKNOWN_USE
    acceleration: Acceleration | None = None
    tuned: TuneRecord | None = None
    sha256: str = ""
    windows: tuple[Window, ...] = ()
    virtual: bool = False
    inputs: str = ""

    @property
    def cold_start_s(self) -> float:
        """From the file on disk to the first answer."""
        return self.load_s + self.first_run_s

    @property
    def summary(self) -> LatencySummary:
        """The median, the MAD, and the percentiles that the samples carry."""
        return summarize(self.latencies_s)

    @property
    def unsteady(self) -> tuple[Unsteady, ...]:
        """Why nobody should rely on these figures; empty when the measurement is steady."""
        states = (self.before, *(window.state for window in self.windows), self.after)
        return judge(Evidence(self.machine, states, self.busy, threads=self.threads, latencies_s=self.latencies_s))


def benchmark(
    model: Model | Session | TfliteModel | str | os.PathLike[str],
    config: BenchmarkConfig | None = None,
    clock: Clock = time.perf_counter,
    board: Board | None = None,
) -> BenchmarkResult:
    """Measures a model with one frame of seeded noise, or tensors of it, in an interpreter of its own.

    A path is read, and a Model's file is read again, so that the cold start counts in full; of a TfliteModel the
    opening alone counts. A Model or a Session is measured on the runtime, threads, kernels and delegate that it was
    opened with, whatever `config` has there. Raises what `Session.load` raises.
    """
    config, board = config or BenchmarkConfig(), board or this_board()
    if isinstance(model, (Model, Session)):
        config, model = _as_opened(config, model), model.path
    before, empty_memory = read_state(board), read_memory(board)
    workload, load_s = _open(model, config, clock)
    under_test = workload.session
    first = measure(workload, Stop(1, 0.0, config.max_time_s), clock=clock)
    loaded_memory = read_memory(board)
    warmup_runs = _warm_up(workload, config, clock=clock)
    counters = read_counters(board)
    stages, windows = _measure_series(workload, config, clock=clock, board=board)
    return BenchmarkResult(
        model=model.path if isinstance(model, TfliteModel) else Path(model),
        runtime=under_test.runtime,
        threads=under_test.threads,
        kernels=under_test.kernels,
        load_s=load_s,
        first_run_s=first.invoke_s[0],
        warmup_runs=warmup_runs,
        latencies_s=stages.invoke_s,
        machine=read_machine(),
        stages=stages,
        before=before,
        after=read_state(board),
        busy=compare_counters(counters, read_counters(board)),
        memory=compare_memory(empty_memory, loaded_memory, read_memory(board)),
        acceleration=read_acceleration(under_test, board),
        tuned=under_test.tuned,
        sha256=under_test.file.sha256,
        windows=windows,
        virtual=is_virtual(board),
        inputs=workload.source,
    )


def read_acceleration(model: Model | Session, board: Board) -> Acceleration | None:
    """Returns the Acceleration of an opened `model`, or None when it runs on the CPU alone."""
    if model.delegate is None:
        return None
    if not model.delegate.spec.edgetpu:
        return Acceleration(model.delegate)
    return Acceleration(model.delegate, read_tpus(board), read_tpu_library(board))


def _open(
    model: TfliteModel | str | os.PathLike[str], config: BenchmarkConfig, clock: Clock
) -> tuple[Workload, float]:
    """Returns what is measured, and the seconds from the file to the opened model, without those of its inputs."""
    options: dict[str, Any] = {
        "runtime": config.runtime,
        "threads": config.threads,
        "kernels": config.kernels,
        "delegate": config.delegate,
    }
    started = clock()
    file = model if isinstance(model, TfliteModel) else read_model_file(model, trusted=config.trusted)
    inputs, reading_s = None, 0.0
    file = with_image_size(file, config.input_size)
    if config.inputs is not None:
        before = clock()
        file, inputs = read_inputs(config.inputs, file)
        reading_s = clock() - before
    opener = Model if inputs is None and takes_frames(file) else Session
    session = opener.from_file(file, **options)
    load_s = clock() - started - reading_s
    return workload_of(session, inputs), load_s


def _as_opened(config: BenchmarkConfig, model: Model | Session) -> BenchmarkConfig:
    return replace(
        config,
        runtime=model.runtime.name,
        threads=model.threads,
        kernels=model.kernels,
        delegate=None if model.delegate is None else model.delegate.name,
    )


def _warm_up(workload: Workload, config: BenchmarkConfig, *, clock: Clock) -> int:
    if not config.warmup_runs and not config.warmup_s:
        return 0
    stop = Stop(config.warmup_runs, config.warmup_s, config.max_time_s)
    return len(measure(workload, stop, clock=clock).invoke_s)


def _measure_series(
    workload: Workload, config: BenchmarkConfig, *, clock: Clock, board: Board
) -> tuple[Stages, tuple[Window, ...]]:
    if config.sustained_s:
        windows = measure_windows(workload, config.sustained_s, clock=clock, board=board)
        return join_samples(windows), windows
    return measure(workload, Stop(config.runs, config.min_time_s, config.max_time_s), clock=clock), ()
