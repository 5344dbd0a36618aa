"""The workers of a training find each other before it begins, and notice when one is lost.

Each worker but the chief connects to the chief's port of TF_CONFIG, which TensorFlow uses only afterwards, and says
what its training depends on. The chief lets all go when they are alike. The connections stay: one that breaks is a
worker that is lost, for which TensorFlow itself would wait.
"""

from __future__ import annotations

import errno
import json
import selectors
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from edgeready.config.worker_group import WorkerGroup, address_of
from edgeready.errors import EdgereadyError, SurroundingsError, TrainingError, fit_reason
from edgeready_device.progress import Progress

_RETRY_S = 0.3  # chosen: a worker that comes too early asks again so soon, which costs the chief nothing
_HELLO_S = 10.0  # chosen: a worker says all at once; what connects and is silent so long is none
_MOST_BYTES = 1 << 20  # of a line; chosen: what a training depends on is a few kilobytes
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}  # chosen: a dead machine is noticed in 25 s
# How long after the end of TensorFlow's process the reason is waited for. Chosen: a broken connection shows at once,
# and TensorFlow may notice the loss of a machine before it.
_REASON_S = 3.0
_GREETING = "edgeready training"


@dataclass(kw_only=True)
class Fellows:
    """The other workers of a training that has begun, by their index; for all but the chief that is the chief."""

    group: WorkerGroup
    sockets: Mapping[int, socket.socket] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    loss: str = ""

    def __post_init__(self) -> None:
        self._closing, self._lost = threading.Event(), threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def guard(self, child: subprocess.Popen[bytes]) -> None:
        """Ends `child`, which waits for the others in vain, when one of them is lost."""
        with self._lock:
            self._child = child
            if self.loss:
                child.kill()

    def raise_loss(self) -> None:
        """Raises TrainingError where a worker is lost; waits for a moment until that shows."""
        if self._lost.wait(_REASON_S):
            raise TrainingError(self.loss)

    def finish(self, digest: str) -> None:
        """Tells the chief that this worker's training is over and its weights have `digest`."""
        self._send({"digest": digest})

    def check(self, digest: str) -> None:
        """Raises TrainingError where another worker does not come to the weights of `digest`, those of the chief.

        It waits for a worker that ends later; one that is lost ends the wait.
        """
        while len(self.digests) < len(self.sockets) and not self._lost.wait(0.05):
            pass
        if self.loss:
            raise TrainingError(self.loss)
        for index in self.sockets:
            if self.digests.get(index) != digest:
                raise TrainingError(
                    f"{self.group.name(index)} came to other weights than the chief: use the same hardware and the "
                    "same versions of TensorFlow everywhere, or train on one machine"
                )

    def close(self, reason: str) -> None:
        """Ends the connections; says `reason` before, "" where all is well."""
        self._closing.set()
        self._thread.join()
        if reason:
            self._send({"error": reason})
        for connection in self.sockets.values():
            connection.close()

    def _send(self, message: Mapping[str, str]) -> None:
        for connection in self.sockets.values():
            with suppress(OSError):
                _send(connection, message)

    def _watch(self) -> None:
        with selectors.DefaultSelector() as selector:
            for index, connection in self.sockets.items():
                selector.register(connection, selectors.EVENT_READ, index)
            while not self._closing.is_set():
                for key, _ in selector.select(0.1):
                    self._read(key.data, selector)

    def _read(self, index: int, selector: selectors.BaseSelector) -> None:
        """Takes note of what the worker `index` says, or of its end."""
        message = _receive(self.sockets[index])
        if "digest" in message:
            self.digests[index] = str(message["digest"])
            return
        selector.unregister(self.sockets[index])
        if index in self.digests or (index == 0 and self._closing.is_set()):
            return  # its training was over
        name = self.group.name(index)
        if "error" in message:
            loss = fit_reason(f"{name} gave up: ", str(message["error"]), "; start all workers again")
        else:
            loss = f"{name} is lost: its process or its machine ended in the training; start all workers again"
        with self._lock:
            self.loss = self.loss or loss
            self._lost.set()
            if self._child is not None and self._child.poll() is None:
                self._child.kill()


@contextmanager
def meet(group: WorkerGroup, identity: Mapping[str, str], limit_s: float, progress: Progress) -> Iterator[Fellows]:
    """Yields the other workers of `group` when all are there; tells them when the block ends with an error.

    `identity` says what the training depends on. Raises TrainingError where one does not come within `limit_s` or
    trains something else, SurroundingsError for a port that this machine does not give.
    """
    sockets = (_gather if group.is_chief else _join)(group, identity, limit_s, progress)
    fellows = Fellows(group=group, sockets=sockets)
    reason = "its command was ended"
    try:
        yield fellows
        reason = ""
    except EdgereadyError as error:
        reason = str(error)
        raise
    finally:
        fellows.close(reason)


