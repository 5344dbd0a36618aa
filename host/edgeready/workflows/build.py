"""The main job: data, training, conversion, proof, and the one file; calls the stages in order."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeready.budget.ladder import Trail
from edgeready.config.build import BuildConfig, OutputConfig, TrainConfig
from edgeready.config.modes import MODES, Mode
from edgeready.config.worker_group import WorkerGroup
from edgeready.dataset import Splits
from edgeready.dataset.class_names import ClassNames
from edgeready.errors import OutputError, UsageError
from edgeready.files.atomic import write_files
from edgeready.jobs.job import Job, JobResult
from edgeready.jobs.run_job import run_job
from edgeready.jobs.training import CURVES, Training
from edgeready.proof.conformance import check_sound
from edgeready.proof.disagreements import find_disagreements
from edgeready.proof.measure import Comparison, Measured, accuracy_of, measure
from edgeready.proof.qat_gain import QatGain, find_gain
from edgeready.proof.runtimes import RuntimeTrial, record_trials
from edgeready.proof.verdict import find_doubts
from edgeready.quantization.calibration import CalibrationReport, inspect_calibration
from edgeready.quantization.conventions import ConventionReport
from edgeready.quantization.source_check import SourceCheck
from edgeready.readiness import ReadinessReport
from edgeready.workflows.budget import Budget, draft_within_budget
from edgeready.workflows.draft import Draft, baseline_model, complete, draft, file_bytes
from edgeready.workflows.model_source import check_network, find_class_names, open_source
from edgeready.workflows.plan import plan_build
from edgeready.workflows.prepare import (
    manifest_of,
    provenance_of,
    seen_images,
    training_record,
    trial_is_worth_it,
    trial_of,
    with_frame,
)
from edgeready.workflows.resume import held_checkpoint
from edgeready.workflows.training_group import check_group, train_together
from edgeready_device.evaluation import evaluate
from edgeready_device.model import Model
from edgeready_device.model_file.reader import TfliteModel, flatbuffer_of
from edgeready_device.progress import Progress, no_progress, relabel
from edgeready_device.text import proportion_json


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """One finished model file: what it was made from, what was proved and what was measured.

    `baseline` is the float32 model. `comparison` is None where no installed runtime runs the file, as `trials` show;
    `calibration` describes the images that gave the ranges, `trail` the attempts to keep a budget, if there is one.
    `protections` says what the process that read a foreign model had given up, `convention` how it was found out how
    pixels go into a trained network. `doubts` says what speaks against the file, in sentences. `engine` made the
    integers of the `network`, whose name it is. `training` has the epochs, None for a conversion;
    `network_reason` says why the network was chosen, where the user named none.
    `gain` says what a training in 8 bits has changed.
    """

    out: Path
    network: str = ""
    float_out: Path | None = None
    splits: Splits = field(repr=False)
    baseline: TfliteModel = field(repr=False)
    training: Training | None = None
    network_reason: str = ""
    readiness: ReadinessReport
    comparison: Comparison | None
    mode: Mode = MODES["uint8"]
    trials: tuple[RuntimeTrial, ...] = ()
    rewrites: tuple[str, ...] = ()
    proposals: tuple[str, ...] = ()
    calibration: CalibrationReport | None = None
    trail: Trail | None = None
    protections: tuple[str, ...] = ()
    convention: ConventionReport | None = None
    doubts: tuple[str, ...] = ()
    engine: str = ""
    engine_reason: str = ""
    gain: QatGain | None = None
    source_check: SourceCheck | None = None

    def to_dict(self) -> dict[str, Any]:
        """The build as plain data."""
        return {
            "out": str(self.out),
            "float_out": None if self.float_out is None else str(self.float_out),
            "network": self.network,
            "network_reason": self.network_reason,
            "data": self.splits.to_dict(),
            "epoch_losses": [] if self.training is None else [epoch.loss for epoch in self.training.epochs],
            "training": None if self.training is None else self.training.to_dict(),
            "mode": self.mode.name,
            "engine": self.engine,
            "engine_reason": self.engine_reason,
            "qat": None if self.gain is None else self.gain.to_dict(),
            "runtimes": [trial.to_dict() for trial in self.trials],
            **self._comparison_dict(),
            "protections": list(self.protections),
            "doubts": list(self.doubts),
            "convention": None if self.convention is None else self.convention.to_dict(),
            "source_check": None if self.source_check is None else self.source_check.to_dict(),
            "rewrites": list(self.rewrites),
            "proposed": list(self.proposals),
            "calibration": None if self.calibration is None else self.calibration.to_dict(),
            "budget": None if self.trail is None else self.trail.to_dict(),
            "readiness": self.readiness.to_dict(),
        }

    def _comparison_dict(self) -> dict[str, Any]:
        if self.comparison is None:
            return {self.mode.name: None}
        baseline, model = self.comparison.baseline, self.comparison.model
        differing = find_disagreements(self.mode.name, baseline.accuracy, model.accuracy, self.splits.test)
        return {
            "float32": baseline.to_dict(),
            self.mode.name: model.to_dict(),
            "agreement": proportion_json(self.comparison.agreement),
            "disagreements": differing.to_dict(),
        }


def build(config: BuildConfig, progress: Progress = no_progress, group: WorkerGroup | None = None) -> BuildResult:
    """Trains `config.model` on the data, proves and measures its integer model, and writes the model file.

    With a `group`, whose chief this machine is, the others train along by workflows/training_group.py.
    Raises DatasetError, ModelSourceError, TrainingError, ConversionError, BudgetError or OutputError; then no file is
    written but those of the training: its checkpoint, and where they were asked for the Keras model and the figures
    of the epochs. Raises NotFoundError or CheckpointError where it is to go on and cannot.
    """
    check_group(config, group)
    check_network(config.model)
    _check_output(config.output)
    with held_checkpoint(config.output):
        return _run(config, config.train, progress, group=group)


def convert(config: BuildConfig, progress: Progress = no_progress) -> BuildResult:
    """Makes the model file from the trained model that `config.model` names.

    That is a .keras or .h5 file, a SavedModel folder, a frozen .pb, a float .tflite, or FILE.py:FUNCTION; or a folder
    or a ZIP with one of them, as Teachable Machine gives it. The classes are called as the model's labels say, where
    there are some. Raises what `build` raises.
    """
    _check_output(config.output)
    if config.output.resume:
        raise UsageError("--resume goes on with a training, and a conversion has none: leave it out")
    with open_source(config) as source:
        names = find_class_names(source)
        return with_frame(lambda fitting: _run(fitting, None, progress, names), source)


def _run(
    config: BuildConfig,
    train: TrainConfig | None,
    progress: Progress,
    class_names: ClassNames | None = None,
    *,
    group: WorkerGroup | None = None,
) -> BuildResult:
    plan = plan_build(config, train, progress, class_names)
    config, splits, judges, job = plan.config, plan.splits, plan.judges, plan.job
    mode, mapped = config.output.chosen_mode, config.output.for_edgetpu
    if trial_is_worth_it(job):
        draft(run_job(trial_of(job), progress), mode, splits, mapped=mapped)
    result = run_job(job, progress) if group is None else train_together(plan, group, progress)
    check_sound(result.float32, "float32 file")
    trail = None
    if config.quantize.max_drop is None or judges is None:
        accepted = draft(result, mode, splits, mapped=mapped)
    else:
        budget = Budget(points=config.quantize.max_drop / 100, judges=judges)
        accepted, trail = draft_within_budget(budget, job, result, splits, mapped=mapped, progress=progress)
    calibration = _calibration_of(job, splits, result, accepted)
    accepted = accepted.with_images(seen_images(config, job))
    finished = _finish(config, splits, result, accepted, calibration=calibration, trail=trail, progress=progress)
    return replace(finished, network_reason=plan.reason)


def _calibration_of(job: Job, splits: Splits, result: JobResult, accepted: Draft) -> CalibrationReport | None:
    if not accepted.mode.calibrated:
        return None
    report = inspect_calibration(
        job.calibration,
        splits,
        accepted.origin,
        accepted.model,
        normalization=result.normalization,
        color=result.color,
    )
    if not job.method.bias_correction:
        return report
    return replace(report, note=", ".join(filter(None, (report.note, "biases corrected"))))


def _finish(
    config: BuildConfig,
    splits: Splits,
    result: JobResult,
    accepted: Draft,
    *,
    calibration: CalibrationReport | None,
    trail: Trail | None,
    progress: Progress,
) -> BuildResult:
    """Measures and writes what is proved already; nothing is written when something is wrong.

    Raises ConversionError when a runtime crashes on the model, or none runs it, and AgreementError for a model that
    lost the float32 model's answers.
    """
    output, name = config.output, accepted.mode.name
    finished = complete(accepted, splits, output.vectors)
    provenance = _provenance(provenance_of(config, splits, result, name), calibration, trail)
    baseline = baseline_model(result, splits)
    baseline_bytes = file_bytes(baseline, provenance)
    comparison = _compare(finished, baseline, splits, progress)
    if comparison is not None:
        provenance["accuracy"] = accuracy_of([("float32", comparison.baseline), (name, comparison.model)])
    doubts, gain = _judge(result, comparison, name, splits, progress=progress)
    data = finished.to_bytes(provenance)
    _write({output.float_out: baseline_bytes, output.keras_out: result.keras, output.out: data}, finished.trials)
    comparison = None if comparison is None else _in_files(comparison, output, len(baseline_bytes), len(data))
    return BuildResult(
        out=output.out,
        float_out=output.float_out,
        network=result.name,
        splits=splits,
        training=None if not result.epochs else training_record(config, splits, result),
        readiness=replace(finished.readiness, file=str(output.out)),
        comparison=comparison,
        mode=finished.mode,
        trials=finished.trials,
        protections=result.protections,
        convention=result.convention,
        doubts=doubts,
        rewrites=result.rewrites,
        source_check=result.source_check,
        proposals=result.proposals,
        calibration=calibration,
        trail=trail,
        baseline=baseline,
        engine=result.engines.get(name, ""),
        engine_reason=result.engine_reasons.get(name, ""),
        gain=gain,
    )


def _judge(
    result: JobResult, comparison: Comparison | None, mode: str, splits: Splits, *, progress: Progress
) -> tuple[tuple[str, ...], QatGain | None]:
    """Returns what speaks against a measured file, and what a training in 8 bits has changed; None for none.

    Raises AgreementError for a file that is not worth writing.
    """
    if comparison is None:
        return (), None
    doubts = find_doubts(comparison, splits.test, mode, result.convention)
    return doubts, _gain_of(result, comparison, mode, splits, progress=progress) if result.before_qat else None


def _gain_of(result: JobResult, comparison: Comparison, mode: str, splits: Splits, *, progress: Progress) -> QatGain:
    """Returns what the training in 8 bits has changed; raises AgreementError where it did harm."""
    manifest, test = manifest_of(result, splits), splits.test
    before = {}
    for name, model in result.before_qat.items():
        complete_model = Model.from_file(model.replace(manifest=manifest, labels=test.classes))
        watch = relabel(progress, f"testing {name} without --qat")
        before[name] = evaluate(complete_model, test.images, test.labels, progress=watch)
    return find_gain(before, comparison.model.accuracy, mode, result.qat_epoch or 0)


def _provenance(
    provenance: dict[str, Any], calibration: CalibrationReport | None, trail: Trail | None
) -> dict[str, Any]:
    """`provenance` with the reports that there are."""
    reports = {"calibration": calibration, "budget": trail}
    return provenance | {key: report.to_dict() for key, report in reports.items() if report is not None}


def _in_files(comparison: Comparison, output: OutputConfig, baseline_bytes: int, model_bytes: int) -> Comparison:
    return Comparison(
        baseline=comparison.baseline.in_file(output.float_out or output.out, baseline_bytes),
        model=comparison.model.in_file(output.out, model_bytes),
    )


def _write(files: Mapping[Path | None, bytes], trials: tuple[RuntimeTrial, ...]) -> None:
    """Writes `files`, the last of them the model, and records which runtimes have run it."""
    write_files({path: contents for path, contents in files.items() if path is not None})
    record_trials(trials, flatbuffer_of(list(files.values())[-1]))


def _compare(finished: Draft, baseline: TfliteModel, splits: Splits, progress: Progress) -> Comparison | None:
    """Returns `baseline` and `finished`, both measured on the test images; None where no runtime runs the latter."""
    if not finished.runs:
        return None
    float32 = measure(baseline, splits.test, progress, label="testing float32")
    if finished.mode.name == "float32":
        return Comparison(baseline=float32, model=float32)
    model: Measured = measure(finished.model, splits.test, progress, label=f"testing {finished.mode.name}")
    return Comparison(baseline=float32, model=model)


def _check_output(output: OutputConfig) -> None:
    """Raises OutputError before the training, not after it, where the output cannot be written."""
    _check_curves(output)
    for path in (output.out, output.float_out, output.keras_out, output.log_csv):
        if path is None:
            continue
        try:
            folder = next(parent for parent in path.absolute().parents if parent.exists())
            is_folder = path.is_dir()
        except OSError as error:  # a name that no file can have
            raise OutputError(f"cannot write {path} ({error.strerror}): choose another --out") from error
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise OutputError(
                f"cannot write {path}: {folder} is no folder that you may write to; choose another --out"
            )
        if is_folder:
            raise OutputError(f"cannot write {path}: it is a folder; name a file in it with --out")


def _check_curves(output: OutputConfig) -> None:
    """Raises OutputError for a folder of curves that is none, or has those of another training."""
    folder = output.tensorboard
    if folder is None:
        return
    try:
        place = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
        curves = next(folder.glob(f"*/{CURVES}*"), None)
    except OSError as error:  # a name that no folder can have
        raise OutputError(f"cannot write {folder} ({error.strerror}): choose another --tensorboard") from error
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise OutputError(
            f"cannot write into {folder}: {place} is no folder that you may write to; choose another --tensorboard"
        )
    if curves is not None and not output.resume:
        raise OutputError(
            f"{folder} has the curves of another training: give --tensorboard a folder for each, "
            "as TensorBoard would draw both as one"
        )
