"""The file with the choice of `tune` beside a model: writes an entry for each machine, and reads that of this one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeready_device.atomic import write_text
from edgeready_device.errors import one_line
from edgeready_device.input_file import read_file
from edgeready_device.machine.machine import read_machine
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.runtime.runtime import RUNTIME_VARIABLE, Runtime, installed_runtimes

SUFFIX = ".tune.json"
SCHEMA = 1
_MOST_BYTES = 1 << 20  # chosen: a thousand machines of about a kilobyte each
_MOST_MACHINES = 32  # chosen: more boards than share a folder, few enough for a small file
_MOST_THREADS = 1024  # chosen: above the CPUs of any board; a damaged number must not start millions of threads


@dataclass(frozen=True)
class Choice:
    """What to open a model with; `delegate` is empty, or one of the Edge TPU's names."""

    runtime: str
    threads: int
    delegate: str = ""


@dataclass(frozen=True)
class TuneRecord:
    """What a tune file says here: a `choice`, or None and in `note` why it is not used."""

    path: Path
    choice: Choice | None = None
    note: str = ""


def tune_path(model: Path) -> Path:
    """Where the choice for the file `model` lies."""
    return model.with_name(model.name + SUFFIX)


def machine_key(runtimes: Sequence[Runtime] | None = None) -> dict[str, Any]:
    """What a choice depends on besides the model: board, processor, CPUs, and what is installed."""
    machine = asdict(read_machine())
    del machine["kernel"], machine["emulated"]
    installed = installed_runtimes() if runtimes is None else runtimes
    return {**machine, "numpy": np.__version__, "runtimes": [str(runtime) for runtime in installed]}


def read_tune_file(file: TfliteModel) -> TuneRecord | None:
    """What the tune file beside `file` says on this machine; None where there is none.

    It never raises: a choice saves time, and without it the model runs as well. `note` says that a file is damaged,
    stale, or for other machines only.
    """
    path = tune_path(file.path)
    if not path.is_file():
        return None
    try:
        content = read_file(path, _MOST_BYTES)
        if len(content) > _MOST_BYTES:
            return _reject(path, f"it has more than {_MOST_BYTES} bytes")
        data = json.loads(content)
        if data["schema"] != SCHEMA:
            return _reject(path, f"its schema is {data['schema']!r}, not {SCHEMA}")
        if data["flatbuffer_sha256"] != file.sha256:
            return _reject(path, "it was made for another model")
        key = machine_key()
        entries = [entry for entry in data["machines"] if entry["machine"] == key]
        if not entries:
            return _reject(path, "it was made on another machine, or with other runtimes")
        return TuneRecord(path, _read_choice(entries[-1]["choice"], key))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        return _reject(path, f"it is damaged ({type(error).__name__}: {one_line(error)[:80]})")


def usable_choice(file: TfliteModel) -> TuneRecord | None:
    """What `read_tune_file` returns, or None where $EDGEREADY_RUNTIME names a runtime, which goes before it."""
    return None if os.environ.get(RUNTIME_VARIABLE) else read_tune_file(file)


def write_tune_file(
    file: TfliteModel, choice: Choice, *, reason: str, candidates: Sequence[Mapping[str, Any]] = ()
) -> Path:
    """Writes `choice` for this machine beside `file`, with its reason and the measured candidates; returns the path.

    Entries of other machines for the same model stay. Raises OutputError when the file cannot be written.
    """
    path, key = tune_path(file.path), machine_key()
    others = [entry for entry in _read_entries(path, file.sha256) if entry.get("machine") != key]
    entry = {"machine": key, "choice": asdict(choice), "reason": reason, "candidates": list(candidates)}
    machines = [*others[1 - _MOST_MACHINES :], entry]
    document = {"schema": SCHEMA, "flatbuffer_sha256": file.sha256, "machines": machines}
    write_text(path, json.dumps(document, indent=1), "the choice goes beside the model")
    return path


def _read_entries(path: Path, sha256: str) -> list[dict[str, Any]]:
    """Returns the entries of all machines for the same model; none of a file that cannot be used."""
    try:
        data = json.loads(read_file(path, _MOST_BYTES))
        if data["schema"] != SCHEMA or data["flatbuffer_sha256"] != sha256:
            return []
        return [entry for entry in data["machines"] if isinstance(entry, dict)]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def _read_choice(choice: Any, key: Mapping[str, Any]) -> Choice:
    runtime, threads, delegate = str(choice["runtime"]), choice["threads"], str(choice.get("delegate", ""))
    if not any(entry.startswith(runtime + " ") for entry in key["runtimes"]):
        raise ValueError(f"the runtime {runtime!r} is not installed")
    if type(threads) is not int or not 1 <= threads <= _MOST_THREADS:
        raise ValueError(f"threads is {threads!r}")
    # A library's path in a file beside a model would be code that the model's author chose: only names are read.
    if delegate and delegate.partition(":")[0] != "edgetpu":
        raise ValueError(f"the delegate {delegate!r} is a library: give it with --delegate")
    return Choice(runtime, threads, delegate)


def _reject(path: Path, why: str) -> TuneRecord:
    return TuneRecord(path, None, f"{path} is not used: {why}; run edgeready-device tune again")
