"""A foreign file's first run in a child process: what no check of a file can exclude is met there, as a sentence.

Kernels have faults of their own: two valid public models end tflite-runtime 2.14 with a segmentation fault.
"""

from __future__ import annotations

import time

from edgeready_device.errors import EdgereadyError, ModelFileError, RuntimeUnavailableError
from edgeready_device.isolation.child import ChildExit
from edgeready_device.isolation.trial import TrialRequest, try_model
from edgeready_device.model_file.reader import FLATBUFFER, TfliteModel
from edgeready_device.runnable import check_runnable
from edgeready_device.runtime.runtime import Runtime, choose_runtime
from edgeready_device.tune_file import usable_choice

TIME_LIMIT_S = 60.0  # chosen: a model that has not answered by then is of no use on this board
_THE_MACHINES = ("SIGILL", "SIGKILL")  # no fault of the file: another processor, or no memory left


def is_foreign(file: TfliteModel) -> bool:
    """Whether the file is not one that edgeready made and ran: it carries no hash of its flatbuffer."""
    return file.manifest is None or FLATBUFFER not in file.manifest.sha256


def run_first(
    file: TfliteModel,
    runtime: str | None = None,
    threads: int | None = None,
    kernels: str = "default",
    *,
    time_limit_s: float = TIME_LIMIT_S,
) -> float:
    """Opens and runs `file` in a child process as `Session.from_file` would here; the seconds that it took.

    0 where `tune` chose a delegate: that is tried in a child by `Session.from_file` itself.

    Raises ModelFileError when the runtime refuses the model, dies of it or does not end, and
    RuntimeUnavailableError where the machine is the reason.
    """
    check_runnable(file)
    by_default = runtime is None and threads is None and kernels == "default"
    tuned = usable_choice(file) if by_default else None
    if tuned is not None and tuned.choice is not None:
        if tuned.choice.delegate:
            return 0.0
        runtime, threads = tuned.choice.runtime, tuned.choice.threads
    first = choose_runtime(runtime)
    started = time.perf_counter()
    result = try_model(TrialRequest(first.name, threads or 1, kernels), file.flatbuffer, time_limit_s)
    if result.error:
        raise ModelFileError(f"{file.path}: {result.error}")
    if not result.exit.succeeded:
        raise _death(file, first, result.exit, time_limit_s)
    file.survivals.add((first.name, threads or 1, kernels))
    return time.perf_counter() - started


def _death(file: TfliteModel, runtime: Runtime, ended: ChildExit, time_limit_s: float) -> EdgereadyError:
    if ended.timed_out:
        return ModelFileError(
            f"{file.path}: its first run on {runtime} did not end within {time_limit_s:g} s: it is too large for "
            "this machine, or damaged"
        )
    kind = RuntimeUnavailableError if ended.signal in _THE_MACHINES else ModelFileError
    return kind(
        f"{file.path}: {runtime} did not survive its first run, in a child process: {ended.sentence}; take another "
        "--runtime, or another file"
    )
