"""Runs TensorFlow in a child process: its crashes, its noise and its symbols stay there.

Measured: in a process that has loaded TensorFlow 2.21, tflite-runtime 2.14 refuses every model
("vector::reserve"). So the process that measures never loads it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from edgeready import errors
from edgeready.errors import EdgereadyError, TrainingError
from edgeready.files.scratch import scratch_folder
from edgeready.jobs.converter_log import last_line, refusal, starved
from edgeready.jobs.job import LOG, Job, Made, Progress, load_made
from edgeready.jobs.quantize_job import Quantized, QuantizeJob, load_quantized

_CONVERTING = "converting"
T = TypeVar("T")


class Savable(Protocol):
    """A job: it writes itself into a folder, where the child process finds it."""

    def save(self, folder: Path) -> None:
        """Writes the job into `folder`."""


def run_job(job: Job, progress: Progress) -> Made:
    """What TensorFlow makes of `job`; see `run_in_child` for what is raised."""
    return run_in_child(job, load_made, progress)


def run_quantize_job(job: QuantizeJob, progress: Progress) -> Quantized:
    """What TensorFlow makes of `job`; see `run_in_child` for what is raised."""
    return run_in_child(job, load_quantized, progress)


def run_in_child(job: Savable, load: Callable[[Path], T], progress: Progress) -> T:
    """What `load` finds after TensorFlow has done `job` in a child process.

    Raises the child's EdgereadyError, or says in one how the child ended.
    """
    with scratch_folder() as folder:
        job.save(folder)
        log = folder / LOG
        code, stage, error = _watch(folder, log, progress)
        if error is not None:
            raise error
        if code:
            text = log.read_text("utf-8", "replace")
            blamed = stage.startswith(_CONVERTING) and code != -signal.SIGKILL and not starved(text)
            raise refusal(code, text, stage.rpartition(" ")[2]) if blamed else failure(code, text, stage)
        return load(folder)


def _watch(folder: Path, log: Path, progress: Progress) -> tuple[int, str, EdgereadyError | None]:
    """Runs the child to its end: its exit code, the stage that it reached, and the error that it sent."""
    receiver, sender = os.pipe()
    command = [sys.executable, "-m", "edgeready.tf_worker", str(folder), str(sender)]
    stage, error = "starting", None
    with log.open("wb") as output, os.fdopen(receiver, encoding="utf-8") as channel:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # its end tells the child that this process is gone
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(sender,),
            env={**os.environ, "TMPDIR": str(folder)},  # what a killed TensorFlow leaves goes with the folder
        )
        os.close(sender)
        try:
            for line in channel:
                message = json.loads(line)
                if "error" in message:
                    error = _sent(message["error"], message["text"])
                else:
                    stage = message["stage"]
                    progress(stage, message["done"], message["total"])
            return child.wait(), stage, error
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()


def _sent(name: str, text: str) -> EdgereadyError:
    kind = getattr(errors, name, EdgereadyError)
    made: EdgereadyError = kind(text)
    return made


def failure(code: int, log: str, stage: str) -> TrainingError:
    """The TrainingError for a child that ended with `code` (negative: a signal) in `stage` after printing `log`."""
    if code == -signal.SIGKILL:
        return TrainingError(f"TensorFlow was killed while {stage}: out of memory? use smaller images or batches")
    if starved(log):
        return TrainingError(f"TensorFlow ran out of memory while {stage}: use smaller images or batches")
    if code < 0:
        return TrainingError(f"TensorFlow crashed ({signal.Signals(-code).name}) while {stage}")
    return TrainingError(f"TensorFlow failed while {stage}: {last_line(log)}")
