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
from edgeready.job import Job, Made, Progress, load_job


def main(folder: Path, channel: int) -> int:
    """Does the job in `folder`; returns 0, or 1 after it has sent the error."""
    with os.fdopen(channel, "w", encoding="utf-8", buffering=1) as stream:

        def send(**message: object) -> None:
            stream.write(json.dumps(message) + "\n")

        def progress(stage: str, done: int, total: int) -> None:
            send(stage=stage, done=done, total=total)

        try:
            progress("loading TensorFlow", 0, 0)
            _make(load_job(folder), progress).save(folder)
        except EdgereadyError as error:
            traceback.print_exc()
            send(error=type(error).__name__, text=str(error))
            return 1
    return 0


def _make(job: Job, progress: Progress) -> Made:
    from edgeready.tf import convert, mend, models, train  # noqa: PLC0415  (slow; its errors are to be sent)

    frame = job.images.shape[1:]
    if job.train is None:
        named = models.load_model(job.model, frame, job.classes, job.normalization)
        losses: tuple[float, ...] = ()
    else:
        train.seed_everything(job.train.seed)
        named = models.make_model(job.model, frame, job.classes, weights=job.weights, normalization=job.normalization)
        losses = train.train(named, job.images, job.labels, job.train, progress)
    progress("converting", 0, 0)
    calibration = train.fitting_frames(named.model, job.calibration)
    mended = mend.mend(named.model, calibration, named.normalization) if job.fix else mend.Mended(named.model)
    frozen = convert.freeze(mended.model)
    return Made(
        named.name,
        named.normalization,
        models.output_kind(named.model),
        losses,
        models.versions(),
        convert.to_uint8(frozen, calibration, named.normalization),
        convert.to_float32(frozen),
        models.to_keras_file(named.model),
        mended.rewritten,
        mended.proposed,
    )


def _end_with_the_parent() -> None:
    while os.read(0, 1):  # not sys.stdin: its lock, held by this thread, would break the interpreter's own end
        pass
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
