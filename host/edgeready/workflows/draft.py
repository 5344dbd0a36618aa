"""One mode's model, proved and put together, before anything is measured with it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.config.modes import Mode
from edgeready.dataset import Splits, alternate_classes
from edgeready.errors import ConversionError
from edgeready.jobs.job import JobResult
from edgeready.model_file.golden import record_golden
from edgeready.model_file.writer import add_metadata, pack
from edgeready.proof.conformance import check_sound, prove
from edgeready.proof.runtimes import RuntimeTrial, runtimes_that_run, try_runtimes
from edgeready.readiness import ReadinessReport, check_graph
from edgeready.workflows.prepare import manifest_of
from edgeready_device import __version__
from edgeready_device.model_file.golden import GoldenVectors
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.model_file.seen_images import SeenImages


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A model that holds what its mode promises, with labels and manifest, and what was found out about it.

    `origin` is the float32 model whose ranges it has. `trials` says which runtimes run it: none before `complete`.
    """

    mode: Mode
    model: TfliteModel = field(repr=False)
    origin: TfliteModel = field(repr=False)
    readiness: ReadinessReport
    trials: tuple[RuntimeTrial, ...] = ()
    golden: GoldenVectors | None = field(default=None, repr=False)

    @property
    def runs(self) -> bool:
        """Whether any runtime that is installed here runs it."""
        return any(trial.runs for trial in self.trials)

    def with_images(self, images: SeenImages | None) -> Draft:
        """The same draft, whose file will hold the hashes of the `images` that it has seen."""
        return replace(self, model=self.model.replace(seen_bin=None if images is None else images.to_bytes()))

    def to_bytes(self, provenance: dict[str, Any]) -> bytes:
        """The bytes of its file, read back to check them; raises ModelFileError when they cannot be read."""
        return file_bytes(self.model, provenance, self.golden)


def draft(
    result: JobResult, mode: Mode, splits: Splits, *, mapped: bool = False, origin: TfliteModel | None = None
) -> Draft:
    """The Draft of `result` in `mode`, with the labels of `splits`; `origin` None: the float32 model of `result`.

    Raises ConversionError when the converter refused the mode, when the model is not what the mode promises, or,
    with `mapped`, when an op would stay on the CPU.
    """
    model = conforming_model(result, mode)
    model = model.replace(manifest=manifest_of(result, splits), labels=splits.train.classes)
    readiness = readiness_of(model, model.path, mapped=mapped)
    return Draft(mode=mode, model=model, origin=origin or result.float32, readiness=readiness)


def complete(draft: Draft, splits: Splits, vectors: int | None = None) -> Draft:
    """`draft` as it will be written: tried on each runtime, with its metadata and `vectors` golden vectors.

    Raises ConversionError when a runtime crashes on it.
    """
    trials = try_on_runtimes(draft.model, draft.mode)
    runtimes = runtimes_that_run(trials)
    recorded = draft.mode.ends != "float32" and bool(runtimes)
    model = add_metadata(draft.model, __version__, golden=recorded)
    golden = record_golden(model, _golden_frames(splits), runtimes, vectors) if recorded else None
    return replace(draft, model=model, trials=trials, golden=golden)


def baseline_model(result: JobResult, splits: Splits) -> TfliteModel:
    """The float32 model of `result` as it is written and measured: with its metadata, without golden vectors."""
    model = result.float32.replace(manifest=manifest_of(result, splits), labels=splits.train.classes)
    return add_metadata(model, __version__, golden=False)


def file_bytes(model: TfliteModel, provenance: dict[str, Any], golden: GoldenVectors | None = None) -> bytes:
    """The bytes of the file of `model` with `provenance` in its manifest, read back to check them.

    Raises ModelFileError when they cannot be read.
    """
    if model.manifest is None:
        raise ValueError("a model without a manifest has no file")
    data = pack(model.replace(manifest=replace(model.manifest, provenance=provenance)), golden)
    TfliteModel.from_bytes(data, model.path, parsed=model)
    return data


def conforming_model(result: JobResult, mode: Mode) -> TfliteModel:
    """The model of `result` in `mode`; raises ConversionError for none, or one that is not what `mode` promises."""
    if mode.name not in result.models:
        raise ConversionError(result.refusals.get(mode.name, f"the mode {mode.name} was not asked for"))
    check_sound(result.models[mode.name], f"{mode.name} file")
    prove(result.models[mode.name].graph, mode)
    return result.models[mode.name]


def readiness_of(model: TfliteModel, path: Path, *, mapped: bool) -> ReadinessReport:
    """What the Edge TPU does with `model`; raises ConversionError where `mapped` asks for more than that.

    Uncertain ops are accepted.
    """
    readiness = check_graph(model.graph, file=str(path))
    if mapped and readiness.blockers:
        raise _not_ready(readiness)
    return readiness


def try_on_runtimes(model: TfliteModel, mode: Mode) -> tuple[RuntimeTrial, ...]:
    """Which runtimes run `model`, written in `mode`; raises ConversionError when one crashes on it, or none runs it.

    Files with custom ops are for a runtime of the user's own, which is not here.
    """
    trials = try_runtimes(model)
    if trials and not runtimes_that_run(trials) and not any(op.custom_code for op in model.graph.ops):
        reasons = dict.fromkeys(trial.reason for trial in trials)
        raise ConversionError(
            f"no runtime here runs the {mode.name} file, and it is not written: {'; '.join(reasons)}; replace the "
            "layer, or take another --mode (edgeready modes tries them all)"
        )
    for trial in trials:
        if trial.reference_crash:
            raise ConversionError(
                f"the {mode.name} file ends the reference kernels of {trial.runtime}: {trial.reference_crash}; "
                "the ranges of a network whose activations vanish do this: train it, or give calibration data that "
                "moves it"
            )
    return trials


def _golden_frames(splits: Splits) -> NDArray[np.uint8]:
    """Calibration images in an order that shows every class early."""
    return np.asarray(splits.calibration.images[alternate_classes(splits.calibration.labels)], np.uint8)


def _not_ready(readiness: ReadinessReport) -> ConversionError:
    first = readiness.blockers[0]
    more = f" (and {len(readiness.blockers) - 1} more)" if len(readiness.blockers) > 1 else ""
    mapped = f"the Edge TPU would map {readiness.mapped} of {len(readiness.ops)} ops"
    return ConversionError(f"{mapped}: {first.detail}{more}; {first.remedy}; or accept it with --allow-cpu-ops")
