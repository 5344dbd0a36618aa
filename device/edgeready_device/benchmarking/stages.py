"""The measuring loop: an inference goes through preprocess, invoke and postprocess, each timed apart."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from edgeready_device.benchmarking.workload import Workload

Clock = Callable[[], float]


@dataclass(frozen=True)
class Stages:
    """Seconds of each run; item i of all three is the same frame.

    Preprocess is from the uint8 frame to the input tensor, invoke from there to the raw output (copies in and out
    included), postprocess from there to the five best labels. Where tensors are fed, invoke is all.
    """

    preprocess_s: tuple[float, ...] = field(repr=False)
    invoke_s: tuple[float, ...] = field(repr=False)
    postprocess_s: tuple[float, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not len(self.preprocess_s) == len(self.invoke_s) == len(self.postprocess_s):
            raise ValueError("the stages are not of the same runs")

    @property
    def end_to_end_s(self) -> tuple[float, ...]:
        """From the frame to the labels."""
        return tuple(map(sum, zip(self.preprocess_s, self.invoke_s, self.postprocess_s)))

    def thin(self, most: int) -> Stages:
        """Returns at most `most` of the runs, evenly spread."""
        step = max(1, -(-len(self.invoke_s) // most))
        return Stages(self.preprocess_s[::step], self.invoke_s[::step], self.postprocess_s[::step])


@dataclass(frozen=True)
class Stop:
    """When a series ends: after at least `runs` runs and `min_time_s` seconds, but at `max_time_s` in any case."""

    runs: int
    min_time_s: float
    max_time_s: float


def measure(workload: Workload, stop: Stop, clock: Clock) -> Stages:
    """Runs `workload` until `stop` and returns the Stages.

    It reads the clock four times a run, prints nothing, and keeps the garbage collector off. What a recurrent model
    remembers is set back before each run, outside of its time.
    """
    stateful = workload.session.file.stateful
    preprocess: list[float] = []
    invoke: list[float] = []
    postprocess: list[float] = []
    with _no_garbage_collection():
        started = clock()
        while True:
            if stateful:
                workload.session.reset_state()
            run_started = clock()
            tensor = workload.prepare()
            prepared = clock()
            output = workload.invoke(tensor)
            invoked = clock()
            workload.answer(output)
            answered = clock()
            preprocess.append(prepared - run_started)
            invoke.append(invoked - prepared)
            postprocess.append(answered - invoked)
            elapsed_s = answered - started
            if elapsed_s >= stop.max_time_s or (len(invoke) >= stop.runs and elapsed_s >= stop.min_time_s):
                return Stages(tuple(preprocess), tuple(invoke), tuple(postprocess))


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
