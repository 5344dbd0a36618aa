"""Says in a sentence what the machine around the program lacks: descriptors, processes, memory, space or access."""

from __future__ import annotations

import errno
import os
import threading

from edgeready_device.errors import (
    EdgereadyError,
    FileAccessError,
    OutputError,
    RuntimeUnavailableError,
    SurroundingsError,
    one_line,
)

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
LACKS = {
    errno.EMFILE: "this process may open no more files: raise the limit (ulimit -n)",
    errno.ENFILE: "this machine may open no more files: close other programs",
    errno.EAGAIN: "no further process or thread can be started: raise the limit (ulimit -u, TasksMax of a service, "
    "--pids-limit of a container)",
    errno.ENOMEM: "no memory is left: close other programs, or take a smaller model",
}


def find_lack(error: BaseException) -> int | None:
    """The key of LACKS that `error` was raised for; None for other errors."""
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return errno.EAGAIN
    if isinstance(error, OSError) and not isinstance(error, EdgereadyError):
        return error.errno if error.errno in LACKS else None
    # A library that cannot load its parts, or start its threads, has words of its own for it, or none: numpy's BLAS
    # interrupts the process then.
    if isinstance(error, (ImportError, KeyboardInterrupt)) and not isinstance(error, EdgereadyError):
        return next((code for code in LACKS if os.strerror(code) in str(error)), _find_thread_lack())
    return None


def _find_thread_lack() -> int | None:
    thread = threading.Thread(target=str)
    try:
        thread.start()
    except RuntimeError:
        return errno.EAGAIN
    thread.join()
    return None


def explain(error: BaseException) -> EdgereadyError | None:
    """The EdgereadyError that says what the machine lacked when `error` was raised; None for other errors."""
    if isinstance(error, EdgereadyError):
        return error
    lack = find_lack(error)
    if lack is not None:
        return SurroundingsError(LACKS[lack])
    if isinstance(error, ImportError) and str(error.name or error).startswith(("numpy", "Error importing numpy")):
        return RuntimeUnavailableError(f"numpy does not load ({one_line(error)}): run edgeready-device doctor")
    return _explain_system_error(error) if isinstance(error, OSError) else None


def _explain_system_error(error: OSError) -> EdgereadyError | None:
    place, reason = error.filename, error.strerror or one_line(error)
    name = os.fsdecode(place) if isinstance(place, (str, bytes, os.PathLike)) else ""
    if "temporary directory" in str(error):  # tempfile's only word about it
        return OutputError("no temporary folder can be written: set TMPDIR to a folder that can")
    if error.errno in _NO_SPACE:
        return OutputError(f"{name or 'the disk'} cannot be written ({reason}): free some space, or write elsewhere")
    if name:
        return FileAccessError(f"{name}: cannot be used ({reason}): check the path and its permissions")
    return None
