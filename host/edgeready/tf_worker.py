"""TensorFlow's child process: reads a job folder, trains or loads, converts, and leaves what it made there.

Messages go out as JSON lines on the file descriptor that the parent names: progress, or one error. Standard input
is the parent's life line: when it ends, the parent is gone, and so is this process.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from pathlib import Path

from edgeready.errors import EdgereadyError
from edgeready.jobs.codec import load, save
from edgeready.jobs.job import Job, JobResult
from edgeready.jobs.quantize_job import Quantized, QuantizeJob
from edgeready.jobs.run import JOB, LOG, RESULT
from edgeready_device.progress import Progress


def main(kind: str, folder: Path, channel: int) -> int:
    """Does the job of the class `kind` in `folder`; returns 0, or 1 after it has sent the error."""
    with os.fdopen(channel, "w", encoding="utf-8", buffering=1) as stream:

        def send(**message: object) -> None:
            stream.write(json.dumps(message) + "\n")

        def progress(stage: str, done: int, total: int) -> None:
            send(stage=stage, done=done, total=total)

        try:
            progress("loading TensorFlow", 0, 0)
            save(_do(kind, folder, progress), folder, RESULT)
        except EdgereadyError as error:
            traceback.print_exc()
            send(error=type(error).__name__, text=str(error))
            return 1
    return 0


def _do(kind: str, folder: Path, progress: Progress) -> JobResult | Quantized:
    def read_log() -> str:
        sys.stdout.flush()
        sys.stderr.flush()
        return (folder / LOG).read_text("utf-8", "replace")

    if kind == QuantizeJob.__name__:
        from edgeready.tf.quantize import quantize_step  # noqa: PLC0415  (slow; its errors are to be sent)

        return quantize_step(load(QuantizeJob, folder, JOB), progress)
    from edgeready.tf.make import make  # noqa: PLC0415  (slow; its errors are to be sent)

    return make(load(Job, folder, JOB), read_log, progress)


def _end_with_the_parent() -> None:
    while os.read(0, 1):  # not sys.stdin: its lock, held by this thread, would break the interpreter's own end
        pass
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
