"""A file that a living process holds: from its lock others can tell whether who made it still runs."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

UNBORN = ".unborn"
LEFTOVER_AGE_S = 3600.0  # where the file system knows no locks, age decides


@contextmanager
def held_file(path: Path) -> Iterator[None]:
    """Makes the file `path` and holds it during the block; the system lets go of it when the process dies.

    It is locked before it has its name, so that under this name it is never seen without its lock; who is
    killed in between leaves it with UNBORN behind its name. Raises OSError where it cannot be made.
    """
    handle = _lock_and_name(path)
    try:
        yield
    finally:
        os.close(handle)


def _lock_and_name(path: Path) -> int:
    unborn = path.with_name(f"{path.name}{UNBORN}")
    while True:
        handle = os.open(unborn, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX)  # waits for one that is just asking `is_held`
            os.rename(unborn, path)
        except FileNotFoundError:  # swept up before it was locked, as a dead process's: make it again
            os.close(handle)
        except BaseException:
            unborn.unlink(missing_ok=True)
            os.close(handle)
            raise
        else:
            return handle


def is_held(path: Path) -> bool:
    """Whether a living process holds `path` or, where locks are unknown, whether it is young; False if it is gone."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)  # never a pipe that nobody writes to
    except FileNotFoundError:
        return False
    except OSError:  # somebody else's
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno == errno.EWOULDBLOCK or is_young(path)
    finally:
        os.close(handle)
    return False


def is_young(path: Path) -> bool:
    """Whether `path` was written within the last hour, or has just gone."""
    try:
        return time.time() - path.stat().st_mtime < LEFTOVER_AGE_S
    except OSError:
        return True


@contextmanager
def exclusive_file(path: Path) -> Iterator[bool]:
    """Makes the empty file `path` for the block: True, or False where a living process has it already.

    It is removed when the block ends; one that a killed process left is taken over. Where the file system knows no
    locks, nobody is kept out. Raises OSError where it cannot be made.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno == errno.EWOULDBLOCK:
                os.close(handle)
                yield False
                return
        if _is_at(handle, path):
            break
        os.close(handle)  # who had it has just removed it
    try:
        yield True
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False
