"""The child's side of a trial: opens the model that is asked for, runs it twice, and says what came of it."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

from edgeready_device.errors import EdgereadyError, one_line
from edgeready_device.isolation.trial import BUILT_FOR_IT, TrialRequest
from edgeready_device.runtime.delegate import open_delegated, parse_delegate
from edgeready_device.runtime.runtime import Interpreter, choose_runtime, open_interpreter

_MOST_VALUES = 64  # of the output


def main() -> int:
    """The child: the request is the first argument, the flatbuffer standard input, the result one line of JSON."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a native library prints is not the answer
    request = TrialRequest(**json.loads(sys.argv[1]))
    try:
        found = _run(request, sys.stdin.buffer.read())
    except EdgereadyError as error:
        found = {"error": str(error)}
    except (ValueError, RuntimeError) as error:  # what the runtimes raise from a run
        found = {"error": _failure(request, one_line(error))}
    answer.write(json.dumps(found))
    answer.flush()
    os._exit(0)  # a library that crashes while it is unloaded has done its work


def _failure(request: TrialRequest, reason: str) -> str:
    what, advice = request.runtime, "take another runtime, or another file"
    if request.delegate:
        what, advice = f"{what} with the delegate {request.delegate}", BUILT_FOR_IT
    return f"{what} fails in a run ({reason}): {advice}"


def _run(request: TrialRequest, model: bytes) -> dict[str, Any]:
    started = time.perf_counter()
    interpreter, taken, partitions = open_requested(request, model)
    loaded = time.perf_counter()
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
        "load_s": loaded - started,
        "first_run_s": runs[0],
        "second_run_s": runs[1],
        "ops_taken": taken,
        "partitions": partitions,
    }


def open_requested(request: TrialRequest, model: bytes) -> tuple[Interpreter, int, int]:
    """The interpreter that `request` asks for, in this process; the ops its delegate took, in how many pieces."""
    runtime = choose_runtime(request.runtime)
    if not request.delegate:
        return open_interpreter(runtime, model, request.threads, request.kernels), 0, 0
    spec = parse_delegate(request.delegate)
    ops, threads, kernels = request.ops_total, request.threads, request.kernels
    interpreter, delegation = open_delegated(runtime, model, spec, ops, threads, kernels)
    return interpreter, delegation.ops_taken, delegation.partitions
