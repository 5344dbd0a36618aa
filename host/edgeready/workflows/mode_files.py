"""One trained model as a file in each of several modes, or the sentence that says why a mode has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeready.config.build import BuildConfig
from edgeready.config.modes import mode_named
from edgeready.dataset import Splits
from edgeready.errors import ConversionError
from edgeready.jobs.job import Job, Made, Progress
from edgeready.jobs.run import run_job
from edgeready.workflows.draft import Draft, make_draft
from edgeready.workflows.prepare import job_of, load_data, manifest_of


@dataclass(frozen=True)
class ModeFiles:
    """What came of each mode that was asked for: a Draft in `drafts`, or a sentence in `refusals`."""

    splits: Splits = field(repr=False)
    made: Made
    drafts: dict[str, Draft]
    refusals: dict[str, str]


def make_modes(config: BuildConfig, modes: Sequence[str], folder: Path, progress: Progress) -> ModeFiles:
    """The trained model `config.model` in each of `modes`, in `folder` as MODE.tflite; float32 is always among them.

    A mode that fails, or crashes the converter, does not keep the others from being made. Raises what `convert`
    raises when the model or the data cannot be used at all.
    """
    names = dict.fromkeys(mode_named(name).name for name in ("float32", *modes))
    splits = load_data(config, progress)
    made, refusals = _made(job_of(config, splits, None, [*names]), progress)
    drafts: dict[str, Draft] = {}
    for name in names:
        if name in refusals:
            continue
        try:
            manifest = manifest_of(config, splits, made, name)
            drafts[name] = make_draft(made, name, manifest, splits, folder / f"{name}.tflite")
        except ConversionError as error:
            refusals[name] = str(error)
    return ModeFiles(splits, made, drafts, refusals)


def _made(job: Job, progress: Progress) -> tuple[Made, dict[str, str]]:
    """What TensorFlow makes of `job`, without the modes that crash it, and what those crashes mean."""
    crashed: dict[str, str] = {}
    while True:
        stages = ["starting"]

        def watch(stage: str, done: int, total: int, stages: list[str] = stages) -> None:
            stages.append(stage)
            progress(stage, done, total)

        modes = tuple(name for name in job.modes if name not in crashed)
        try:
            made = run_job(replace(job, modes=modes), watch)
            return made, {**crashed, **made.refusals}
        except ConversionError as error:
            blamed = stages[-1].removeprefix("converting to ")
            if blamed not in modes:
                raise
            crashed[blamed] = str(error)
