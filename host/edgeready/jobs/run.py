"""Runs a conversion in a child process: its crashes, its noise and its symbols stay there.

Measured: in a process that has loaded TensorFlow 2.21, tflite-runtime 2.14 refuses every model
("vector::reserve"). So the process that measures never loads it.

A process that reads a model from elsewhere is confined (edgeready_device.isolation.confinement): it has no network,
starts no program, reads the model and the installed libraries, and writes into the job's folder only.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from edgeready import errors
from edgeready.config.engine import ENGINE_NAMES, LITERT, TENSORFLOW
from edgeready.config.worker_group import VARIABLE
from edgeready.dataset.photo_files import photo_folders
from edgeready.errors import (
    EdgereadyError,
    FrameMismatchError,
    LibraryLogError,
    SurroundingsError,
    TrainingError,
    fit_reason,
)
from edgeready.files.scratch import scratch_folder
from edgeready.jobs.codec import images_in, load, open_descriptors, save
from edgeready.jobs.converter_log import last_line, refusal, starved
from edgeready.jobs.engine_choice import process_of
from edgeready.jobs.job import Job
from edgeready.jobs.network_cost import CostJob
from edgeready.jobs.quantize_job import Quantized, QuantizeJob
from edgeready.jobs.rendezvous import Fellows
from edgeready_device.isolation.bootstrap import LACKS_BY_CODE
from edgeready_device.isolation.child import module_arguments
from edgeready_device.isolation.confinement import Confinement, library_folders, without_current
from edgeready_device.isolation.parent import PARENT_VARIABLE
from edgeready_device.progress import Progress
from edgeready_device.surroundings import LACKS, explain

JOB, RESULT, LOG = "job", "result", "log.txt"  # what lies in the folder that both processes know
_CONVERTING = "converting"
# Memory of a confined process: measured 1 GB for TensorFlow with a MobileNetV2 in the converter, on two cores; each
# core's threads take more, and reading, rewriting, folding and calibrating grow with the model. Chosen from that.
_LEAST_MEMORY, _MEMORY_PER_BYTE = 8 << 30, 32
_WORKERS = {LITERT: "edgeready.litert_worker", TENSORFLOW: "edgeready.tf_worker"}
_ONNX = ("onnx", "onnxsim", "onnxruntime")
_LIBRARIES = {  # what the other process imports, and this one need not
    LITERT: ("ai_edge_litert", "flatbuffers", *_ONNX),
    TENSORFLOW: ("ai_edge_litert", "tensorflow", "keras", "tf_keras", "h5py", *_ONNX),
}
READING_LIMIT_S = 300.0  # chosen: 15 times what NASNetLarge takes, the longest of keras.applications, on two cores
AnyJob = Job | QuantizeJob | CostJob
_T = TypeVar("_T")


def run_quantize_job(job: QuantizeJob, progress: Progress) -> Quantized:
    """Does `job` in a child process; see `run_in_child` for what is raised."""
    return run_in_child(job, Quantized, progress)


def run_in_child(job: AnyJob, result: type[_T], progress: Progress, fellows: Fellows | None = None) -> _T:
    """Does `job` in a child process and returns its result, which is of the class `result`.

    The process ends when one of `fellows` is lost, the other machines of a training.

    Raises the child's EdgereadyError, or says in one how the child ended.
    """
    with scratch_folder() as folder:
        save(_locate(job), folder, JOB)
        log = folder / LOG
        code, stage, error = _watch(job, folder, log, progress, fellows)
        text = log.read_text("utf-8", "replace")
        if error is not None:
            raise _name_as_given(error, job) from LibraryLogError(text)
        if code and fellows is not None:
            fellows.raise_loss()
        if code in LACKS_BY_CODE:
            raise SurroundingsError(LACKS[LACKS_BY_CODE[code]])
        if code:
            blamed = stage.startswith(_CONVERTING) and code != -signal.SIGKILL and not starved(text)
            engine = ENGINE_NAMES[process_of(job)]
            if blamed:
                ending: EdgereadyError = refusal(code, text, stage.rpartition(" ")[2], engine=engine)
            else:
                ending = failure(code, text, stage, engine=engine)
            raise _name_as_given(ending, job) from LibraryLogError(text)
        return load(result, folder, RESULT)


def confinement_of(job: AnyJob, folder: Path) -> Confinement | None:
    """What the process that does `job` in `folder` may use; None where it runs the user's own code or trains."""
    read = library_folders(without_current(sys.path), _LIBRARIES[process_of(job)])
    if isinstance(job, QuantizeJob):
        size = len(job.model)
    elif isinstance(job, Job) and job.foreign:
        files = model_files(Path(job.model))
        read, size = (*read, *map(os.path.realpath, files)), sum(map(_size_of, files))
    else:
        return None
    read = (*read, *photo_folders(*images_in(job)))
    return Confinement(read=read, write=str(folder), memory_bytes=_LEAST_MEMORY + _MEMORY_PER_BYTE * size)


