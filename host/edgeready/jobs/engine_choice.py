"""Decides which process does a job, and which engine makes its integers."""

from __future__ import annotations

from pathlib import Path

from edgeready.config.engine import AUTO, LITERT, TENSORFLOW
from edgeready.jobs.job import Job
from edgeready.jobs.network_cost import CostJob
from edgeready.jobs.quantize_job import QuantizeJob

_WITHOUT_TENSORFLOW = (".tflite", ".onnx")  # kinds of source that are read without it


def needs_tensorflow(job: Job) -> bool:
    """Returns whether only TensorFlow can train or read the model of `job`."""
    return job.train is not None or job.method.qat is not None or not reads_flatbuffer(job)


def reads_flatbuffer(job: Job) -> bool:
    """Returns whether the model of `job` is a file that becomes a flatbuffer without TensorFlow."""
    path = Path(job.model)
    return job.foreign and path.suffix.lower() in _WITHOUT_TENSORFLOW and not path.is_dir()


def process_of(job: Job | QuantizeJob | CostJob) -> str:
    """Returns TENSORFLOW or LITERT: what is loaded by the process that does `job`."""
    if isinstance(job, CostJob):
        return TENSORFLOW
    if isinstance(job, Job) and needs_tensorflow(job):
        return TENSORFLOW
    return engine_of(job)


def engine_of(job: Job | QuantizeJob) -> str:
    """Returns TENSORFLOW or LITERT: what makes the integers of `job`.

    Where the user leaves it open, a model that TensorFlow reads is made integer by TensorFlow, any other by LiteRT.
    """
    if job.engine != AUTO:
        return job.engine
    return TENSORFLOW if isinstance(job, Job) and needs_tensorflow(job) else LITERT
