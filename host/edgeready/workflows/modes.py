"""Every mode of one network beside its float32 model: size, accuracy, agreement, latency, and where each runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeready.config.build import BuildConfig
from edgeready.config.modes import MODES, Mode, mode_named
from edgeready.dataset import Dataset, Splits
from edgeready.dataset.class_names import ClassNames
from edgeready.errors import ConversionError
from edgeready.files.atomic import write_files
from edgeready.jobs.job import Job, JobResult
from edgeready.jobs.run_job import run_job
from edgeready.proof.disagreements import find_disagreements
from edgeready.proof.measure import Disagreement, Measured, accuracy_of, agreement, disagreements, measure
from edgeready.proof.runtimes import RuntimeTrial, runtimes_that_run
from edgeready.quantization.conventions import ConventionReport
from edgeready.readiness import ReadinessReport
from edgeready.workflows.draft import Draft, complete, draft
from edgeready.workflows.model_source import find_class_names, open_source
from edgeready.workflows.prepare import job_of, load_data, note_drawn_test, provenance_of, seen_images, with_frame
from edgeready_device.progress import Progress, no_progress
from edgeready_device.report.benchmark import benchmark_json
from edgeready_device.report.predictions import evaluation_json
from edgeready_device.statistics import Proportion
from edgeready_device.text import csv_text, proportion_json

FLOAT32 = "float32"
_RAW = ("latencies_s", "stages")  # the raw runs, which are a megabyte for eight modes
_NOTHING_RUNS_IT = "no runtime that is installed here runs it"


@dataclass(frozen=True, kw_only=True)
class ModeRow:
    """One mode: `measured` on the test images, or refused; `refusal` is the sentence that says why.

    `trials` say which of the installed runtimes run the file. `readiness` is the check's prediction for the Edge TPU.
    """

    mode: Mode
    measured: Measured | None = None
    trials: tuple[RuntimeTrial, ...] = ()
    readiness: ReadinessReport | None = None
    refusal: str = ""

    def __post_init__(self) -> None:
        if self.measured is None and not self.refusal:
            raise ValueError(f"the mode {self.mode.name} is neither measured nor refused")


@dataclass(frozen=True, kw_only=True)
class ModesReport:
    """The rows of one network on the images of `test`, with that of float32, which the others are compared with.

    `notes` say which images were left out.
    """

    network: str
    test: Dataset = field(repr=False)
    rows: tuple[ModeRow, ...]
    protections: tuple[str, ...] = ()
    convention: ConventionReport | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.of(FLOAT32).measured is None:
            raise ValueError("the float32 file is not measured: the modes have nothing to be compared with")

    def of(self, name: str) -> ModeRow:
        """The row of the mode `name`; raises KeyError where there is none."""
        return {row.mode.name: row for row in self.rows}[MODES[name].name]

    @property
    def float32(self) -> Measured:
        """The float32 model, measured."""
        measured = self.of(FLOAT32).measured
        if measured is None:  # checked when made
            raise LookupError(FLOAT32)
        return measured

    @property
    def quantized(self) -> tuple[str, Measured] | None:
        """The mode whose errors are looked at: uint8, else the first other than float32; None where there is none."""
        by_name = {mode.name: measured for mode, measured in self.measured if mode.name != FLOAT32}
        name = "uint8" if "uint8" in by_name else next(iter(by_name), None)
        return None if name is None else (name, by_name[name])

    @property
    def measured(self) -> tuple[tuple[Mode, Measured], ...]:
        """The modes that were measured, in order."""
        return tuple((row.mode, row.measured) for row in self.rows if row.measured is not None)

    def agreement(self, measured: Measured) -> Proportion:
        """On how many test images `measured` gives the float32 model's answer."""
        return agreement(self.float32.accuracy, measured.accuracy)

    def smaller(self, measured: Measured) -> float:
        """How many times smaller than the float32 flatbuffer the one of `measured` is."""
        return self.float32.flatbuffer_bytes / measured.flatbuffer_bytes

    def disagreements(self, name: str) -> tuple[Disagreement, ...]:
        """The images on which the float32 model and the mode `name` differ; none where it was refused."""
        measured = self.of(name).measured
        return () if measured is None else disagreements(self.float32.accuracy, measured.accuracy)

    def to_dict(self) -> dict[str, Any]:
        """The measured modes as plain data."""
        return {
            "network": self.network,
            "data": {"name": self.test.name, "test_images": len(self.test)},
            "majority_baseline": self.test.majority_share(),
            "protections": list(self.protections),
            "convention": None if self.convention is None else self.convention.to_dict(),
            "modes": [self._row_dict(row) for row in self.rows],
            "disagreements": self._disagreements_dict(),
        }

    def _disagreements_dict(self) -> dict[str, Any] | None:
        """The disagreements of one mode: pictures for each of eight would be most of the document."""
        if self.quantized is None:
            return None
        name, measured = self.quantized
        return find_disagreements(name, self.float32.accuracy, measured.accuracy, self.test).to_dict()

    def to_csv(self) -> str:
        """The measured modes as CSV, one line a mode."""
        return csv_text([self._csv_row(row) for row in self.rows])

    def _row_dict(self, row: ModeRow) -> dict[str, Any]:
        readiness = row.readiness
        data: dict[str, Any] = {
            **row.mode.to_dict(),
            "refusal": row.refusal or None,
            "runtimes": [trial.to_dict() for trial in row.trials],
            "edgetpu": None
            if readiness is None
            else {
                "ready": readiness.ready,
                "verdict": readiness.verdict,
                "mapped": readiness.mapped,
            },
        }
        if row.measured is None:
            return data
        latency = benchmark_json(row.measured.latency)
        return {
            **data,
            "size_bytes": row.measured.size_bytes,
            "flatbuffer_bytes": row.measured.flatbuffer_bytes,
            "times_smaller": self.smaller(row.measured),
            "accuracy": evaluation_json(row.measured.accuracy, row.measured.latency.runtime),
            "agreement": proportion_json(self.agreement(row.measured)),
            "latency": {key: value for key, value in latency.items() if key not in _RAW},
        }

    def _csv_row(self, row: ModeRow) -> dict[str, Any]:
        cells: dict[str, Any] = {"mode": row.mode.name, "refusal": row.refusal}
        measured = row.measured
        if measured is None:
            return cells
        summary = measured.latency.summary
        return {
            **cells,
            "flatbuffer_bytes": measured.flatbuffer_bytes,
            "size_bytes": measured.size_bytes,
            "times_smaller": self.smaller(measured),
            "top1": measured.accuracy.top1.value,
            "agreement": self.agreement(measured).value,
            "median_s": summary.median_s,
            "p90_s": summary.p90_s,
            "runtime": str(measured.latency.runtime),
            "ops_mapped": None if row.readiness is None else row.readiness.mapped,
            "ops": None if row.readiness is None else len(row.readiness.ops),
        }


