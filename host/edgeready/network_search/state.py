"""What a search knows so far, in a folder: one file for each training that has ended, so that it can go on."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeready.errors import OutputError
from edgeready.files.atomic import write_files
from edgeready.files.lock import held_file, is_held

_QUESTION, _LOCK, _STATE = "question.json", ".held", "state"


@dataclass(frozen=True, kw_only=True)
class SearchState:
    """The files of a search below `folder`."""

    folder: Path

    def read(self, name: str) -> dict[str, Any] | None:
        """Returns what was written under `name`; None where there is nothing, or nothing that can be read."""
        try:
            data = json.loads((self.folder / _STATE / f"{name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return data if isinstance(data, dict) else None

    def write(self, name: str, data: Mapping[str, Any]) -> None:
        """Writes `data` under `name`, whole or not at all."""
        write_files({self.folder / _STATE / f"{name}.json": _encode(data)})


def count_trainings(folder: Path) -> int:
    """Returns the number of trainings that a search in `folder` has kept."""
    return len(list((folder / _STATE).glob("*.json")))


def read_share(data: Mapping[str, Any] | None, key: str) -> float | None:
    """Returns the number from 0 to 1 under `key`; None where there is none."""
    value = None if data is None else data.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        return None
    return float(value)


def read_seconds(data: Mapping[str, Any]) -> float:
    """Returns the seconds that a training took; 0 where the file does not say."""
    value = data.get("seconds")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0.0
    return float(value) if value >= 0 and math.isfinite(value) else 0.0


@contextmanager
def open_state(folder: Path, question: Mapping[str, Any]) -> Iterator[SearchState]:
    """Returns the state of the search for the answer to `question` in `folder`, new or begun before.

    A new folder in which nothing was trained is gone when the block ends. Raises OutputError for a folder that holds
    something else or the search for another answer, and where another process is at work in it.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"{folder} is no folder: choose another --output")
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        if names and _QUESTION not in names and set(names) != {_LOCK}:
            raise OutputError(f"{folder} holds other files ({names[0]}): give --output a new or an empty folder")
        new_folders = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        if is_held(folder / _LOCK):
            raise OutputError(f"another search is at work in {folder}: wait for it, or choose another --output")
        lock = held_file(folder / _LOCK)
        lock.__enter__()
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"cannot write into {folder} ({error.strerror}): choose another --output") from error
    try:
        _settle_question(folder, question)
        yield SearchState(folder=folder)
    finally:
        lock.__exit__(None, None, None)
        _leave(folder, new_folders)


def _leave(folder: Path, new_folders: Sequence[Path]) -> None:
    """Removes the lock, and what was made for a search in which nothing was trained."""
    (folder / _LOCK).unlink(missing_ok=True)
    if (folder / _STATE).exists():
        return
    (folder / _QUESTION).unlink(missing_ok=True)
    for path in new_folders:
        with suppress(OSError):  # something is in it
            path.rmdir()


def _settle_question(folder: Path, question: Mapping[str, Any]) -> None:
    """Writes the question into a new folder; raises OutputError where the folder has another."""
    path, text = folder / _QUESTION, _encode(question)
    if not path.exists():
        write_files({path: text})
        return
    try:
        before = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} cannot be read: remove {folder}, or choose another --output") from error
    question_data = json.loads(text)
    if before == question_data:
        return
    earlier = before if isinstance(before, dict) else {}
    names = [name for name in question_data if earlier.get(name) != question_data[name]] or ["its options"]
    name = names[0]
    raise OutputError(
        f"{folder} holds the search with {name} {json.dumps(earlier.get(name))[:60]}, not "
        f"{json.dumps(question_data.get(name))[:60]}: repeat its options to go on, or choose another --output"
    )


def _encode(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(data, indent=1) + "\n").encode()
