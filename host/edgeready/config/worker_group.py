"""The machines that train one network together, as TensorFlow's variable TF_CONFIG names them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from edgeready.errors import UsageError, fit_reason

VARIABLE = "TF_CONFIG"
_KINDS = ("chief", "worker")  # in the order in which TensorFlow counts them
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):([0-9]{1,5})", re.ASCII)
_MOST_PORT = 65535  # of TCP
_SHAPE = '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True, kw_only=True)
class WorkerGroup:
    """The `workers`, each HOST:PORT, of which the first is the chief, and the `index` of this machine among them."""

    workers: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this machine converts the network and writes the files."""
        return self.index == 0

    @property
    def chief(self) -> str:
        """The address of the chief."""
        return self.workers[0]

    def name(self, index: int) -> str:
        """Returns what the worker `index` is called in messages."""
        return f"the chief ({self.chief})" if index == 0 else f"worker {index} ({self.workers[index]})"


def address_of(worker: str) -> tuple[str, int]:
    """Returns the host and the port of HOST:PORT."""
    host, _, port = worker.rpartition(":")
    return host.strip("[]"), int(port)


def read_group(text: str | None) -> WorkerGroup | None:
    """Returns the group that the value `text` of TF_CONFIG describes; None without one, and for a single worker.

    Raises UsageError where it says something else than which workers there are and which one this is.
    """
    if text is None or not text.strip():
        return None
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(fit_reason(f"{VARIABLE} is no JSON (", error, f"): write {_SHAPE}, or unset it")) from error
    data = data if isinstance(data, dict) else {}
    workers = _read_cluster(data.get("cluster"))
    index = _read_task(data.get("task"), workers)
    addresses = tuple(address for kind in _KINDS for address in workers.get(kind, []))
    return None if len(addresses) == 1 else WorkerGroup(workers=addresses, index=index)


def _read_cluster(cluster: Any) -> dict[str, list[str]]:
    """Returns the addresses of each kind of worker."""
    if not isinstance(cluster, dict) or not cluster:
        raise UsageError(f"{VARIABLE} names no cluster: write {_SHAPE}, or unset it")
    for kind, addresses in cluster.items():
        if kind not in _KINDS:
            raise UsageError(
                fit_reason(f"{VARIABLE} has ", repr(kind), " in its cluster: leave it out, chief and worker are all")
            )
        if not isinstance(addresses, list) or not addresses:
            raise UsageError(f'{VARIABLE} has no list of addresses for {kind}: write "{kind}": ["HOST:PORT"]')
        for address in addresses:
            match = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
            if match is None or not 1 <= int(match[2]) <= _MOST_PORT:
                raise UsageError(
                    fit_reason(f"{VARIABLE} has the {kind} ", repr(address), ": write HOST:PORT, as 10.0.0.1:12345")
                )
    if len(cluster.get("chief", [])) > 1:
        raise UsageError(f"{VARIABLE} has {len(cluster['chief'])} chiefs: name one, and the others as worker")
    addresses = [address for kind in _KINDS for address in cluster.get(kind, [])]
    twice = next((address for address in addresses if addresses.count(address) > 1), None)
    if twice is not None:
        raise UsageError(f"{VARIABLE} has {twice} twice: give each worker a port of its own")
    return cluster


def _read_task(task: Any, workers: dict[str, list[str]]) -> int:
    """Returns the index of this machine among all `workers`, the chief first."""
    if not isinstance(task, dict) or task.get("type") not in list(workers):
        kinds = " or ".join(f'"{kind}"' for kind in _KINDS if kind in workers)
        raise UsageError(
            f'{VARIABLE} does not say which worker this is: write "task": {{"type": {kinds}, "index": 0}}'
        )
    kind, index = task["type"], task.get("index")
    if isinstance(index, str) and re.fullmatch("[0-9]{1,6}", index, re.ASCII):
        index = int(index)  # as some launchers write it
    count = len(workers[kind])
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count:
        numbers = "0" if count == 1 else f"a number from 0 to {count - 1}"
        raise UsageError(
            fit_reason(f"{VARIABLE} gives this {kind} the index ", repr(index), f" of {count}: write {numbers}")
        )
    return index + sum(len(workers.get(other, [])) for other in _KINDS[: _KINDS.index(kind)])