def _open_port(group: WorkerGroup) -> socket.socket:
    """Returns a socket that listens at this worker's port; raises SurroundingsError where it is taken."""
    host, port = address_of(group.workers[group.index])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server(("", port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            text = f"port {port} of TF_CONFIG is in use here: end what listens there, or give another port"
        else:
            text = f"port {port} of TF_CONFIG cannot be opened ({error.strerror}): give this worker another port"
        raise SurroundingsError(text) from error


def _gather(
    group: WorkerGroup, identity: Mapping[str, str], limit_s: float, progress: Progress
) -> dict[int, socket.socket]:
    """Returns the connections of all other workers, for the chief."""
    count, end = len(group.workers), time.monotonic() + limit_s
    sockets: dict[int, socket.socket] = {}
    with ExitStack() as stack, _open_port(group) as server:
        server.settimeout(_RETRY_S)
        try:
            while len(sockets) < count - 1:
                progress(f"waiting for the workers: {len(sockets) + 1} of {count} are here", 0, 0)
                if time.monotonic() >= end:
                    absent = ", ".join(group.name(index) for index in range(1, count) if index not in sockets)
                    raise TrainingError(
                        f"{absent} did not come within {limit_s:g} s: start the same command there, or wait longer "
                        "with --worker-wait"
                    )
                with suppress(TimeoutError):
                    connection, _ = server.accept()
                    stack.callback(connection.close)
                    index = _greet(connection, group, identity)
                    if index is not None and index not in sockets:
                        sockets[index] = connection
            for connection in sockets.values():
                _send(connection, {"go": "on"})
        except EdgereadyError as error:
            for connection in sockets.values():
                with suppress(OSError):
                    _send(connection, {"error": str(error)})
            raise
        stack.pop_all()
    return sockets


def _greet(connection: socket.socket, group: WorkerGroup, identity: Mapping[str, str]) -> int | None:
    """Returns the index of the worker at `connection`; None for what is no worker.

    Raises TrainingError where it trains something else.
    """
    _keep_alive(connection)
    hello = _receive(connection)
    index = hello.get(_GREETING)
    if not isinstance(index, int) or not 0 < index < len(group.workers):
        connection.close()
        return None
    theirs, ours = _flatten(hello), {"the cluster in TF_CONFIG": list(group.workers), **identity}
    differing = [name for name in {**ours, **theirs} if theirs.get(name) != ours.get(name)]
    if differing:
        text = f"{group.name(index)} trains something else than the chief, in "
        error = TrainingError(fit_reason(text, ", ".join(differing), ": give all the same command and data"))
        with suppress(OSError):
            _send(connection, {"error": str(error)})
        raise error
    return index


def _flatten(hello: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a worker says of its training, by name."""
    identity = hello.get("identity")
    return {"the cluster in TF_CONFIG": hello.get("workers"), **(identity if isinstance(identity, dict) else {})}


def _join(
    group: WorkerGroup, identity: Mapping[str, str], limit_s: float, progress: Progress
) -> dict[int, socket.socket]:
    """Returns the connection to the chief, which has let all workers go."""
    _open_port(group).close()
    progress(f"waiting for {group.name(0)}", 0, 0)
    end, reason = time.monotonic() + limit_s, "no answer"
    while (left := end - time.monotonic()) > 0:
        try:
            connection = socket.create_connection(address_of(group.chief), timeout=min(left, _HELLO_S))
        except OSError as error:
            reason = error.strerror or str(error) or reason
            time.sleep(min(left, _RETRY_S))
            continue
        _keep_alive(connection)
        hello = {_GREETING: group.index, "workers": group.workers, "identity": dict(identity)}
        with suppress(OSError):
            _send(connection, hello)
        answer = _receive(connection, limit_s)
        if "go" in answer:
            connection.settimeout(_HELLO_S)
            return {0: connection}
        connection.close()
        if "error" in answer:
            raise TrainingError(str(answer["error"]))
        reason = "it closed the connection"
        time.sleep(min(left, _RETRY_S))
    raise TrainingError(
        fit_reason(
            f"{group.name(0)} does not answer within {limit_s:g} s (",
            reason,
            "): start the same command there, or mend its address in TF_CONFIG",
        )
    )


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):  # macOS has other names
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _send(connection: socket.socket, message: Mapping[str, Any]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


def _receive(connection: socket.socket, limit_s: float = _HELLO_S) -> dict[str, Any]:
    """Returns the next message, which is empty where there comes none within `limit_s`."""
    end, line = time.monotonic() + limit_s, b""
    with suppress(OSError, ValueError, RecursionError):
        while not line.endswith(b"\n") and len(line) < _MOST_BYTES:
            connection.settimeout(max(0.01, end - time.monotonic()))
            piece = connection.recv(1) if not line else connection.recv(65536)
            if not piece or time.monotonic() >= end:
                return {}
            line += piece
        message = json.loads(line.partition(b"\n")[0])
        return message if isinstance(message, dict) else {}
    return {}