@dataclass(frozen=True, kw_only=True)
class ModeDrafts:
    """What came of each mode that was asked for: a Draft in `drafts`, or a sentence in `refusals`."""

    splits: Splits = field(repr=False)
    result: JobResult
    drafts: dict[str, Draft]
    refusals: dict[str, str]


def compare_modes(
    config: BuildConfig, modes: Sequence[str], progress: Progress = no_progress, out: Path | None = None
) -> ModesReport:
    """Measures the trained model `config.model` in `modes` and float32 on all test images.

    With `out` the files are kept there as MODE.tflite, with their accuracy in the manifest. A mode that cannot be
    made is refused in its row. Raises what `convert` raises where the model or the data cannot be used, and
    ConversionError where not even the float32 model runs.
    """
    names = list(dict.fromkeys(mode_named(name).name for name in (FLOAT32, *modes)))
    drafts = draft_modes(config, names, progress)
    rows = {name: _row(drafts, name, progress) for name in names}
    baseline = rows[FLOAT32].measured
    if baseline is None:
        raise ConversionError(f"the float32 file cannot be measured: {rows[FLOAT32].refusal}")
    contents: dict[Path, bytes] = {}
    for name, mode_draft in drafts.drafts.items():
        path = (out or Path()) / f"{name}.tflite"
        provenance = provenance_of(config, drafts.splits, drafts.result, name)
        measured = rows[name].measured
        if measured is not None:
            provenance["accuracy"] = accuracy_of([(FLOAT32, baseline), (name, measured)])
        contents[path] = mode_draft.to_bytes(provenance)
        if measured is not None:
            rows[name] = replace(rows[name], measured=measured.in_file(path, len(contents[path])))
    if out is not None:
        write_files(contents)
    result = drafts.result
    return ModesReport(
        network=result.name,
        test=drafts.splits.test,
        rows=tuple(rows.values()),
        protections=result.protections,
        convention=result.convention,
        notes=drafts.splits.notes,
    )


