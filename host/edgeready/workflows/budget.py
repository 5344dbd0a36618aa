"""Keeps an accuracy budget: makes the model of each attempt, and judges it through the device package."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edgeready.budget.ladder import Judge, Judgement, Trail, search_ladder, steps
from edgeready.budget.significance import paired_drop
from edgeready.config.build import NetworkConfig
from edgeready.config.method import Method, QatConfig
from edgeready.config.modes import MODES, Mode
from edgeready.dataset import Dataset, Splits
from edgeready.errors import ConversionError
from edgeready.files.scratch import scratch_folder
from edgeready.jobs.job import Job, JobResult
from edgeready.jobs.quantize_job import QuantizeJob
from edgeready.jobs.run import run_quantize_job
from edgeready.jobs.run_job import run_job
from edgeready.quantization.inputs import image_samples
from edgeready.workflows.draft import Draft, draft
from edgeready.workflows.prepare import manifest_of
from edgeready_device.evaluation import EvaluationReport, evaluate
from edgeready_device.model import Model
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.progress import Progress, relabel

_NEW_TO_THE_MODEL = "held out of the training"
_MAYBE_KNOWN = "of the training part, which the model may know"


@dataclass(frozen=True, kw_only=True, eq=False)
class Budget:
    """How much accuracy may be lost (`points`, 0 to 1); the images of `judges` judge each attempt."""

    points: float
    judges: Dataset


def draft_within_budget(
    budget: Budget, job: Job, result: JobResult, splits: Splits, *, mapped: bool, progress: Progress
) -> tuple[Draft, Trail]:
    """The first draft of the model of `job` that keeps `budget`, confirmed by the test images, and all attempts.

    The first mode of `job` is the one that counts. Raises BudgetError where no attempt keeps the budget, and
    ConversionError where the model cannot be integer at all or, with `mapped`, an op would stay on the CPU.
    """
    mode = MODES[job.modes[0]]
    attempts = _Attempts(job=job, result=result, mode=mode, splits=splits, mapped=mapped, progress=progress)
    attempts.make(job.method)  # what is wrong with the model itself is said before anything is judged
    qat = QatConfig()
    if job.train is not None:
        qat = QatConfig(seed=job.train.seed, augment=job.train.augment or "none")
    outcome = search_ladder(
        steps(job.method, qat),
        budget=budget.points,
        make=attempts.make,
        judge=attempts.judge(budget.judges, "judging"),
        confirm=attempts.judge(splits.test, "confirming"),
        judged_on=f"{len(budget.judges):,} images {_MAYBE_KNOWN if job.train is None else _NEW_TO_THE_MODEL}",
    )
    return attempts.drafts[outcome.model], outcome.trail


@dataclass(frozen=True, kw_only=True, eq=False)
class _Attempts:
    """Makes and judges models by method; `drafts` holds what was made, by its flatbuffer."""

    job: Job
    result: JobResult
    mode: Mode
    splits: Splits
    mapped: bool
    progress: Progress
    drafts: dict[bytes, Draft] = field(default_factory=dict)

    def make(self, method: Method) -> bytes:
        """The integer flatbuffer that `method` gives; raises ConversionError where it gives none."""
        if method == self.job.method:
            attempt = draft(self.result, self.mode, self.splits, mapped=self.mapped)
        elif method.qat is not None:
            attempt = draft(self._fine_tune(method), self.mode, self.splits, mapped=self.mapped)
        else:
            attempt = self._quantize(method)
        flatbuffer = attempt.model.flatbuffer
        self.drafts.setdefault(flatbuffer, attempt)
        return flatbuffer

    def judge(self, data: Dataset, label: str) -> Judge:
        """A judge who holds each model's answers on `data` against the float32 model's."""
        float32_answers: list[NDArray[np.int64]] = []  # filled with the first model that is judged

        def judge(flatbuffer: bytes) -> Judgement:
            if not float32_answers:
                manifest = manifest_of(self.result, self.splits)
                float32 = self.result.float32.replace(manifest=manifest, labels=data.classes)
                float32_answers.append(self._evaluate(float32, data, label).predictions)
            report = self._evaluate(self.drafts[flatbuffer].model, data, label)
            return Judgement(
                accuracy=report.top1, drop=paired_drop(float32_answers[0], report.predictions, data.labels)
            )

        return judge

    def _evaluate(self, model: TfliteModel, data: Dataset, label: str) -> EvaluationReport:
        return evaluate(Model.from_file(model), data.images, data.labels, progress=relabel(self.progress, label))

    def _quantize(self, method: Method) -> Draft:
        float32 = self.result.float32
        result = self.result
        samples = image_samples(float32.graph, self.job.calibration, result.normalization, result.color)
        engine = result.engines[self.mode.name]
        job = QuantizeJob(
            model=float32.flatbuffer, mode=self.mode.name, samples=samples, method=method, engine=engine
        )
        quantized = run_quantize_job(job, self.progress)
        model = TfliteModel(quantized.model)
        result = replace(self.result, models={**self.result.models, self.mode.name: model})
        origin = TfliteModel(quantized.calibrated, trusted=True)
        return draft(result, self.mode, self.splits, mapped=self.mapped, origin=origin)

    def _fine_tune(self, method: Method) -> JobResult:
        """The network trained further with the quantization in the loop; raises ConversionError."""
        normalization = self.result.normalization
        network = NetworkConfig(
            mean=normalization.mean,
            std=normalization.std,
            color=self.result.color,
            fix=self.job.network.fix,
        )
        again = replace(self.job, train=None, network=network, method=method, settled=True)
        if self.job.train is None:
            return run_job(again, self.progress)
        if not self.result.keras:
            raise ConversionError("Keras cannot save this network, so it cannot be trained further: see --save-keras")
        with scratch_folder() as folder:
            path = folder / "trained.keras"
            path.write_bytes(self.result.keras)
            return run_job(replace(again, model=str(path)), self.progress)
