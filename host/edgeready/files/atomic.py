"""A file that appears under its name only when it is complete."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from edgeready.errors import OutputError
from edgeready.files.lock import UNBORN, held_file, is_held


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to: renamed to `path` when the block ends, removed when it raises.

    The folder is made where it is missing. A killed process can leave only the temporary file, a hidden
    `.part` that it no longer holds: the next write of the same file sweeps it up, and spares those that
    another process is writing.
    Raises OutputError where the folder cannot be made or the file cannot be put there.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            sweep(path)
            stack.callback(temporary.unlink, missing_ok=True)
            stack.enter_context(held_file(temporary))
        except OSError as error:
            raise OutputError(f"cannot write {str(path)!r} ({error.strerror}): choose another folder") from error
        yield temporary
        _rename(temporary, path)


def write_files(files: Mapping[Path, bytes]) -> None:
    """Writes all of `files` or none; raises OutputError naming the one that cannot be written."""
    with ExitStack() as stack:
        for path, data in files.items():
            temporary = stack.enter_context(new_file(path))
            try:
                temporary.write_bytes(data)
            except OSError as error:
                raise OutputError(f"cannot write {str(path)!r} ({error.strerror}): free some space") from error


def _rename(temporary: Path, path: Path) -> None:
    try:
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r} ({error.strerror}): choose another name") from error


def sweep(path: Path) -> None:
    """Removes what killed processes left of writing `path`."""
    with suppress(PermissionError):  # a folder that can be written and not listed
        for leftover in list(path.parent.iterdir()):
            ours = leftover.name.startswith(f".{path.name}.") and leftover.name.endswith((".part", f".part{UNBORN}"))
            if ours and not is_held(leftover):
                with suppress(OSError):  # another process sweeps at the same time, or it is another user's
                    leftover.unlink()
