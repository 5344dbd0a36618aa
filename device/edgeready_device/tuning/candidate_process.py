"""A candidate in a process of its own that waits for orders, so that candidates are interleaved and may crash."""

from __future__ import annotations

import io
import json
import os
import select
import subprocess
import sys
import time
from dataclasses import asdict
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.answers import Columns, restore_rows
from edgeready_device.errors import EdgereadyError, InferenceError, one_line
from edgeready_device.isolation.child import ChildExit, end_child, module_arguments, signal_name, start_child
from edgeready_device.isolation.limits import lift_processor_limit
from edgeready_device.isolation.trial import TrialRequest
from edgeready_device.runtime.failure import describe_failure
from edgeready_device.session import Session
from edgeready_device.trial_child import limit_as_requested, open_requested

_LENGTH_BYTES = 8  # before the model and before the inputs
_MOST_REPLY_BYTES = 256 << 20  # chosen: above the outputs of a segmentation map, below a small board's memory
_MOST_RUNS = 100_000  # of one turn; chosen: it bounds the reply, and a turn of tune has a second or two
OPEN_LIMIT_S = 120.0  # as isolation.trial.TIME_LIMIT_S: an Edge TPU on USB 2 loads firmware and weights in less
_END_LIMIT_S = 5.0  # chosen: time for a core dump of a large process


class CandidateError(Exception):
    """A candidate that refused, crashed or did not answer in time; the text is the reason in one sentence.

    `by_model` says that the model is at fault: an op fails in the run, or takes far more time than its size explains.
    """

    def __init__(self, reason: str, *, by_model: bool = False) -> None:
        super().__init__(reason)
        self.by_model = by_model


