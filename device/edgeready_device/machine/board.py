"""The files in which a kernel tells how its machine is doing; tests hand in a recorded tree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeready_device.machine.machine import kernel_text


def _no_firmware(question: str) -> str:
    return ""


@dataclass(frozen=True)
class Board:
    """The files of /proc and /sys below `root`; what cannot be read is empty, for no kernel has every file."""

    root: Path
    firmware: Callable[[str], str] = _no_firmware

    def text(self, path: str) -> str:
        """The contents of one file without the ends' blanks and NULs; empty when it is missing or unreadable."""
        return kernel_text(self.root, path)

    def number(self, path: str, base: int = 10) -> int | None:
        """The whole number in one file; None when there is none."""
        return whole_number(self.text(path), base)

    def paths(self, pattern: str) -> list[str]:
        """The paths, below the root and sorted, that match a glob `pattern`."""
        try:
            return sorted(path.relative_to(self.root).as_posix() for path in self.root.glob(pattern))
        except OSError:
            return []


def whole_number(text: str, base: int = 10) -> int | None:
    """The whole number that `text` is, or None."""
    try:
        return int(text, base)
    except ValueError:
        return None
