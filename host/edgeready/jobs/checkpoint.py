"""The state of a training in one file, from which another process goes on with it; nothing here needs TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import CheckpointError, OutputError
from edgeready.files.atomic import new_file
from edgeready.jobs.training import Epoch

ENDED = "ended"
"""The stage of a training that is over: what is left is the conversion."""
_FORMAT = "edgeready checkpoint 1"
_HEADER = "header"
_REMEDY = "leave --resume out to train from the beginning"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """How the validation stands: the `best_loss` on it, and the `waited` epochs since it was `mark`.

    The rate falls after `steady` epochs of the stage; 0 as long as it stays.
    """

    best_loss: float
    mark: float
    waited: int
    steady: int = 0


@dataclass(frozen=True, kw_only=True)
class CheckpointHeader:
    """What a checkpoint is of: a training by its `identity`, its `epochs` so far, and where it is.

    The `stage` began after `before` epochs. `waiting` is how the validation stands; None where there is none.
    """

    identity: Mapping[str, str]
    stage: str
    before: int = 0
    epochs: tuple[Epoch, ...] = ()
    waiting: Waiting | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingState:
    """A training at the end of an epoch: the values of the model, of its optimizer, and of its best weights."""

    header: CheckpointHeader
    model: tuple[NDArray[Any], ...]
    optimizer: tuple[NDArray[Any], ...] = ()
    best: tuple[NDArray[Any], ...] = ()


_PARTS = ("model", "optimizer", "best")


def write_state(path: Path, state: TrainingState) -> None:
    """Writes `state` whole or not at all; raises OutputError where the disk does not take it."""
    header = json.dumps({"format": _FORMAT, **asdict(state.header)}).encode()
    arrays = {_HEADER: np.frombuffer(header, np.uint8)}
    for part in _PARTS:
        arrays |= {f"{part}-{number}": values for number, values in enumerate(getattr(state, part))}
    with new_file(path) as temporary:
        try:
            with ZipFile(temporary, "w") as file:  # as np.savez writes it, which does not close it on a full disk
                for name, array in arrays.items():
                    with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)  # type: ignore[no-untyped-call]
        except OSError as error:
            raise OutputError(
                f"cannot write the training's state into {str(path)!r} ({error.strerror or error}): free some space"
            ) from error


def read_header(path: Path) -> CheckpointHeader:
    """Returns what the checkpoint at `path` is of; raises CheckpointError for a file that is none, or damaged."""
    with _open_state(path) as file:
        if file.zip.testzip() is not None:  # in pieces, and not all in memory
            raise ValueError("a wrong checksum")
        return _header_of(file[_HEADER])


def read_state(path: Path) -> TrainingState:
    """Returns what `write_state` wrote to `path`; raises what `read_header` raises."""
    with _open_state(path) as file:
        header, names = _header_of(file[_HEADER]), set(file.files)
        parts: dict[str, tuple[NDArray[Any], ...]] = {}
        for part in _PARTS:
            count = sum(name.startswith(f"{part}-") for name in names)
            parts[part] = tuple(file[f"{part}-{number}"] for number in range(count))
        return TrainingState(header=header, **parts)


@contextmanager
def _open_state(path: Path) -> Iterator[Any]:
    """Opens the file; what is wrong with it becomes a CheckpointError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            yield file
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error}): {_REMEDY}") from error
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, BadZipFile, NotImplementedError) as error:
        raise CheckpointError(f"{path} is no checkpoint of a training, or is damaged: {_REMEDY}") from error


def _header_of(content: NDArray[np.uint8]) -> CheckpointHeader:
    data = json.loads(bytes(content))
    if data.pop("format") != _FORMAT:
        raise ValueError("another format")
    epochs = tuple(Epoch(**epoch) for epoch in data.pop("epochs"))
    waiting = data.pop("waiting")
    return CheckpointHeader(epochs=epochs, waiting=None if waiting is None else Waiting(**waiting), **data)


def differences(header: CheckpointHeader, identity: Mapping[str, str]) -> tuple[str, ...]:
    """Returns in which points the training of `header` is another than that of `identity`, a clause each."""
    clauses = []
    for name in {**header.identity, **identity}:
        before, now = header.identity.get(name, "not there"), identity.get(name, "not there")
        if before != now:
            clauses.append(f"{name} changed" if name.startswith("the ") else f"{name} was {before} and is {now}")
    return tuple(clauses)
