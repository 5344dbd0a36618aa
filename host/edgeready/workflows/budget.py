"""Climbs the ladder for one build: makes each rung's model, and judges it through the device package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeready import __version__
from edgeready.budget.ladder import Judge, Judgement, Trail, climb, steps
from edgeready.budget.significance import paired_drop
from edgeready.config.method import Method, QatConfig
from edgeready.config.modes import MODES
from edgeready.dataset import Dataset, Splits
from edgeready.files.scratch import scratch_folder
from edgeready.jobs.job import Job, Made, Progress
from edgeready.jobs.quantize_job import QuantizeJob
from edgeready.jobs.run import run_job, run_quantize_job
from edgeready.model_file.writer import package
from edgeready.proof.conformance import prove
from edgeready.quantization.inputs import image_feeds
from edgeready.workflows.draft import flatbuffer_of_mode, readiness_of
from edgeready_device.evaluation import EvaluationReport, evaluate
from edgeready_device.model import Model
from edgeready_device.model_file.manifest import InputSpec, Manifest
from edgeready_device.tflite.graph import read_graph

_UNKNOWN, _KNOWN = "held out of the training", "of the training part, which the model may know"


@dataclass(frozen=True, eq=False)
class Asked:
    """What is to be kept: `budget` (0 to 1) on the model of `job`, whose first mode is the one that counts.

    The images of `judges` judge, the test images of `splits` confirm. With `mapped` a model of which an op would stay
    on the CPU is refused before anything is tried.
    """

    budget: float
    job: Job
    splits: Splits
    judges: Dataset
    mapped: bool = False


@dataclass(frozen=True)
class Kept:
    """What is to be written: `made`, and the float32 .tflite `origin` that its integer file was made from.

    `trail` is the way there, where there was a budget.
    """

    made: Made
    origin: bytes = field(repr=False)
    trail: Trail | None = None


def within_budget(asked: Asked, made: Made, report: Progress) -> Kept:
    """`made` with the file of its mode replaced by the first that keeps the budget.

    Raises BudgetError where none does, and ConversionError where the model cannot be integer at all.
    """
    job = asked.job
    name = job.modes[0]
    readiness_of(flatbuffer_of_mode(made, MODES[name]), Path(made.name), mapped=asked.mapped)
    trained = job.train
    qat = QatConfig() if trained is None else QatConfig(seed=trained.seed, augment=trained.augment or "none")
    ladder = steps(job.method, qat)

    origins: dict[bytes, bytes] = {}

    def make(method: Method) -> bytes:
        if method == job.method or method.qat is not None:
            source = made if method == job.method else _trained(job, made, method, report)
            model, origin = flatbuffer_of_mode(source, MODES[name]), source.float32
        else:
            feeds = image_feeds(read_graph(made.float32), job.calibration, made.normalization)
            quantized = run_quantize_job(QuantizeJob(made.float32, name, feeds, method=method), report)
            model, origin = quantized.model, quantized.calibrated
            prove(read_graph(model), MODES[name])
        origins[model] = origin
        return model

    climbed = climb(
        ladder,
        asked.budget,
        make,
        _judge(made, asked.judges, lambda done, total: report("judging", done, total)),
        _judge(made, asked.splits.test, lambda done, total: report("confirming", done, total)),
        f"{len(asked.judges):,} images {_KNOWN if job.train is None else _UNKNOWN}",
    )
    kept = replace(made, files={**made.files, name: climbed.model})
    return Kept(kept, origins[climbed.model], climbed.trail)


def _trained(job: Job, made: Made, method: Method, report: Progress) -> Made:
    """What comes of further training with the quantization in the loop; raises ConversionError where it cannot be."""
    again = replace(job, train=None, weights=None, normalization=made.normalization, method=method)
    if not made.keras:
        return run_job(again, report)
    with scratch_folder() as folder:
        path = folder / "trained.keras"
        path.write_bytes(made.keras)
        return run_job(replace(again, model=str(path)), report)


def _judge(made: Made, data: Dataset, progress: Callable[[int, int], None]) -> Judge:
    frame = InputSpec(data.height, data.width, data.channels, "stretch", made.normalization)
    manifest = Manifest(made.name, frame, made.scores)

    def answers(flatbuffer: bytes) -> EvaluationReport:
        with scratch_folder() as folder:
            path = folder / "judged.tflite"
            path.write_bytes(package(flatbuffer, manifest, data.classes, __version__))
            return evaluate(Model.load(path), data.images, data.labels, progress=progress)

    before: list[NDArray[np.int64]] = []  # of the float32 model, once it is asked for

    def judge(flatbuffer: bytes) -> Judgement:
        if not before:
            before.append(answers(made.float32).predictions)
        found = answers(flatbuffer)
        return Judgement(found.top1, paired_drop(before[0], found.predictions, data.labels))

    return judge