class CandidateProcess:
    """The parent's side of a process that holds `model` open as `request` says; use it in a `with`.

    `inputs` are the samples that it can be asked about. All goes through a pipe: a board may have no folder for it.
    """

    def __init__(self, request: TrialRequest, model: bytes, inputs: Columns) -> None:
        self._model, self._inputs = model, inputs
        self._pending = b""
        self._process = start_child(
            module_arguments(__name__, json.dumps(asdict(request))), errors=subprocess.DEVNULL
        )
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)  # a child that does not read is met by its time limit
        self.load_s = 0.0
        self.ops_taken = 0

    def open(self, limit_s: float = OPEN_LIMIT_S) -> None:
        """Waits until the model is open. Raises CandidateError when it does not open within `limit_s`."""
        deadline, inputs = time.monotonic() + limit_s, io.BytesIO()
        np.savez(inputs, *self._inputs)
        for part in (self._model, inputs.getvalue()):
            self._send(len(part).to_bytes(_LENGTH_BYTES, "big"), deadline)
            self._send(part, deadline)
        ready = self._read(deadline)
        self.load_s, self.ops_taken = ready["load_s"], ready["ops_taken"]

    def answer(self, index: int, limit_s: float) -> tuple[Columns, float]:
        """Returns the raw outputs of sample `index`, flat, and the seconds of its run. Raises CandidateError."""
        reply = self._ask({"answer": index}, limit_s)
        return tuple(np.asarray(values, kind) for values, kind in reply["outputs"]), reply["seconds"]

    def measure(self, seconds: float, limit_s: float) -> list[float]:
        """Returns latencies of `seconds`, at least one, after a run that does not count. Raises CandidateError."""
        latencies: list[float] = self._ask({"measure": seconds}, limit_s)["latencies_s"]
        return latencies

    def close(self) -> None:
        """Ends the process; a second call does nothing."""
        if self._process.poll() is None:  # the number of one that has ended may be another's by now
            end_child(self._process)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def __enter__(self) -> CandidateProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, order: dict[str, Any], limit_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + limit_s
        self._send(json.dumps(order).encode() + b"\n", deadline)
        return self._read(deadline)

    def _send(self, data: bytes, deadline: float) -> None:
        """Writes `data` to the child; to a dead one nothing, for reading says how it died."""
        assert self._process.stdin is not None
        waiting = memoryview(data)
        while waiting:
            self._wait(self._process.stdin.fileno(), select.POLLOUT, deadline)
            try:
                waiting = waiting[os.write(self._process.stdin.fileno(), waiting) :]
            except BlockingIOError:  # less room than the system writes at once
                continue
            except BrokenPipeError:
                return

    def _read(self, deadline: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        while b"\n" not in self._pending:
            self._wait(self._process.stdout.fileno(), select.POLLIN, deadline)
            part = os.read(self._process.stdout.fileno(), 1 << 16)
            if not part:
                ended = _wait_for_end(self._process)
                raise CandidateError(ended.sentence, by_model=ended.signal == "SIGXCPU")
            self._pending += part
            if len(self._pending) > _MOST_REPLY_BYTES:
                end_child(self._process)
                raise CandidateError(f"its outputs take more than {_MOST_REPLY_BYTES >> 20} MB as text")
        line, _, self._pending = self._pending.partition(b"\n")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise CandidateError(reply["error"], by_model=reply.get("by_model", False))
        return reply

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        """Waits until a pipe can be used, or is closed; ends the child and raises CandidateError at the deadline."""
        waiter = select.poll()  # `select` takes no descriptor above 1023
        waiter.register(descriptor, event)
        if not waiter.poll(1000 * max(0.0, deadline - time.monotonic())):
            if self._process.poll() is None:
                end_child(self._process)
            raise CandidateError(ChildExit(None, timed_out=True).sentence)


def _wait_for_end(child: subprocess.Popen[bytes], timeout_s: float = _END_LIMIT_S) -> ChildExit:
    """Returns how a child ended that has closed its pipes; ends one that lives on after `timeout_s`."""
    try:
        code = child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        end_child(child)
        return ChildExit(None, timed_out=True)
    return ChildExit(None, signal_name(-code)) if code < 0 else ChildExit(code)


def main() -> int:
    """Runs the child: its argument is the request; model, inputs and orders come in, and lines of JSON go out."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a native library prints is no answer

    def say(reply: dict[str, Any]) -> None:
        lines.write(json.dumps(reply) + "\n")
        lines.flush()

    request, source = TrialRequest(**json.loads(sys.argv[1])), sys.stdin.buffer
    model, inputs = (source.read(int.from_bytes(source.read(_LENGTH_BYTES), "big")) for _ in range(2))
    try:
        limit_as_requested(request)
        started = time.perf_counter()
        session = open_requested(request, model)
        ops_taken = session.delegate.ops_taken if session.delegate else 0
        say({"load_s": time.perf_counter() - started, "ops_taken": ops_taken})
        arrays = np.load(io.BytesIO(inputs), allow_pickle=False)
        worker = _Worker(session, tuple(arrays[name] for name in arrays.files))
        for line in source:
            say(worker.do(json.loads(line)))
    except MemoryError as error:  # for its frames
        say({"error": describe_failure(error)})
    except InferenceError as error:
        say({"error": f"it fails in a run: {describe_failure(error.__cause__ or error)}", "by_model": True})
    except EdgereadyError as error:
        say({"error": one_line(error)})
    os._exit(0)  # a library that crashes while it is unloaded has done its work


class _Worker:
    """The child's open model and its inputs."""

    def __init__(self, session: Session, inputs: Columns) -> None:
        self._session = session
        self._inputs = [restore_rows(rows, spec) for rows, spec in zip(inputs, session.inputs)]

    def do(self, order: dict[str, Any]) -> dict[str, Any]:
        """Carries out one order and returns the reply."""
        if "answer" in order:
            outputs, seconds = self._run(order["answer"])
            flat = [_as_numbers(output.reshape(-1)) for output in outputs]
            return {"outputs": [[values.tolist(), str(values.dtype)] for values in flat], "seconds": seconds}
        lift_processor_limit()  # it has given answers: what it is asked for now is time
        self._run(0)  # the others have used the caches in the meantime
        latencies: list[float] = []
        end = time.perf_counter() + order["measure"]
        while len(latencies) < _MOST_RUNS and (not latencies or time.perf_counter() < end):
            latencies.append(self._run(0)[1])
        return {"latencies_s": latencies}

    def _run(self, index: int) -> tuple[list[NDArray[Any]], float]:
        """Returns the raw outputs of sample `index`, and the seconds of its run; the state is set back before it."""
        tensors = [rows[index] for rows in self._inputs]
        self._session.reset_state()
        started = time.perf_counter()
        outputs = self._session.invoke(tensors)
        return outputs, time.perf_counter() - started


def _as_numbers(values: NDArray[Any]) -> NDArray[Any]:
    """Returns what JSON can hold: complex numbers as pairs, and no texts."""
    if values.dtype.kind == "c":
        return np.concatenate([values.real, values.imag])
    return values if values.dtype.kind in "buif" else np.empty(0)
