"""The child process of a profile: the model runs bare and with the profiler, in turns, and the result is one line."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import EdgereadyError, InferenceError, one_line
from edgeready_device.isolation.confinement import Confinement, confine, library_folders
from edgeready_device.isolation.trial import TrialRequest
from edgeready_device.profiling.litert_library import CompiledModel, Kernel, LibraryError
from edgeready_device.session import Session
from edgeready_device.trial_child import open_requested

LENGTH_BYTES = 8  # before the model; the inputs follow it as a .npz
_MOST_RUNS = 10_000  # of a kind; chosen: the mean of a kernel of whole microseconds is then exact to a hundredth
_TURN_S = 0.1  # chosen: long beside the refill of the caches after the other's turn, short beside a clock's drift


@dataclass(frozen=True)
class ProfileRequest:
    """What to profile: the library's path, the threads, and at least so many runs and seconds of each kind."""

    library: str
    threads: int
    runs: int
    min_time_s: float
    max_time_s: float
    warmup_s: float


@dataclass(frozen=True)
class Recordings:
    """Runs of both kinds: the seconds of each, and the microseconds of each kernel of each profiled one."""

    bare_s: list[float] = field(default_factory=list)
    profiled_s: list[float] = field(default_factory=list)
    microseconds: list[Sequence[int]] = field(default_factory=list)


def main() -> int:
    """The child: the request is the first argument; the flatbuffer and its inputs are standard input."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a native library prints is not the answer
    request = ProfileRequest(**json.loads(sys.argv[1]))
    source = sys.stdin.buffer
    flatbuffer = source.read(int.from_bytes(source.read(LENGTH_BYTES), "big"))
    arrays = np.load(io.BytesIO(source.read()), allow_pickle=False)
    tensors = [arrays[f"arr_{number}"] for number in range(len(arrays.files))]
    try:
        confine(Confinement(read=library_folders(sys.path)))
        result = _profile(request, flatbuffer, tensors)
    except LibraryError as error:
        result = {"error": str(error), "by_library": True}
    except InferenceError as error:
        result = {"error": f"it fails in a run ({one_line(error.__cause__ or error)})"}
    except (EdgereadyError, MemoryError) as error:
        result = {"error": one_line(error)}
    answer.write(json.dumps(result))
    answer.flush()
    os._exit(0)  # a library that crashes while it is unloaded has done its work


def _profile(request: ProfileRequest, flatbuffer: bytes, tensors: list[NDArray[Any]]) -> dict[str, Any]:
    session = open_requested(TrialRequest("ai-edge-litert", request.threads), flatbuffer)
    graph = session.file.graph
    outputs = session.invoke(tensors)  # whose sizes the file may leave open
    arrays = dict(zip((*graph.inputs, *graph.outputs), (*tensors, *outputs)))
    model = CompiledModel(Path(request.library), flatbuffer, request.threads, arrays)
    model.feed(dict(zip(graph.inputs, tensors)))
    model.start()
    model.run()
    kernels = model.stop()[0]

    def run_bare(end: float, into: Recordings) -> None:
        session.invoke(tensors)  # the other has used the caches in the meantime
        count = len(into.bare_s)
        while len(into.bare_s) == count or time.perf_counter() < end:
            started = time.perf_counter()
            session.invoke(tensors)
            into.bare_s.append(time.perf_counter() - started)

    def run_profiled(end: float, into: Recordings) -> None:
        model.start()
        model.run()
        count = len(into.profiled_s)
        while len(into.profiled_s) == count or time.perf_counter() < end:
            started = time.perf_counter()
            model.run()
            into.profiled_s.append(time.perf_counter() - started)
        into.microseconds.extend(split_runs(kernels, *model.stop())[1:])

    turns = (run_bare, run_profiled)
    take_turns(turns, runs=1, seconds=request.warmup_s, most_s=request.warmup_s)
    recordings = take_turns(turns, runs=request.runs, seconds=request.min_time_s, most_s=request.max_time_s)
    return {
        **summarize(recordings),
        "kernels": [asdict(kernel) for kernel in kernels],
        "same_outputs": _agree(session, model, tensors),
    }


def take_turns(
    turns: Sequence[Callable[[float, Recordings], None]], *, runs: int, seconds: float, most_s: float
) -> Recordings:
    """Returns runs of both kinds, in turns, until each has so many and they have taken `seconds`, or `most_s`."""
    recordings = Recordings()
    started = time.perf_counter()
    while True:
        for turn in turns:
            turn(time.perf_counter() + _TURN_S, recordings)
        elapsed, count = time.perf_counter() - started, min(len(recordings.bare_s), len(recordings.profiled_s))
        if elapsed >= most_s or count >= _MOST_RUNS or (elapsed >= seconds and count >= runs):
            return recordings


def split_runs(
    kernels: Sequence[Kernel], recorded: Sequence[Kernel], microseconds: Sequence[int]
) -> list[Sequence[int]]:
    """Returns the `microseconds` of each run in a recording; raises LibraryError where it has other `kernels`."""
    count = len(kernels)
    starts = range(0, len(recorded), count)
    if any(list(recorded[start : start + count]) != list(kernels) for start in starts):
        raise LibraryError("its kernels differ from run to run")
    return [microseconds[start : start + count] for start in starts]


def summarize(recordings: Recordings) -> dict[str, Any]:
    """Returns the seconds of a bare run, of a profiled one, and of each kernel, all as means of the faster half.

    A kernel's time is in whole microseconds, and only a mean has more digits. The runs in which another program came
    in between are left out by the time of the whole run, so that the sum of the kernels stays that of these runs.
    """
    bare, profiled = np.array(recordings.bare_s), np.array(recordings.profiled_s)
    faster = _faster_half(profiled)
    kernels_s = np.array(recordings.microseconds, np.float64)[faster].mean(axis=0) / 1e6
    return {
        "runs": len(profiled),
        "run_s": float(bare[_faster_half(bare)].mean()),
        "profiled_run_s": float(profiled[faster].mean()),
        "kernels_s": kernels_s.tolist(),
    }


def _faster_half(values: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.argsort(values, kind="stable")[: (len(values) + 1) // 2]


def _agree(session: Session, model: CompiledModel, tensors: list[NDArray[Any]]) -> bool:
    """Returns whether both give the same answer, whole numbers to the bit: so they do the same work.

    An output of a custom op is left out: TFLite_Detection_PostProcess leaves anything in its unused rows.
    """
    model.run()
    graph = session.file.graph
    custom = {index for op in graph.ops if op.custom_code for index in op.outputs}
    for index, expected in zip(graph.outputs, session.invoke(tensors)):
        if index in custom:
            continue
        actual = model.read(index, expected)
        if expected.dtype.kind == "f":
            same = np.allclose(
                actual, expected, rtol=1e-3, atol=1e-5, equal_nan=True
            )  # chosen: far below a wrong input's effect
        else:
            same = np.array_equal(actual, expected)
        if not same:
            return False
    return True
