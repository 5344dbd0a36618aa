"""LiteRT's child process: reads a float32 model, makes it integer, and leaves it in the job's folder."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgeready.jobs.worker import read_log, serve
from edgeready_device.progress import Progress

if TYPE_CHECKING:
    from edgeready.jobs.job import JobResult
    from edgeready.jobs.quantize_job import Quantized


def main() -> int:
    """Does the job that the process's arguments name; returns the exit code."""
    return serve(_do, "loading LiteRT")


def _do(kind: str, folder: Path, progress: Progress, protections: tuple[str, ...]) -> JobResult | Quantized:
    from edgeready.engine.litert import LiteRtQuantizer  # noqa: PLC0415  (numpy, which comes after the confinement)
    from edgeready.engine.make import make  # noqa: PLC0415  (the same)
    from edgeready.engine.quantizer import quantize_step  # noqa: PLC0415  (the same)
    from edgeready.jobs.codec import load  # noqa: PLC0415  (the same)
    from edgeready.jobs.job import Job  # noqa: PLC0415  (the same)
    from edgeready.jobs.quantize_job import QuantizeJob  # noqa: PLC0415  (the same)
    from edgeready.jobs.run import JOB  # noqa: PLC0415  (the same)

    if kind == QuantizeJob.__name__:
        return quantize_step(LiteRtQuantizer(), load(QuantizeJob, folder, JOB), progress)
    return replace(make(load(Job, folder, JOB), partial(read_log, folder), progress), protections=protections)
