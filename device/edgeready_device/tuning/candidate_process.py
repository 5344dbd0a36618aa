"""A candidate in a process of its own that waits for orders, so that candidates are interleaved and may crash."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import EdgereadyError, InferenceError, one_line
from edgeready_device.isolation.child import ChildExit, end_child, module_arguments, signal_name
from edgeready_device.isolation.trial import TrialRequest
from edgeready_device.runtime.failure import describe_failure
from edgeready_device.session import Session
from edgeready_device.trial_child import open_requested

MODEL, INPUTS = "model.tflite", "inputs.npy"
_MOST_RUNS = 100_000  # of one turn; chosen: it bounds the reply, and a turn of tune has a second or two
OPEN_LIMIT_S = 120.0  # as isolation.trial.TIME_LIMIT_S: an Edge TPU on USB 2 loads firmware and weights in less
_DEAD_LIMIT_S = 1.0  # chosen: a process that has closed its pipe ends at once
_END_LIMIT_S = 5.0  # chosen: time for a core dump of a large process


class CandidateError(Exception):
    """A candidate that refused, crashed or did not answer in time; the text is the reason in one sentence."""


class CandidateProcess:
    """The parent's side of a process that holds the model of `folder` open as `request` says; use it in a `with`."""

    def __init__(self, request: TrialRequest, folder: Path) -> None:
        self._log = (folder / f"log-{os.urandom(4).hex()}").open("wb")
        self._pending = b""
        self._process = subprocess.Popen(
            [sys.executable, *module_arguments(__name__, json.dumps(asdict(request)), str(folder))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,  # no bytes wait here that closing the pipe would send to a dead process
            start_new_session=True,
        )
        self.load_s = 0.0
        self.ops_taken = 0

    def open(self, limit_s: float = OPEN_LIMIT_S) -> None:
        """Waits until the model is open. Raises CandidateError when it does not open within `limit_s`."""
        ready = self._read(limit_s)
        self.load_s, self.ops_taken = ready["load_s"], ready["ops_taken"]

    def answer(self, index: int, limit_s: float) -> tuple[NDArray[Any], float]:
        """Returns the raw output of input `index` and the seconds of its run. Raises CandidateError."""
        reply = self._ask({"answer": index}, limit_s)
        return np.asarray(reply["output"], reply["type"]), reply["seconds"]

    def measure(self, seconds: float, limit_s: float) -> list[float]:
        """Returns latencies of `seconds`, at least one, after a run that does not count. Raises CandidateError."""
        latencies: list[float] = self._ask({"measure": seconds}, limit_s)["latencies_s"]
        return latencies

    def close(self) -> None:
        """Ends the process; a second call does nothing."""
        if self._process.poll() is None:  # the number of one that has ended may be another's by now
            end_child(self._process)
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                stream.close()

    def __enter__(self) -> CandidateProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, order: dict[str, Any], limit_s: float) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
        except BrokenPipeError:  # it is dead: reading says how it died
            limit_s = _DEAD_LIMIT_S
        return self._read(limit_s)

    def _read(self, limit_s: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        deadline = time.monotonic() + limit_s
        while b"\n" not in self._pending:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._process.stdout], [], [], left)[0]:
                end_child(self._process)
                raise CandidateError(ChildExit(None, timed_out=True).sentence)
            part = os.read(self._process.stdout.fileno(), 1 << 16)
            if not part:
                raise CandidateError(_wait_for_end(self._process).sentence)
            self._pending += part
        line, _, self._pending = self._pending.partition(b"\n")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise CandidateError(reply["error"])
        return reply


def _wait_for_end(child: subprocess.Popen[bytes], timeout_s: float = _END_LIMIT_S) -> ChildExit:
    """Returns how a child ended that has closed its pipes; ends one that lives on after `timeout_s`."""
    try:
        code = child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        end_child(child)
        return ChildExit(None, timed_out=True)
    return ChildExit(None, signal_name(-code)) if code < 0 else ChildExit(code)


def main() -> int:
    """Runs the child: its arguments are the request and the folder, orders and replies are lines of JSON."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a native library prints is no answer

    def say(reply: dict[str, Any]) -> None:
        lines.write(json.dumps(reply) + "\n")
        lines.flush()

    request, folder = TrialRequest(**json.loads(sys.argv[1])), Path(sys.argv[2])
    try:
        started = time.perf_counter()
        session = open_requested(request, (folder / MODEL).read_bytes())
        ops_taken = session.delegate.ops_taken if session.delegate else 0
        say({"load_s": time.perf_counter() - started, "ops_taken": ops_taken})
        worker = _Worker(session, np.load(folder / INPUTS, allow_pickle=False))
        for line in sys.stdin:
            say(worker.do(json.loads(line)))
    except InferenceError as error:
        say({"error": f"it fails in a run: {describe_failure(error.__cause__ or error)}"})
    except EdgereadyError as error:
        say({"error": one_line(error)})
    os._exit(0)  # a library that crashes while it is unloaded has done its work


class _Worker:
    """The child's open model and its inputs."""

    def __init__(self, session: Session, inputs: NDArray[Any]) -> None:
        self._session, self._inputs = session, inputs

    def do(self, order: dict[str, Any]) -> dict[str, Any]:
        """Carries out one order and returns the reply."""
        if "answer" in order:
            output, seconds = self._run(order["answer"])
            return {"output": output.tolist(), "type": str(output.dtype), "seconds": seconds}
        self._run(0)  # the others have used the caches in the meantime
        latencies: list[float] = []
        end = time.perf_counter() + order["measure"]
        while len(latencies) < _MOST_RUNS and (not latencies or time.perf_counter() < end):
            latencies.append(self._run(0)[1])
        return {"latencies_s": latencies}

    def _run(self, index: int) -> tuple[NDArray[Any], float]:
        """Returns the raw output of input `index`, and the seconds of its run: the state is set back before them."""
        tensor = self._inputs[index][np.newaxis]
        self._session.reset_state()
        started = time.perf_counter()
        output = self._session.invoke_single(tensor)
        return output.reshape(-1), time.perf_counter() - started
