"""The main job: data, training, conversion, proof, and the one file; calls the stages in order."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeready import __version__
from edgeready.budget.ladder import Trail
from edgeready.config.build import BuildConfig, TrainConfig
from edgeready.config.modes import MODES, Mode
from edgeready.dataset import Splits, hold_out
from edgeready.errors import OutputError
from edgeready.files.atomic import write_files
from edgeready.files.scratch import scratch_folder
from edgeready.jobs.job import Job, Progress
from edgeready.jobs.run import run_job
from edgeready.model_file.writer import package
from edgeready.proof.measure import Comparison, measure
from edgeready.proof.runtimes import Loadable
from edgeready.quantization.calibration import CalibrationReport, inspect_calibration
from edgeready.readiness import ReadinessReport
from edgeready.workflows.budget import Asked, Kept, within_budget
from edgeready.workflows.draft import Draft, make_draft
from edgeready.workflows.prepare import job_of, load_data, manifest_of
from edgeready_device.model_file.manifest import Manifest


@dataclass(frozen=True)
class BuildResult:
    """One finished model file: what it was made from, what was proved and what was measured.

    `comparison` is None where no installed runtime runs the file, as `tried` tells; `calibration` tells of the images
    that gave the ranges, `trail` is the way to the budget, where there are any.
    """

    out: Path
    float_out: Path | None
    splits: Splits = field(repr=False)
    losses: tuple[float, ...]
    readiness: ReadinessReport
    comparison: Comparison | None
    mended: tuple[str, ...] = ()
    proposed: tuple[str, ...] = ()
    mode: Mode = MODES["uint8"]
    tried: tuple[Loadable, ...] = ()
    calibration: CalibrationReport | None = None
    trail: Trail | None = None


def build(config: BuildConfig, progress: Progress | None = None) -> BuildResult:
    """Trains `config.model` on the data and makes the model file; see `_finish` for what is proved and raised."""
    return _run(config, config.train, progress or _silent)


def convert(config: BuildConfig, progress: Progress | None = None) -> BuildResult:
    """Makes the model file from the trained model `config.model` names (.keras, .h5 or FILE.py:FUNCTION)."""
    return _run(config, None, progress or _silent)


def _run(config: BuildConfig, train: TrainConfig | None, report: Progress) -> BuildResult:
    _check_output(config)
    splits = load_data(config, report)
    judges = None
    if config.max_drop is not None:
        rest, judges = hold_out(splits.train, config.data.seed)
        splits = replace(splits, train=rest)
    job = job_of(config, splits, train)
    made = run_job(job, report)
    kept = Kept(made, made.float32)
    if config.max_drop is not None and judges is not None:
        kept = within_budget(Asked(config.max_drop / 100, job, splits, judges, config.for_edgetpu), made, report)
    return _finish(config, splits, kept, _inspected(config, splits, job, kept), report)


def _inspected(config: BuildConfig, splits: Splits, job: Job, kept: Kept) -> CalibrationReport | None:
    made, name = kept.made, config.chosen_mode.name
    if not config.chosen_mode.calibrated or name not in made.files:
        return None
    return inspect_calibration(job.calibration, splits, kept.origin, made.files[name], made.normalization)


def _finish(
    config: BuildConfig, splits: Splits, kept: Kept, calibration: CalibrationReport | None, report: Progress
) -> BuildResult:
    """Proves, measures and writes; nothing is written when something is wrong.

    Raises ConversionError when the file is not what its mode promises, or when an op would stay on the CPU although
    the file is for an Edge TPU and `allow_cpu_ops` is not set.
    """
    name, made = config.chosen_mode.name, kept.made
    found = {"calibration": calibration, "budget": kept.trail}
    manifest = manifest_of(config, splits, made, name)
    known = {key: each.as_dict() for key, each in found.items() if each is not None}
    manifest = replace(manifest, provenance={**manifest.provenance, **known})
    with scratch_folder() as folder:
        draft = make_draft(made, name, manifest, splits, folder / "model.tflite", mapped=config.for_edgetpu)
        twin = folder / "float32.tflite"
        twin.write_bytes(package(made.float32, manifest, draft.labels, __version__))
        comparison = _compare(draft, twin, splits, report) if draft.runs else None
        final = draft.packaged(manifest if comparison is None else _with_accuracy(manifest, comparison, name))
        if comparison is not None:
            comparison = replace(comparison, uint8=replace(comparison.uint8, size_bytes=len(final)))
        files = {config.float_out: twin.read_bytes(), config.keras_out: made.keras, config.out: final}
        write_files({path: data for path, data in files.items() if path is not None})
    return BuildResult(
        config.out,
        config.float_out,
        splits,
        made.losses,
        replace(draft.readiness, file=str(config.out)),
        comparison,
        made.mended,
        made.proposed,
        draft.mode,
        draft.tried,
        calibration,
        kept.trail,
    )


def _compare(draft: Draft, twin: Path, splits: Splits, report: Progress) -> Comparison:
    def tested(name: str) -> Callable[[int, int], None]:
        return lambda done, total: report(f"testing {name}", done, total)

    base = measure(twin, splits.test, tested("float32"))
    if draft.mode.name == "float32":
        return Comparison(base, base)
    return Comparison(base, measure(draft.path, splits.test, tested(draft.mode.name)))


def _with_accuracy(manifest: Manifest, comparison: Comparison, mode: str) -> Manifest:
    shares = {"float32": comparison.float32.accuracy.top1, mode: comparison.uint8.accuracy.top1}
    found = {name: {"top1": share.value, "interval95": list(share.interval)} for name, share in shares.items()}
    return replace(manifest, provenance={**manifest.provenance, "accuracy": found})


def _check_output(config: BuildConfig) -> None:
    """Says before the training, not after it, that the output cannot be written."""
    for path in (config.out, config.float_out, config.keras_out):
        if path is None:
            continue
        try:
            folder = next(parent for parent in path.absolute().parents if parent.exists())
            taken = path.is_dir()
        except OSError as error:  # a name that no file can have
            raise OutputError(f"cannot write {path} ({error.strerror}): choose another --out") from error
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise OutputError(
                f"cannot write {path}: {folder} is no folder that you may write to; choose another --out"
            )
        if taken:
            raise OutputError(f"cannot write {path}: it is a folder; name a file in it with --out")


def _silent(stage: str, done: int, total: int) -> None:
    """Progress for callers who want none."""
