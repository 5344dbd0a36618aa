"""The child process of a trial: opens the model as the request says, runs it twice, and writes the result."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

from edgeready_device.errors import EdgereadyError
from edgeready_device.isolation.trial import BUILT_FOR_IT, TrialRequest
from edgeready_device.runtime.delegate import open_delegated, parse_delegate
from edgeready_device.runtime.failure import RUN_ERRORS, describe_failure, run_failure
from edgeready_device.runtime.runtime import Interpreter, choose_runtime, open_interpreter

_MOST_VALUES = 64  # of the output; chosen: a trial compares a few values, and its answer is one line


def main() -> int:
    """The child: the request is the first argument, the flatbuffer standard input, the result one line of JSON."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a native library prints is not the answer
    request = TrialRequest(**json.loads(sys.argv[1]))
    try:
        result = _run(request, sys.stdin.buffer.read())
    except EdgereadyError as error:
        result = {"error": str(error)}
    except RUN_ERRORS as error:
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
    interpreter, ops_taken, partitions = open_requested(request, model)
    load_s = time.perf_counter() - started
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], np.full(details["shape"], request.fill, details["dtype"]))
    runs = []
    for _ in range(2):
        before = time.perf_counter()
        interpreter.invoke()
        runs.append(time.perf_counter() - before)
    output = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).reshape(-1)[:_MOST_VALUES]
    return {
        "output": [float(value) for value in output],
        "load_s": load_s,
        "first_run_s": runs[0],
        "second_run_s": runs[1],
        "ops_taken": ops_taken,
        "partitions": partitions,
    }


def open_requested(request: TrialRequest, model: bytes) -> tuple[Interpreter, int, int]:
    """The interpreter of `request`, in this process, and how many ops its delegate took in how many pieces."""
    runtime = choose_runtime(request.runtime)
    if not request.delegate:
        return open_interpreter(runtime, model, request.threads, kernels=request.kernels), 0, 0
    interpreter, delegation = open_delegated(
        runtime,
        model,
        parse_delegate(request.delegate),
        ops_total=request.ops_total,
        threads=request.threads,
        kernels=request.kernels,
    )
    return interpreter, delegation.ops_taken, delegation.partitions
