"""The operating systems that edgeready runs on."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from edgeready_device.errors import RuntimeUnavailableError

# What the Python of Windows lacks: the host locks its files with the first; both packages end child processes with a
# signal to their group, as systems with the second can.
_NEEDED = ("fcntl", "resource")


def require_posix(command: str) -> None:
    """Raises RuntimeUnavailableError where `command` cannot run: it needs Linux or macOS."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise RuntimeUnavailableError(
            f"{command} runs on Linux and macOS; the Python of this system ({sys.platform}) has no module "
            f"{' and no '.join(missing)}: on Windows, use the Windows Subsystem for Linux"
        )
