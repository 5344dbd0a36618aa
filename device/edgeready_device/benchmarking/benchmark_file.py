"""Writes and reads the file of `benchmark --out`, which `compare` takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeready_device.atomic import write_text
from edgeready_device.errors import MeasurementError, NotFoundError
from edgeready_device.input_file import read_file

SCHEMA = "edgeready-benchmark 1"
_MODEL_MARK = b"TFL3"  # the file identifier in a .tflite's bytes 4 to 8
_MOST_BYTES = 1 << 29  # chosen: far above what `benchmark --out` writes, and still within the memory of a board
_LONGEST_S = 1e6  # eleven days; chosen: no inference takes as long, and a damaged file may say so


@dataclass(frozen=True)
class Measurement:
    """What a comparison needs of a measurement: the model, where and how it ran, its latencies in seconds."""

    path: Path
    model: str
    sha256: str
    runtime: str
    threads: int
    kernels: str
    delegate: str
    machine: str
    emulated: bool
    unsteady: tuple[str, ...]
    latencies_s: tuple[float, ...] = field(repr=False)
    virtual: bool = False


def write_measurement(path: Path, document: Mapping[str, Any]) -> None:
    """Writes the plain data of a measurement to `path`. Raises OutputError when it cannot be written."""
    write_text(path, json.dumps(document) + "\n")


def read_measurement(path: Path) -> Measurement:
    """Returns the measurement in the file at `path`.

    Raises NotFoundError when there is no file, MeasurementError when it is not one of `benchmark --out`.
    """
    try:
        content = read_file(path, _MOST_BYTES)
        if len(content) > _MOST_BYTES:
            raise MeasurementError(f"{path}: it has more than {_MOST_BYTES:,} bytes, more than a measurement has")
        if content[4:8] == _MODEL_MARK:
            raise MeasurementError(f"{path}: it is a model: compare two files whose names end in .tflite")
        data = json.loads(content)
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: no such file; make it with benchmark --out") from error
    except OSError as error:
        raise MeasurementError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise MeasurementError(f"{path}: it is no JSON ({error}): make it with benchmark --out") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        schema = data.get("schema") if isinstance(data, dict) else type(data).__name__
        raise MeasurementError(
            f"{path}: its schema is {str(schema)[:40]!r}, not {SCHEMA!r}: make it with benchmark --out"
        )
    return _measurement(path, data)


def _measurement(path: Path, data: Mapping[str, Any]) -> Measurement:
    delegate = _field(path, data, "delegate", kind=dict, default={}) if data.get("delegate") is not None else {}
    machine = _field(path, data, "machine", kind=dict)
    return Measurement(
        path=path,
        model=_field(path, data, "model", kind=str),
        sha256=_field(path, data, "sha256", kind=str),
        runtime=_field(path, data, "runtime", kind=str),
        threads=_threads(path, data),
        kernels=_field(path, data, "kernels", kind=str),
        delegate=_field(path, delegate, "name", kind=str, default=""),
        machine=_field(path, machine, "board", kind=str, default="")
        or _field(path, machine, "processor", kind=str, default=""),
        emulated=_field(path, data, "emulated", kind=bool),
        unsteady=tuple(_field(path, reason, "kind", kind=str) for reason in _reasons(path, data)),
        latencies_s=_latencies(path, data),
        virtual=_field(path, data, "virtual", kind=bool, default=False),
    )


def _field(path: Path, data: Mapping[str, Any], name: str, *, kind: type, default: Any = None) -> Any:
    value = data.get(name, default)
    if not isinstance(value, kind):
        raise MeasurementError(f"{path}: {name!r} is {str(value)[:40]!r}, no {kind.__name__}: make the file again")
    return value


def _threads(path: Path, data: Mapping[str, Any]) -> int:
    threads = _field(path, data, "threads", kind=int)
    if isinstance(threads, bool) or threads < 1:
        raise MeasurementError(f"{path}: 'threads' is {threads}, not 1 or more: make the file again")
    return int(threads)


def _reasons(path: Path, data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    reasons = _field(path, data, "unsteady", kind=list)
    if not all(isinstance(reason, dict) for reason in reasons):
        raise MeasurementError(f"{path}: 'unsteady' holds other things than reasons: make the file again")
    return list(reasons)


def _latencies(path: Path, data: Mapping[str, Any]) -> tuple[float, ...]:
    latencies = _field(path, data, "latencies_s", kind=list)
    if not latencies:
        raise MeasurementError(f"{path}: 'latencies_s' is empty: measure again")
    for i, value in enumerate(latencies):
        if type(value) not in (int, float) or not 0 < value < _LONGEST_S:
            raise MeasurementError(
                f"{path}: 'latencies_s' has {str(value)[:40]} at {i}, no time above 0: measure again"
            )
    return tuple(map(float, latencies))
