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
from edgeready.jobs.job import LOG, SETTINGS, Made, Progress, load_job
from edgeready.jobs.quantize_job import KIND as QUANTIZE
from edgeready.jobs.quantize_job import Quantized, load_quantize_job


def main(folder: Path, channel: int) -> int:
    """Does the job in `folder`; returns 0, or 1 after it has sent the error."""
    with os.fdopen(channel, "w", encoding="utf-8", buffering=1) as stream:

        def send(**message: object) -> None:
            stream.write(json.dumps(message) + "\n")

        def progress(stage: str, done: int, total: int) -> None:
            send(stage=stage, done=done, total=total)

        try:
            progress("loading TensorFlow", 0, 0)
            _do(folder, progress).save(folder)
        except EdgereadyError as error:
            traceback.print_exc()
            send(error=type(error).__name__, text=str(error))
            return 1
    return 0


def _do(folder: Path, progress: Progress) -> Made | Quantized:
    def log() -> str:
        sys.stdout.flush()
        sys.stderr.flush()
        return (folder / LOG).read_text("utf-8", "replace")

    if json.loads((folder / SETTINGS).read_text("utf-8"))["kind"] == QUANTIZE:
        from edgeready.tf import quantize as quantizing  # noqa: PLC0415  (slow; its errors are to be sent)

        return quantizing.quantize_step(load_quantize_job(folder), progress)
    from edgeready.tf import make as making  # noqa: PLC0415  (slow; its errors are to be sent)

    return making.make(load_job(folder), log, progress)


def _end_with_the_parent() -> None:
    while os.read(0, 1):  # not sys.stdin: its lock, held by this thread, would break the interpreter's own end
        pass
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
