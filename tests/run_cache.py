"""What the processes of one test run make once and share: builds, wheels."""

from __future__ import annotations

import copyreg
import fcntl
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")


def once(name: str, make: Callable[[Path], _T]) -> _T:
    """Returns what `make` returns for a new folder; one process of the run calls it, the others wait and get a copy.

    The folder stays until the run ends (tests/conftest.py makes its parent). Where `make` raises, the next process
    that asks tries again.
    """
    root = Path(os.environ["EDGEREADY_TESTS_FOLDER"])
    value, folder = root / f"{name}.pickle", root / name
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not value.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            _write(make(folder), value)
        return pickle.loads(value.read_bytes())  # noqa: S301  (this run wrote it)


def _write(value: object, path: Path) -> None:
    """Pickles `value`; a part of a flatbuffer that it holds becomes a view of its own bytes."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        pickler = pickle.Pickler(file)
        pickler.dispatch_table = {**copyreg.dispatch_table, memoryview: lambda view: (memoryview, (bytes(view),))}
        pickler.dump(value)
    part.rename(path)  # whole, or not there