def draft_modes(config: BuildConfig, modes: Sequence[str], progress: Progress = no_progress) -> ModeDrafts:
    """Makes the trained model `config.model` in each of `modes`; float32 is always among them.

    A mode that fails, or crashes the converter, does not keep the others from being made. Raises what `convert`
    raises when the model or the data cannot be used at all.
    """
    with open_source(config) as source:
        class_names = find_class_names(source)
        return with_frame(lambda fitting: _draft_modes(fitting, modes, class_names, progress), source)


def _draft_modes(
    config: BuildConfig, modes: Sequence[str], class_names: ClassNames | None, progress: Progress
) -> ModeDrafts:
    names = dict.fromkeys(mode_named(name).name for name in (FLOAT32, *modes))
    splits = note_drawn_test(config, load_data(config, progress, class_names))
    job = job_of(config, splits, None, [*names])
    result, refusals = _convert_each(job, progress)
    images = seen_images(config, job)
    drafts: dict[str, Draft] = {}
    for name in names:
        if name in refusals:
            continue
        try:
            drafts[name] = complete(draft(result, MODES[name], splits).with_images(images), splits)
        except ConversionError as error:
            refusals[name] = str(error)
    return ModeDrafts(splits=splits, result=result, drafts=drafts, refusals=refusals)


def _row(drafts: ModeDrafts, name: str, progress: Progress) -> ModeRow:
    if name in drafts.refusals:
        return ModeRow(mode=MODES[name], refusal=drafts.refusals[name])
    mode_draft = drafts.drafts[name]
    runtimes = runtimes_that_run(mode_draft.trials)
    measured, refusal = None, ""
    if runtimes:
        measured = measure(
            mode_draft.model, drafts.splits.test, progress, label=f"testing {name}", runtime=runtimes[0].name
        )
    else:
        reasons = dict.fromkeys(trial.reason for trial in mode_draft.trials)
        refusal = f"{_NOTHING_RUNS_IT}: {'; '.join(reasons)}"
    return ModeRow(
        mode=mode_draft.mode,
        measured=measured,
        trials=mode_draft.trials,
        readiness=mode_draft.readiness,
        refusal=refusal,
    )


def _convert_each(job: Job, progress: Progress) -> tuple[JobResult, dict[str, str]]:
    """Does `job` without the modes that crash TensorFlow; returns also what those crashes mean, by mode."""
    crashes: dict[str, str] = {}
    while True:
        stages = ["starting"]

        def watch(stage: str, done: int, total: int, stages: list[str] = stages) -> None:
            stages.append(stage)
            progress(stage, done, total)

        modes = tuple(name for name in job.modes if name not in crashes)
        try:
            result = run_job(replace(job, modes=modes), watch)
            return result, {**crashes, **result.refusals}
        except ConversionError as error:
            blamed = stages[-1].removeprefix("converting to ")
            if blamed not in modes:
                raise
            crashes[blamed] = str(error)
