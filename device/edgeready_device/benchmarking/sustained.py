"""A long measurement as windows that follow each other, with the machine's state at the end of each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgeready_device.benchmarking.latency import LatencySummary, summarize
from edgeready_device.benchmarking.stages import Clock, Stages, Stop, measure
from edgeready_device.machine.board import Board
from edgeready_device.machine.board_state import BoardState, read_state
from edgeready_device.model import Model

MOST_WINDOWS = 60
_LEAST_WINDOW_S = 1.0
MOST_KEPT = 2_000  # raw runs of a window


@dataclass(frozen=True)
class Window:
    """One stretch: when it began after the first, the summary of its runs, the state at its end, some raw runs."""

    start_s: float
    summary: LatencySummary
    state: BoardState
    kept: Stages = field(repr=False)


def measure_windows(
    model: Model, frame: NDArray[np.uint8], sustained_s: float, clock: Clock, board: Board
) -> tuple[Window, ...]:
    """The windows, at most 60 of a second or more, that fill `sustained_s` seconds."""
    length_s = max(_LEAST_WINDOW_S, sustained_s / MOST_WINDOWS)
    found: list[Window] = []
    began = clock()
    start_s = 0.0
    while not found or start_s < sustained_s:
        stages = measure(model, frame, Stop(1, length_s, length_s), clock)
        kept = stages.thinned(MOST_KEPT)
        found.append(Window(start_s, summarize(stages.invoke_s), read_state(board), kept))
        start_s = clock() - began
    return tuple(found)


def kept_runs(windows: tuple[Window, ...]) -> Stages:
    """The raw runs that all the windows kept, in their order."""
    return Stages(
        tuple(value for window in windows for value in window.kept.preprocess_s),
        tuple(value for window in windows for value in window.kept.invoke_s),
        tuple(value for window in windows for value in window.kept.postprocess_s),
    )
