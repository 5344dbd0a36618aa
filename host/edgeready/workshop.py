"""Runs TensorFlow in a child process: its crashes, its noise and its symbols stay there.

Measured: in a process that has loaded TensorFlow 2.21, tflite-runtime 2.14 refuses every model
("vector::reserve"). So the process that measures never loads it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from edgeready import errors
from edgeready.errors import ConversionError, EdgereadyError, TrainingError
from edgeready.job import Job, Made, Progress, load_made
from edgeready.scratch import scratch_folder

_REMEDY = "replace the layer (Conv2D, DepthwiseConv2D, Dense, BatchNormalization, ReLU, pooling, Add are safe)"
_CONVERTING = "converting"


def run_job(job: Job, progress: Progress) -> Made:
    """What TensorFlow makes of `job`; raises the child's EdgereadyError, or says in one how the child ended."""
    with scratch_folder() as folder:
        job.save(folder)
        log = folder / "log.txt"
        code, stage, error = _watch(folder, log, progress)
        if error is not None:
            raise error
        if code:
            text = log.read_text("utf-8", "replace")
            blamed = stage == _CONVERTING and code != -signal.SIGKILL  # nobody is killed over a layer
            raise refusal(code, text) if blamed else failure(code, text, stage)
        return load_made(folder)


def _watch(folder: Path, log: Path, progress: Progress) -> tuple[int, str, EdgereadyError | None]:
    """Runs the child to its end: its exit code, the stage that it reached, and the error that it sent."""
    receiver, sender = os.pipe()
    command = [sys.executable, "-m", "edgeready.worker", str(folder), str(sender)]
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
    if code < 0:
        return TrainingError(f"TensorFlow crashed ({signal.Signals(-code).name}) while {stage}")
    return TrainingError(f"TensorFlow failed while {stage}: {_last_line(log)}")


def refusal(code: int, log: str) -> ConversionError:
    """The ConversionError for a converter that ended with `code` (negative: a signal) after printing `log`."""
    if code < 0:
        name = signal.Signals(-code).name
        return ConversionError(
            f"TensorFlow's converter crashed ({name}) on this model; recurrent layers (LSTM, GRU) do this: {_REMEDY}"
        )
    ops = re.findall(r"'(tfl?\.\w+)' op", log) or re.findall(r"not yet supported for op: '?(\w+)", log)
    ops += re.findall(r"^\s*tf\.(\w+)\(", log, re.MULTILINE)
    if ops:
        return ConversionError(f"the converter has no 8-bit form of {', '.join(dict.fromkeys(ops))}: {_REMEDY}")
    return ConversionError(f"TensorFlow's converter refuses the model: {_last_line(log)}")


def _last_line(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
