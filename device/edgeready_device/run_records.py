"""What has run on this machine before: a record in the user's cache folder for each model, runtime and kernels.

A record is an empty file whose name is a hash of what ran, so that there is nothing in it to damage or to parse.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeready_device import __version__

_FOLDERS = ("edgeready", "runs")  # in the user's cache folder
_MOST_RECORDS, _KEPT_RECORDS = 1000, 750  # chosen: more models than a board runs, and a folder that lists at once
_MACHINE_ID = Path("/etc/machine-id")  # a home folder can be on a server


@dataclass(frozen=True)
class RunKey:
    """What ran: the flatbuffer's hash, the runtime with its version, its kernels, threads and delegate."""

    sha256: str
    runtime: str
    kernels: str = "default"
    threads: int = 1
    delegate: str = ""

    @property
    def name(self) -> str:
        """The name of the record: of this run, on this machine, under this version of edgeready and numpy."""
        parts = [self.sha256, self.runtime, self.kernels, self.threads, self.delegate]
        text = json.dumps([*parts, __version__, np.__version__, _machine()])
        return hashlib.sha256(text.encode()).hexdigest()


def has_run(key: RunKey) -> bool:
    """Whether a record says that `key` ran here; without a folder that is the user's alone there is none."""
    with contextlib.suppress(OSError), _open_folder(create=False) as folder:
        state = os.stat(key.name, dir_fd=folder, follow_symlinks=False)
        return stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid()
    return False


def record_run(key: RunKey) -> None:
    """Records that `key` ran here; does nothing where no such folder can be made or written."""
    with contextlib.suppress(OSError), _open_folder(create=True) as folder:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
        os.close(os.open(key.name, flags, 0o600, dir_fd=folder))
        _drop_oldest(folder)


def _drop_oldest(folder: int) -> None:
    names = os.listdir(folder)
    if len(names) <= _MOST_RECORDS:
        return
    ages = sorted((os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime, name) for name in names)
    for _, name in ages[:-_KEPT_RECORDS]:
        with contextlib.suppress(OSError):  # another process drops them, too
            os.unlink(name, dir_fd=folder)


@contextlib.contextmanager
def _open_folder(*, create: bool) -> Iterator[int]:
    """The descriptor of the folder of the records. Raises OSError where none is the user's alone."""
    base = cache_folder()
    if create:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptors = [os.open(base, os.O_RDONLY | os.O_DIRECTORY)]
    try:
        for name in _FOLDERS:
            if create:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=descriptors[-1])
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            descriptors.append(os.open(name, flags, dir_fd=descriptors[-1]))
            _check_owner(descriptors[-1], name)
        yield descriptors[-1]
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _check_owner(descriptor: int, name: str) -> None:
    """Raises PermissionError where another user made the folder or can write to it: its records are no records."""
    state = os.fstat(descriptor)
    if state.st_uid != os.geteuid() or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"{name} can be written by another user")


def cache_folder() -> Path:
    """The user's cache folder, after the XDG Base Directory Specification; raises OSError where there is no home."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(named):  # the specification: any other path is ignored
        return Path(named)
    try:
        return Path.home() / ".cache"
    except RuntimeError as error:
        raise FileNotFoundError("this user has no home folder") from error


def _machine() -> str:
    try:
        number = _MACHINE_ID.read_text("ascii", "replace").strip()
    except OSError:
        number = platform.node()
    return f"{platform.machine()} {number}"
