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
from pathlib import Path
from typing import TypeVar

from edgeready import errors
from edgeready.errors import EdgereadyError, TrainingError
from edgeready.files.scratch import scratch_folder
from edgeready.jobs.codec import load, save
from edgeready.jobs.converter_log import last_line, refusal, starved
from edgeready.jobs.job import Job, JobResult
from edgeready.jobs.quantize_job import Quantized, QuantizeJob
from edgeready_device.progress import Progress

JOB, RESULT, LOG = "job", "result", "log.txt"  # what lies in the folder that both processes know
_CONVERTING = "converting"
_T = TypeVar("_T")


def run_job(job: Job, progress: Progress) -> JobResult:
    """Does `job` in a child process; see `run_in_child` for what is raised."""
    return run_in_child(job, JobResult, progress)


def run_quantize_job(job: QuantizeJob, progress: Progress) -> Quantized:
    """Does `job` in a child process; see `run_in_child` for what is raised."""
    return run_in_child(job, Quantized, progress)


def run_in_child(job: Job | QuantizeJob, result: type[_T], progress: Progress) -> _T:
    """Does `job` in TensorFlow's process and returns its result, which is of the class `result`.

    Raises the child's EdgereadyError, or says in one how the child ended.
    """
    with scratch_folder() as folder:
        save(job, folder, JOB)
        log = folder / LOG
        code, stage, error = _watch(type(job).__name__, folder, log, progress)
        if error is not None:
            raise error
        if code:
            text = log.read_text("utf-8", "replace")
            blamed = stage.startswith(_CONVERTING) and code != -signal.SIGKILL and not starved(text)
            raise refusal(code, text, stage.rpartition(" ")[2]) if blamed else failure(code, text, stage)
        return load(result, folder, RESULT)


def _watch(kind: str, folder: Path, log: Path, progress: Progress) -> tuple[int, str, EdgereadyError | None]:
    """Runs the child to its end: its exit code, the stage that it reached, and the error that it sent."""
    receiver, sender = os.pipe()
    command = [sys.executable, "-m", "edgeready.tf_worker", kind, str(folder), str(sender)]
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
                    error = _error_of(message["error"], message["text"])
                else:
                    stage = message["stage"]
                    progress(stage, message["done"], message["total"])
            return child.wait(), stage, error
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()


def _error_of(name: str, text: str) -> EdgereadyError:
    kind = getattr(errors, name, EdgereadyError)
    error: EdgereadyError = kind(text)
    return error


def failure(code: int, log: str, stage: str) -> TrainingError:
    """The TrainingError for a child that ended with `code` (negative: a signal) in `stage` after printing `log`."""
    if code == -signal.SIGKILL:
        return TrainingError(f"TensorFlow was killed while {stage}: out of memory? use smaller images or batches")
    if starved(log):
        return TrainingError(f"TensorFlow ran out of memory while {stage}: use smaller images or batches")
    if code < 0:
        return TrainingError(f"TensorFlow crashed ({signal.Signals(-code).name}) while {stage}")
    return TrainingError(f"TensorFlow failed while {stage}: {last_line(log)}")
