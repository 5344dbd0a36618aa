"""The one place that reads what kernel and firmware say of the machine; tests hand in a recorded tree."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 65_536  # of one file: /proc/cpuinfo of a large server is the longest


def ask_firmware(question: str) -> str:
    """What the Raspberry Pi's firmware answers to `vcgencmd QUESTION`; empty where there is no such command."""
    command = shutil.which("vcgencmd")
    if command is None:
        return ""
    import subprocess  # noqa: PLC0415  (0.6 MB, which only a board with that firmware needs)

    try:
        done = subprocess.run([command, question], capture_output=True, timeout=2, check=False)
    except (OSError, subprocess.TimeoutExpired):  # no right to /dev/vcio, or a firmware that hangs
        return ""
    return done.stdout.decode("utf-8", "replace").strip()


def _no_firmware(question: str) -> str:
    return ""


@dataclass(frozen=True)
class Board:
    """The files of /proc and /sys below `root`; what cannot be read is empty, for no kernel has every file."""

    root: Path
    firmware: Callable[[str], str] = _no_firmware

    def text(self, path: str) -> str:
        """The contents of one file without the ends' blanks and NULs; empty when it is missing or unreadable."""
        try:
            with (self.root / path).open("rb") as stream:
                return stream.read(MOST_BYTES).decode("utf-8", "replace").strip("\0\n\r\t ")
        except OSError:
            return ""

    def number(self, path: str, base: int = 10) -> int | None:
        """The whole number in one file; None when there is none."""
        return whole_number(self.text(path), base)

    def paths(self, pattern: str) -> list[str]:
        """The paths, below the root and sorted, that match a glob `pattern`."""
        try:
            return sorted(path.relative_to(self.root).as_posix() for path in self.root.glob(pattern))
        except OSError:
            return []


def this_board() -> Board:
    """The machine that this process runs on."""
    return Board(Path("/"), ask_firmware)


def whole_number(text: str, base: int = 10) -> int | None:
    """The whole number that `text` is, or None."""
    try:
        return int(text, base)
    except ValueError:
        return None
