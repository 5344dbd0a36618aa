"""The child's side of a job: reads the job folder, does the job, and leaves what it made there.

Messages go out as JSON lines on the file descriptor that the parent names: progress, or one error. Standard input
is the parent's life line: when it ends, the parent is gone, and so is this process.

Where the parent says so, the process is confined before it imports anything that starts a thread, numpy among them.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeready.errors import EdgereadyError
from edgeready_device.isolation.confinement import Confinement, confine, without_current
from edgeready_device.progress import Progress

Work = Callable[[str, Path, Progress, tuple[str, ...]], Any]
"""Returns the result of the job of a class in a folder; it is told what the process has given up."""


def serve(work: Work, first_stage: str) -> int:
    """Does the job that the process's arguments name: its class, its folder, the channel, the confinement.

    Returns 0, or 1 after the error has been sent. `first_stage` is what the parent shows while libraries load.
    """
    kind, folder, channel, limits = sys.argv[1:]
    _set_path(own_code=not limits)
    protections = confine(Confinement.from_json(limits)) if limits else ()
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    from edgeready.jobs.codec import save  # noqa: PLC0415  (numpy, which comes after the confinement)
    from edgeready.jobs.run import RESULT  # noqa: PLC0415  (the same)

    with os.fdopen(int(channel), "w", encoding="utf-8", buffering=1) as stream:

        def send(**message: object) -> None:
            stream.write(json.dumps(message) + "\n")

        def progress(stage: str, done: int, total: int) -> None:
            send(stage=stage, done=done, total=total)

        try:
            progress(first_stage, 0, 0)
            save(work(kind, Path(folder), progress, protections), Path(folder), RESULT)
        except EdgereadyError as error:
            traceback.print_exc()
            send(error=type(error).__name__, text=str(error), frame=getattr(error, "frame", ()))
            return 1
    return 0


def read_log(folder: Path) -> str:
    """Returns what this process has printed so far."""
    from edgeready.jobs.run import LOG  # noqa: PLC0415  (numpy, which comes after the confinement)

    sys.stdout.flush()
    sys.stderr.flush()
    return (folder / LOG).read_text("utf-8", "replace")


def _set_path(own_code: bool) -> None:
    """Takes the current folder, in which `python -m` would look first, from the front of the import path.

    The user's own FILE.py may import its neighbours; they come last, so that none is taken for a library.
    """
    sys.path[:] = without_current(sys.path)
    if own_code:
        sys.path.append(os.getcwd())


def _end_with_the_parent() -> None:
    while os.read(0, 1):  # not sys.stdin: its lock, held by this thread, would break the interpreter's own end
        pass
    os._exit(1)
