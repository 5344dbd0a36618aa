"""The files in which a kernel describes the state of its machine, and the Raspberry Pi's firmware."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 65_536  # of one file: /proc/cpuinfo of a large server is the longest
_FIRMWARE_LIMIT_S = 2.0  # chosen: ample for one question to the firmware, short for somebody who waits


def _no_firmware(question: str) -> str:
    return ""


@dataclass(frozen=True)
class Board:
    """The files of /proc and /sys below `root`. A file that cannot be read is empty: no kernel has every file."""

    root: Path
    firmware: Callable[[str], str] = _no_firmware

    def text(self, path: str) -> str:
        """Returns the contents of one file without blanks and NULs at its ends; empty when it cannot be read."""
        return kernel_text(self.root, path)

    def number(self, path: str, base: int = 10) -> int | None:
        """Returns the whole number in one file; None when there is none."""
        return whole_number(self.text(path), base)

    def paths(self, pattern: str) -> list[str]:
        """Returns the paths that match a glob `pattern`, sorted and relative to the root."""
        try:
            return sorted(path.relative_to(self.root).as_posix() for path in self.root.glob(pattern))
        except OSError:
            return []


def this_board() -> Board:
    """Returns the machine that this process runs on."""
    return Board(Path("/"), ask_firmware)


def kernel_text(root: Path, path: str) -> str:
    """Returns the file `path` of /proc or /sys below `root`, without blanks and NULs at its ends.

    A file that is missing or unreadable gives an empty text.
    """
    try:
        with (root / path).open("rb") as stream:
            return stream.read(MOST_BYTES).decode("utf-8", "replace").strip("\0\n\r\t ")
    except OSError:
        return ""


def whole_number(text: str, base: int = 10) -> int | None:
    """Returns `text` as a whole number, or None."""
    try:
        return int(text, base)
    except ValueError:
        return None


def ask_firmware(question: str) -> str:
    """Returns what `vcgencmd QUESTION` prints on a Raspberry Pi; empty where that command is missing or fails."""
    import shutil  # noqa: PLC0415  (only boards with vcgencmd need the two, and every model imports this module)
    import subprocess  # noqa: PLC0415

    command = shutil.which("vcgencmd")
    if command is None:
        return ""
    try:
        answer = subprocess.run([command, question], capture_output=True, timeout=_FIRMWARE_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):  # no right to /dev/vcio, or a firmware that hangs
        return ""
    return answer.stdout.decode("utf-8", "replace").strip()
