"""Reads files that a user names, and never hangs: a pipe is read once, to its end; a device, a socket is refused."""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Union

from edgeready_device.errors import FileAccessError, one_line

InputPath = Union[str, "os.PathLike[str]"]

WRITER_LIMIT_S = 3.0  # chosen: who writes to a pipe has started by then
SILENCE_LIMIT_S = (
    60.0  # chosen: a download or a password takes less; a writer that is silent for longer has gone wrong
)
_NO_SIZE_BYTES = 64 << 20  # of a pipe, or a file of /proc; chosen: its pieces are held twice when they are joined
_PIECE_BYTES = 1 << 20  # chosen: few calls, and no memory to speak of
_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class NotAFileError(OSError):
    """What is at a path is no file that can be read; the text says what it is."""

    def __init__(self, path: InputPath, text: str) -> None:
        super().__init__(errno.EINVAL, text, os.fspath(path))

    def __str__(self) -> str:
        return str(self.strerror)


def read_file(path: InputPath, most_bytes: int) -> bytes:
    """The bytes of the file or the pipe at `path`; the first `most_bytes` and one more where it is larger.

    Raises what `open` raises, and NotAFileError for a device, a socket, or a pipe that nobody writes to.
    """
    _refuse(path, os.stat(path), pipes=False)  # before `open`, which can do something to a device
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # O_NONBLOCK: a pipe may have no writer
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        details = os.fstat(descriptor)
        _refuse(path, details, pipes=False)
        if stat.S_ISDIR(details.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if stat.S_ISFIFO(details.st_mode):
            return _read_pipe(path, descriptor, min(most_bytes, _NO_SIZE_BYTES))
        # No more: Python allocates what is asked for first, which a small board or 32 bits do not have.
        count = min(details.st_size or _NO_SIZE_BYTES, most_bytes) + 1
        parts: list[bytes] = []
        while count > 0 and (part := stream.read(count)):
            parts.append(part)
            count -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def check_file(path: InputPath) -> None:
    """Raises NotAFileError where `path` is a pipe, a socket or a device: what reads it next would hang.

    Raises what `stat` raises, too.
    """
    _refuse(path, os.stat(path), pipes=True)


def require_file(path: InputPath) -> None:
    """Raises FileAccessError where `path` is a pipe, a socket or a device: what is to be done reads it twice."""
    try:
        check_file(path)
    except NotAFileError as error:
        raise FileAccessError(f"{path}: {error}") from error
    except OSError:  # what reads it next says it in its words
        return


def list_folder(path: InputPath) -> list[Path]:
    """What lies in the folder `path`, sorted by name; raises FileAccessError where it cannot be listed."""
    try:
        entries = sorted(Path(path).iterdir())
        if not os.access(path, os.X_OK):  # its names can be read, and nothing that they stand for
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise FileAccessError(
            f"{path}: the folder cannot be read ({error.strerror or one_line(error)}): check its permissions"
        ) from error
    return entries


def _refuse(path: InputPath, details: os.stat_result, *, pipes: bool) -> None:
    for is_kind, name in _KINDS:
        if is_kind(details.st_mode) and (pipes or is_kind is not stat.S_ISFIFO):
            raise NotAFileError(path, f"it is {name}: name a file")


def _read_pipe(path: InputPath, descriptor: int, most_bytes: int) -> bytes:
    parts: list[bytes] = []
    count = most_bytes + 1
    waiter = select.poll()
    waiter.register(descriptor, select.POLLIN)
    started = heard = time.monotonic()
    while count > 0:
        try:
            part = os.read(descriptor, min(count, _PIECE_BYTES))
        except BlockingIOError:  # there is a writer, who has nothing yet
            if time.monotonic() - heard > SILENCE_LIMIT_S:
                raise NotAFileError(
                    path, f"it is a pipe that was silent for {SILENCE_LIMIT_S:g} s: name a file"
                ) from None
            waiter.poll(1000)
            continue
        if part:
            heard = time.monotonic()
            parts.append(part)
            count -= len(part)
        elif parts:
            break
        elif time.monotonic() - started > WRITER_LIMIT_S:  # no writer yet, or one that wrote nothing
            raise NotAFileError(path, "it is a pipe that nothing was written to: name a file")
        else:
            time.sleep(0.01)
    if count == 0 and most_bytes == _NO_SIZE_BYTES:
        raise NotAFileError(path, f"it is a pipe with more than {_NO_SIZE_BYTES >> 20} MiB: copy it to a file")
    return b"".join(parts)
