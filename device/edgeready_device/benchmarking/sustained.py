"""A long measurement as windows that follow each other, with the machine's state at the end of each."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgeready_device.benchmarking.latency import LatencySummary, summarize
from edgeready_device.benchmarking.stages import Clock, Stages, Stop, measure
from edgeready_device.benchmarking.workload import Workload
from edgeready_device.machine.board import Board
from edgeready_device.machine.board_state import BoardState, read_state

MOST_WINDOWS = 60  # chosen: a table of so many lines is still readable
_LEAST_WINDOW_S = 1.0  # chosen: the board's state is read between windows, which takes milliseconds
MOST_SAMPLED = 2_000  # raw runs of a window; chosen: 60 windows then hold at most 120,000, some megabytes of JSON


@dataclass(frozen=True)
class Window:
    """One stretch of a long measurement: its start after the first, the summary of its runs, the state at its end.

    `sample` has evenly spread raw runs of it.
    """

    start_s: float
    summary: LatencySummary
    state: BoardState
    sample: Stages = field(repr=False)


def measure_windows(workload: Workload, sustained_s: float, *, clock: Clock, board: Board) -> tuple[Window, ...]:
    """Measures for `sustained_s` seconds and returns the windows, at most 60, each of a second or more."""
    length_s = max(_LEAST_WINDOW_S, sustained_s / MOST_WINDOWS)
    windows: list[Window] = []
    began = clock()
    start_s = 0.0
    while not windows or start_s < sustained_s:
        stages = measure(workload, Stop(1, length_s, length_s), clock=clock)
        sample = stages.thin(MOST_SAMPLED)
        windows.append(Window(start_s, summarize(stages.invoke_s), read_state(board), sample=sample))
        start_s = clock() - began
    return tuple(windows)


def join_samples(windows: tuple[Window, ...]) -> Stages:
    """Returns the raw runs in the samples of all windows, in their order."""
    return Stages(
        tuple(value for window in windows for value in window.sample.preprocess_s),
        tuple(value for window in windows for value in window.sample.invoke_s),
        tuple(value for window in windows for value in window.sample.postprocess_s),
    )
