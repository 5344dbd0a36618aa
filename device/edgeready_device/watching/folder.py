"""A folder that fills: each image file once, as soon as it is complete, and again when it is written anew."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from edgeready_device.errors import ImageError, NotFoundError
from edgeready_device.images.decode import IMAGE_SUFFIXES, read_sized_image
from edgeready_device.images.frames import read_array
from edgeready_device.watching.frame import Shot

SUFFIXES = (*IMAGE_SUFFIXES, ".npy")
_SCAN_S = 0.1  # chosen: half a camera's reaction; a scan of a hundred files takes a millisecond
_SCAN_SHARE = 10  # chosen: a large folder is looked through for a tenth of the time at most
# A file that cannot be read is taken for one that is still written until it has not changed for so long. Chosen: a
# network copy that stands still for longer is mostly a broken one.
_SETTLE_S = 5.0
_TAIL = 16  # bytes; chosen: a JPEG that ends in so many zeros may be a file whose space is there before its contents

Version = tuple[int, int, int]  # inode, size, time of the last change: another one is another image


@dataclass
class Candidate:
    """A file of a version that was not shown yet, and since when (time.monotonic()) it has not changed."""

    path: str
    version: Version
    since: float
    was_read: bool = False  # without success

    @property
    def order(self) -> tuple[int, str]:
        """Oldest first."""
        return self.version[2], self.path

    @property
    def is_settled(self) -> bool:
        """Whether nobody seems to write it any more."""
        return time.monotonic() - self.since >= _SETTLE_S


def check_folder(folder: Path) -> None:
    """Raises NotFoundError where there is no such folder, ImageError where it cannot be read."""
    try:
        with os.scandir(folder):
            return
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"no folder {str(folder)!r}: give the folder that fills with images") from error
    except OSError as error:
        raise ImageError(
            f"folder {str(folder)!r} cannot be read ({error.strerror}): check its permissions"
        ) from error


class FolderReader:
    """Reads the image files of a folder in the order of their times; it knows what it has shown.

    With `newest` older files that were not shown give way to the newest, and with `new_only` those that are there at
    the start are left out.
    """

    def __init__(self, folder: Path, *, newest: bool = False, new_only: bool = False) -> None:
        self._folder, self._newest = folder, newest
        self._target: tuple[int, int] | None = None
        self._candidates: dict[str, Candidate] = {}
        self._queue: deque[Candidate] = deque()
        self._next_scan = 0.0
        # Of the files that are there, so that it does not grow.
        self._done: dict[str, Version] = self._list() if new_only else {}

    def reduce_to(self, target: tuple[int, int]) -> None:
        """Lets large JPEGs be decoded for frames of the height and width `target` alone, as `read_image` does."""
        self._target = target

    def reopen(self) -> FolderReader:
        """This reader, which goes on where it was; raises as `check_folder`."""
        check_folder(self._folder)
        return self

    def read(self, stop: threading.Event) -> Shot | None:
        """The next file that is complete, or that has not become so for 5 seconds; None when `stop` is set.

        Raises NotFoundError or ImageError when the folder is lost.
        """
        while not stop.is_set():
            if self._queue:
                shot = self._show(self._queue.popleft())
                if shot is not None:
                    return shot
            else:
                stop.wait(max(0.0, self._next_scan - time.monotonic()))
                self._scan()
        return None

    def take_notices(self) -> list[str]:
        """None: each file speaks for itself."""
        return []

    def close(self) -> None:
        """Does nothing: no file stays open."""

    def _scan(self) -> None:
        """Takes note of what is new, and queues what was the same in the scan before."""
        start = time.monotonic()
        versions = self._list()
        self._done = {path: version for path, version in self._done.items() if path in versions}
        before, self._candidates = self._candidates, {}
        ready = []
        for path, version in versions.items():
            if self._done.get(path) == version:
                continue
            candidate = before.get(path)
            if candidate is None or candidate.version != version:
                candidate = Candidate(path, version, since=start)
            elif not candidate.was_read or candidate.is_settled:
                ready.append(candidate)
            self._candidates[path] = candidate
        self._queue.extend(sorted(ready, key=lambda candidate: candidate.order, reverse=self._newest))
        now = time.monotonic()
        self._next_scan = now + max(_SCAN_S, _SCAN_SHARE * (now - start))

    def _list(self) -> dict[str, Version]:
        """The image files of the folder with their versions."""
        versions = {}
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if not entry.name.startswith(".") and entry.name.lower().endswith(SUFFIXES):
                        version = _version(entry.path)
                        if version is not None:
                            versions[entry.path] = version
        except FileNotFoundError as error:
            raise NotFoundError(f"the folder {str(self._folder)!r} is gone: make it again") from error
        except OSError as error:
            raise ImageError(f"folder {str(self._folder)!r} cannot be read ({error.strerror})") from error
        return versions

    def _show(self, candidate: Candidate) -> Shot | None:
        """The Shot of a candidate, or None where it has to wait or is gone."""
        path, start, count = candidate.path, time.monotonic(), 1
        if _version(path) != candidate.version:
            return None  # the next scan sees what it has become
        if not candidate.is_settled and _may_be_unwritten(path):
            candidate.was_read = True
            return None
        pixels, size, error = None, None, None
        try:
            if path.lower().endswith(".npy"):
                pixels = read_array(path)
            else:
                pixels, size = read_sized_image(path, 3, self._target)
        except (ImageError, NotFoundError) as reason:
            error = reason
        if _version(path) != candidate.version:  # written anew meanwhile: the picture may be half of each
            return None
        if error is not None and not candidate.is_settled:
            candidate.was_read = True
            return None
        self._done[path] = candidate.version
        if self._newest and error is None:
            count += self._pass_over()
        return Shot(start, pixels, name=path, error=error, count=count, is_live=self._newest, size=size)

    def _pass_over(self) -> int:
        """Takes what waits in the queue, all of it older, for shown; returns how many files those are."""
        count = len(self._queue)
        for candidate in self._queue:
            self._done[candidate.path] = candidate.version
        self._queue.clear()
        return count


def _version(path: str) -> Version | None:
    """The version of a regular file; None where there is none."""
    try:
        details = os.stat(path)
    except OSError:
        return None
    return (details.st_ino, details.st_size, details.st_mtime_ns) if stat.S_ISREG(details.st_mode) else None


def _may_be_unwritten(path: str) -> bool:
    """Whether a JPEG ends in zeros: a decoder takes them for pixels, and would not complain."""
    if not path.lower().endswith((".jpg", ".jpeg")):
        return False
    try:
        with open(path, "rb") as file:
            file.seek(-_TAIL, os.SEEK_END)
            return not any(file.read())
    except OSError:  # shorter, or not readable: reading the image says so
        return False
