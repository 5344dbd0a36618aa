"""Writes the choice of `tune` beside a model, an entry for each machine; `edgeready_device.tune_file` reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgeready_device.atomic import write_text
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.runtime.runtime import Runtime
from edgeready_device.tune_file import SCHEMA, Choice, machine_key, tune_path

_MOST_MACHINES = 32  # chosen: more boards than share one folder, few enough for a small file


@dataclass(frozen=True)
class Record:
    """One machine's entry: the `choice`, its `reason`, and the measured `candidates` as plain data."""

    choice: Choice
    reason: str
    candidates: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def write_tuned(file: TfliteModel, record: Record, runtimes: Sequence[Runtime]) -> Path:
    """Writes `record` for this machine beside `file` and returns the path.

    Entries of other machines for the same model stay. Raises OutputError when the file cannot be written.
    """
    path, key = tune_path(file.path), machine_key(runtimes)
    sha256 = file.sha256
    entry = {"machine": key, **asdict(record)}
    others = [other for other in _entries(path, sha256) if other.get("machine") != key]
    data = {"schema": SCHEMA, "flatbuffer_sha256": sha256, "machines": [*others[1 - _MOST_MACHINES :], entry]}
    write_text(path, json.dumps(data, indent=1), "the choice goes beside the model")
    return path


def _entries(path: Path, sha256: str) -> list[dict[str, Any]]:
    """Returns the entries of all machines for the same model; none of a file that cannot be used."""
    try:
        data = json.loads(path.read_bytes())
        if data["schema"] != SCHEMA or data["flatbuffer_sha256"] != sha256:
            return []
        return [entry for entry in data["machines"] if isinstance(entry, dict)]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
