"""The machine that this process runs on, with what a Raspberry Pi's firmware says of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from edgeready_device.machine.board import Board


def ask_firmware(question: str) -> str:
    """What the Raspberry Pi's firmware answers to `vcgencmd QUESTION`; empty where there is no such command."""
    command = shutil.which("vcgencmd")
    if command is None:
        return ""
    try:
        done = subprocess.run([command, question], capture_output=True, timeout=2, check=False)
    except (OSError, subprocess.TimeoutExpired):  # no right to /dev/vcio, or a firmware that hangs
        return ""
    return done.stdout.decode("utf-8", "replace").strip()


def this_board() -> Board:
    """The machine that this process runs on."""
    return Board(Path("/"), ask_firmware)
