"""A folder for what a command needs on the way: gone when it ends, and swept by the next one if it was killed."""

from __future__ import annotations

import errno
import glob
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgeready.errors import OutputError
from edgeready.files.lock import held_file, is_held, is_young
from edgeready_device.surroundings import explain

PREFIX = "edgeready-scratch-"
_LOCK = ".held"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder below the system's temporary one ($TMPDIR), removed when the block ends.

    Folders of ours that no living process holds were left by a killed one and are removed first. Raises
    OutputError when the disk there takes no more.
    """
    root = _temporary_root()
    try:
        with held_folder(root, PREFIX) as folder:
            yield folder
    except OSError as error:
        short = error.errno is None and str(error).endswith(" written")  # all that numpy.save says
        if isinstance(error, OutputError) or not (short or error.errno in _NO_ROOM):
            raise
        reason = error.strerror or error
        raise OutputError(
            f"the temporary folder {root} takes no more ({reason}): set TMPDIR to a folder with more space"
        ) from error


def shown_path(path: str | os.PathLike[str]) -> str:
    """The path as messages have it: without the scratch folder that it lies in."""
    parts = Path(path).parts
    inside = [index for index, part in enumerate(parts) if part.startswith(PREFIX)]
    return str(Path(*parts[inside[-1] + 1 :])) if inside else str(path)


@contextmanager
def held_folder(root: Path, prefix: str) -> Iterator[Path]:
    """A new folder in `root` whose name begins with `prefix`, removed when the block ends.

    Folders of ours with that prefix that no living process holds are removed first.
    """
    _sweep(root, prefix)
    folder = tempfile.TemporaryDirectory(prefix=prefix, dir=root, ignore_cleanup_errors=True)
    with folder as name, held_file(Path(name, _LOCK)):
        yield Path(name)


def _temporary_root() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise explain(error) or error from error


def _is_ours(folder: Path) -> bool:
    """Whether it is a folder of this user, and no link: another user's is closed to us, and that user's to sweep."""
    try:
        details = folder.lstat()
    except OSError:  # it has just gone
        return False
    return stat.S_ISDIR(details.st_mode) and details.st_uid == os.geteuid()


def _sweep(root: Path, prefix: str) -> None:
    for folder in root.glob(f"{glob.escape(prefix)}*"):
        if not _is_ours(folder):
            continue
        if (folder / _LOCK).exists():
            if not is_held(folder / _LOCK):
                shutil.rmtree(folder, ignore_errors=True)  # another process may sweep at the same time
        elif not is_young(folder):
            with suppress(OSError):  # killed before it held anything: the folder is empty
                folder.rmdir()
