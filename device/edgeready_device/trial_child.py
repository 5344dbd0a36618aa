"""The child process of a trial: opens the model as the request says, runs it twice, and writes the result."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from dataclasses import asdict
from typing import Any

import numpy as np

from edgeready_device.errors import EdgereadyError, InferenceError
from edgeready_device.isolation.confinement import Confinement, confine, library_folders
from edgeready_device.isolation.limits import Limits, limit_this_process, limits_for, measure_slowness
from edgeready_device.isolation.trial import BUILT_FOR_IT, TrialRequest
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.runtime.delegate import open_delegated, parse_delegate
from edgeready_device.runtime.failure import describe_failure, run_failure
from edgeready_device.runtime.runtime import choose_runtime, open_interpreter, runtime_module
from edgeready_device.session import Session

_LONGEST_RUN_S = 2.0  # chosen: of a slower model two runs are enough, so that the first run stays bearable
_PIXELS = {"uint8": (0, 255), "int8": (-128, 127), "float32": (-1.0, 1.0)}  # types, and their least and largest
_MOST_VALUES = 64  # of the output; chosen: a trial compares a few values, and its answer is one line


def main() -> int:
    """The child: the request is the first argument, the flatbuffer standard input.

    The answer is two lines of JSON: what the process has given up and its limits, then the result. A delegate's
    library is code that the user trusts, and needs its device: nothing is given up for it.
    """
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a native library prints is not the answer
    request = TrialRequest(**json.loads(sys.argv[1]))
    try:
        model = sys.stdin.buffer.read()
        limits = limit_as_requested(request)
        protections = () if request.delegate else confine(Confinement(read=library_folders(sys.path)))
        conditions = {"protections": protections, **({} if limits is None else asdict(limits))}
        answer.write(json.dumps(conditions) + "\n")  # now: the run may end the process
        answer.flush()
        result = _run(request, model)
    except InferenceError as error:
        result = {"error": _failure(request, error.__cause__ or error)}
    except EdgereadyError as error:
        result = {"error": str(error)}
    except MemoryError as error:  # for its frames
        result = {"error": _failure(request, error)}
    answer.write(json.dumps(result))
    answer.flush()
    os._exit(0)  # a library that crashes while it is unloaded has done its work


def _failure(request: TrialRequest, error: BaseException) -> str:
    if not request.delegate:
        return run_failure(request.runtime, error)
    reason = describe_failure(error)
    return f"{request.runtime} with the delegate {request.delegate} fails in a run ({reason}): {BUILT_FOR_IT}"


def _run(request: TrialRequest, model: bytes) -> dict[str, Any]:
    started = time.perf_counter()
    session = open_requested(request, model)
    load_s = time.perf_counter() - started
    tensors = [np.full(spec.shape, request.fill, spec.dtype) for spec in session.inputs]
    runs, outputs = [], []
    for _ in range(2):
        before = time.perf_counter()
        outputs = session.invoke(tensors)
        runs.append(time.perf_counter() - before)
    if request.more_inputs and max(runs) < _LONGEST_RUN_S:
        _run_more_inputs(session)
    numbers = bool(outputs) and outputs[0].dtype.kind in "buif"
    output = outputs[0].reshape(-1)[:_MOST_VALUES] if numbers else ()
    return {
        "output": [float(value) for value in output],
        "load_s": load_s,
        "first_run_s": runs[0],
        "second_run_s": runs[1],
        "ops_taken": session.delegate.ops_taken if session.delegate else 0,
        "partitions": session.delegate.partitions if session.delegate else 0,
    }


def _run_more_inputs(session: Session) -> None:
    """Runs the model on noise and on its largest pixels: what a kernel does may depend on them.

    Only pixels and real numbers: an integer may be the number of an entry, which noise is not. A run that the runtime
    refuses is no fault here: the same frame is refused alike in the parent.
    """
    if any(spec.dtype not in _PIXELS for spec in session.inputs):
        return
    random = np.random.default_rng(0)
    for noise in (True, False):
        tensors = []
        for spec in session.inputs:
            low, high = _PIXELS[spec.dtype]
            values = random.uniform(low, high, spec.shape) if noise else np.full(spec.shape, high)
            tensors.append(values.astype(spec.dtype))
        with contextlib.suppress(InferenceError):
            session.invoke(tensors)


def limit_as_requested(request: TrialRequest) -> Limits | None:
    """Loads the runtime, then limits this process to what the model of `request` needs; None where none is known."""
    runtime_module(choose_runtime(request.runtime))
    if not request.memory_bytes:
        return None
    limits = limits_for(
        request.memory_bytes, request.operations, threads=request.threads, slowness=measure_slowness()
    )
    limit_this_process(limits, threads=request.threads)
    return limits


def open_requested(request: TrialRequest, model: bytes) -> Session:
    """The flatbuffer `model`, which was verified before, opened in this process as `request` says."""
    file, runtime = TfliteModel(model, trusted=True), choose_runtime(request.runtime)
    delegation = None
    if request.delegate:
        interpreter, delegation = open_delegated(
            runtime,
            model,
            parse_delegate(request.delegate),
            ops_total=request.ops_total,
            threads=request.threads,
            kernels=request.kernels,
        )
    else:
        interpreter = open_interpreter(runtime, model, request.threads, kernels=request.kernels)
    return Session(file, interpreter, runtime, threads=request.threads, kernels=request.kernels, delegate=delegation)
