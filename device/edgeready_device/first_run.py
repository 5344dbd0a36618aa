"""A model's first run on a machine, in a child process: what no check excludes is met there, and told in a sentence.

Kernels have faults of their own: two valid public models end tflite-runtime 2.14 with a segmentation fault. Nothing
in the file says that it has run before, for anybody can write that: a record on this machine does.
"""

from __future__ import annotations

import time

from edgeready_device.errors import EdgereadyError, ModelFileError, RuntimeUnavailableError
from edgeready_device.isolation.trial import TrialRequest, TrialResult, try_model
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.run_records import RunKey, has_run, record_run
from edgeready_device.runnable import check_runnable
from edgeready_device.runtime.runtime import Runtime, choose_runtime
from edgeready_device.tune_file import usable_choice

TIME_LIMIT_S = 60.0  # chosen: a model that has not answered by then is of no use on this board
_THE_MACHINES = ("SIGILL", "SIGKILL")  # no fault of the file: another processor, or no memory left
_UNLIMITED = "--trusted (in Python trusted=True) runs it without limits"


def run_first(
    file: TfliteModel,
    runtime: str | None = None,
    threads: int | None = None,
    kernels: str = "default",
    *,
    time_limit_s: float = TIME_LIMIT_S,
) -> float:
    """Opens and runs `file` in a child process as `Session.from_file` would here; the seconds that it took.

    0 where a record on this machine says that it ran so before, and where `tune` chose a delegate: that is tried in a
    child by `Session.from_file` itself.

    Raises ModelFileError when the runtime refuses the model, dies of it, or when it takes more memory or time than
    its size explains, and RuntimeUnavailableError where the machine is the reason.
    """
    check_runnable(file)
    by_default = runtime is None and threads is None and kernels == "default"
    tuned = usable_choice(file) if by_default else None
    if tuned is not None and tuned.choice is not None:
        if tuned.choice.delegate:
            return 0.0
        runtime, threads = tuned.choice.runtime, tuned.choice.threads
    return try_first(file, choose_runtime(runtime), threads or 1, kernels, time_limit_s=time_limit_s)


def try_first(
    file: TfliteModel,
    runtime: Runtime,
    threads: int = 1,
    kernels: str = "default",
    *,
    time_limit_s: float = TIME_LIMIT_S,
) -> float:
    """`run_first` of any model, on exactly this runtime, with these threads and kernels."""
    key = RunKey(file.sha256, str(runtime), kernels=kernels, threads=threads)
    if has_run(key):
        file.survivals.add((runtime.name, threads, kernels))
        return 0.0
    started = time.perf_counter()
    request = TrialRequest(runtime.name, threads, kernels, more_inputs=True)
    result = try_model(request, file.flatbuffer, time_limit_s, graphs=file.subgraphs)
    if result.error:
        raise ModelFileError(f"{file.path}: {result.error}")
    if not result.exit.succeeded:
        raise _death(file, runtime, result, time_limit_s=time_limit_s)
    record_run(key)
    file.survivals.add((runtime.name, threads, kernels))
    return time.perf_counter() - started


def _death(file: TfliteModel, runtime: Runtime, result: TrialResult, *, time_limit_s: float) -> EdgereadyError:
    ended = result.exit
    if ended.timed_out:
        return ModelFileError(
            f"{file.path}: its first run on {runtime} did not end within {time_limit_s:g} s: it is too large for "
            "this machine, or damaged"
        )
    if ended.signal == "SIGXCPU":
        return ModelFileError(
            f"{file.path}: its first run on {runtime} did not end within {result.processor_s:.0f} s of processor "
            f"time, far more than a model of its size takes: it loops without an end, or is damaged; {_UNLIMITED}"
        )
    kind = RuntimeUnavailableError if ended.signal in _THE_MACHINES else ModelFileError
    limit = f" ({result.memory_bytes >> 20} MB were allowed)" if result.memory_bytes and ended.signal else ""
    return kind(
        f"{file.path}: {runtime} did not survive its first run, in a child process: {ended.sentence}{limit}; take "
        "another --runtime, or another file"
    )
