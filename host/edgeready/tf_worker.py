"""TensorFlow's child process: reads a job folder, trains or loads, converts, and leaves what it made there.

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
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgeready.errors import EdgereadyError
from edgeready_device.isolation.confinement import Confinement, confine, without_current
from edgeready_device.progress import Progress

if TYPE_CHECKING:
    from edgeready.jobs.job import JobResult
    from edgeready.jobs.quantize_job import Quantized


def main() -> int:
    """Does the job that the process's arguments name: its class, its folder, the channel, the confinement."""
    kind, folder, channel, limits = sys.argv[1:]
    _set_path(own_code=not limits)
    protections = confine(Confinement.from_json(limits)) if limits else ()
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    return do_job(kind, Path(folder), int(channel), protections=protections)


def do_job(kind: str, folder: Path, channel: int, *, protections: tuple[str, ...] = ()) -> int:
    """Does the job of the class `kind` in `folder`; returns 0, or 1 after it has sent the error."""
    from edgeready.jobs.codec import save  # noqa: PLC0415  (numpy, which comes after the confinement)
    from edgeready.jobs.run import RESULT  # noqa: PLC0415  (the same)

    with os.fdopen(channel, "w", encoding="utf-8", buffering=1) as stream:

        def send(**message: object) -> None:
            stream.write(json.dumps(message) + "\n")

        def progress(stage: str, done: int, total: int) -> None:
            send(stage=stage, done=done, total=total)

        try:
            progress("loading TensorFlow", 0, 0)
            save(_do(kind, folder, progress, protections=protections), folder, RESULT)
        except EdgereadyError as error:
            traceback.print_exc()
            send(error=type(error).__name__, text=str(error))
            return 1
    return 0


def _do(kind: str, folder: Path, progress: Progress, *, protections: tuple[str, ...]) -> JobResult | Quantized:
    from edgeready.jobs.codec import load  # noqa: PLC0415  (numpy, which comes after the confinement)
    from edgeready.jobs.job import Job  # noqa: PLC0415  (the same)
    from edgeready.jobs.quantize_job import QuantizeJob  # noqa: PLC0415  (the same)
    from edgeready.jobs.run import JOB, LOG  # noqa: PLC0415  (the same)

    def read_log() -> str:
        sys.stdout.flush()
        sys.stderr.flush()
        return (folder / LOG).read_text("utf-8", "replace")

    if kind == QuantizeJob.__name__:
        from edgeready.tf.quantize import quantize_step  # noqa: PLC0415  (slow; its errors are to be sent)

        return quantize_step(load(QuantizeJob, folder, JOB), progress)
    from edgeready.tf.make import make  # noqa: PLC0415  (slow; its errors are to be sent)

    return replace(make(load(Job, folder, JOB), read_log, progress), protections=protections)


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
