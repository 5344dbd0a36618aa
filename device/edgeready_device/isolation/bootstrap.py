"""The start of a child process: it follows its parent, and tells what the machine lacked by its exit code."""

from __future__ import annotations

import errno
import importlib

from edgeready_device.isolation.parent import follow_parent
from edgeready_device.surroundings import find_lack

# The exit codes of a child that the machine stopped, from EX_OSERR of sysexits.h on. Not for memory: the file that is
# tried may be what asks for too much.
LACKS_BY_CODE = {71: errno.EAGAIN, 72: errno.EMFILE, 73: errno.ENFILE}


def run_module(name: str) -> int:
    """Runs `main()` of the module `name` and returns its exit code, or one of LACKS_BY_CODE."""
    try:
        follow_parent()
        code: int = importlib.import_module(name).main()
    except (Exception, KeyboardInterrupt) as error:
        lack = find_lack(error)
        codes = [code for code, number in LACKS_BY_CODE.items() if number == lack]
        if not codes:
            raise
        return codes[0]
    return code