def _locate(job: AnyJob) -> AnyJob:
    """`job` with the whole path of its foreign model: the process that reads it has another current folder."""
    return replace(job, model=os.path.abspath(job.model)) if isinstance(job, Job) and job.foreign else job


def _name_as_given(error: EdgereadyError, job: AnyJob) -> EdgereadyError:
    """`error` with the model's name as the user wrote it."""
    if not isinstance(job, Job) or not job.foreign:
        return error
    return name_model(error, os.path.abspath(job.model), job.model)


def name_model(error: EdgereadyError, path: str, name: str) -> EdgereadyError:
    """Returns `error` with `name` in place of the `path` that a child process was given."""
    text = str(error).replace(path, name)
    return FrameMismatchError(text, error.frame) if isinstance(error, FrameMismatchError) else type(error)(text)


def model_files(path: Path) -> list[Path]:
    """Returns the files that hold the model `path`: itself, and for ONNX the weights beside it, named after it.

    A link is none of them: it would open what it leads to for the process that reads the model.
    """
    if path.suffix.lower() != ".onnx" or not path.is_file():
        return [path]
    beside = [
        file
        for file in path.parent.iterdir()
        if file.name.startswith((f"{path.stem}.", f"{path.stem}_")) and file != path
    ]
    return [path, *(file for file in sorted(beside) if file.is_file() and not file.is_symlink())]


def _size_of(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def _watch(
    job: AnyJob, folder: Path, log: Path, progress: Progress, fellows: Fellows | None
) -> tuple[int, str, EdgereadyError | None]:
    """Runs the child to its end: its exit code, the stage that it reached, and the error that it sent."""
    receiver, sender = os.pipe()
    confinement = confinement_of(job, folder)
    limits = "" if confinement is None else confinement.to_json()
    arguments = (type(job).__name__, str(folder), str(sender), limits)
    command = [sys.executable, *module_arguments(_WORKERS[process_of(job)], *arguments)]
    stage, error = "starting", None
    with log.open("wb") as output, os.fdopen(receiver, encoding="utf-8") as channel:
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # its end tells the child that this process is gone
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(sender, *open_descriptors(job)),
                env=_environment(folder),
            )
        except OSError as problem:
            raise explain(problem) or problem from problem
        finally:
            os.close(sender)
        if fellows is not None:
            fellows.guard(child)
        try:
            for line in channel:
                message = json.loads(line)
                if "error" in message:
                    error = _error_of(**message)
                else:
                    stage = message["stage"]
                    progress(stage, message["done"], message["total"])
            return child.wait(), stage, error
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()


def _environment(folder: Path) -> dict[str, str]:
    """The child's environment: what a killed TensorFlow leaves in TMPDIR goes with `folder`.

    Keras writes its settings below "~", which a user without a home folder would find in the current one.
    """
    inherited = {name: value for name, value in os.environ.items() if name != VARIABLE}  # a job has its group in it
    environment = {**inherited, "TMPDIR": str(folder), PARENT_VARIABLE: str(os.getpid())}
    if os.path.expanduser("~") == "~":
        environment.setdefault("KERAS_HOME", str(folder))
    return environment


def _error_of(error: str, text: str, frame: Sequence[int] = ()) -> EdgereadyError:
    if error == FrameMismatchError.__name__:
        return FrameMismatchError(text, frame)
    kind: type[EdgereadyError] = getattr(errors, error, EdgereadyError)
    return kind(text)


def failure(code: int, log: str, stage: str, *, engine: str = "TensorFlow") -> TrainingError:
    """The TrainingError for a child that ended with `code` (negative: a signal) in `stage` after printing `log`.

    `engine` is what it had loaded.
    """
    if code == -signal.SIGKILL:
        return TrainingError(f"{engine} was killed while {stage}: out of memory? use smaller images or batches")
    if code == -signal.SIGALRM:
        return TrainingError(
            f"{engine} did not end {stage} within {READING_LIMIT_S:g} s: that is no model that a device could run"
        )
    if starved(log):
        return TrainingError(f"{engine} ran out of memory while {stage}: use smaller images or batches")
    if code < 0:
        crash = f"{engine} crashed ({signal.Signals(-code).name}) while {stage}"
        if stage.startswith("training") and engine == "TensorFlow":
            return TrainingError(f"{crash}: set TF_ENABLE_ONEDNN_OPTS=0, or try another --batch-size or --image-size")
        return TrainingError(f"{crash}: --debug shows all that it printed")
    return TrainingError(
        fit_reason(f"{engine} failed while {stage}: ", last_line(log), "; --debug shows all that it printed")
    )
