"""Converts a model that is no image classifier: any inputs and outputs, no labels, a plain .tflite."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeready.config.build import BuildConfig
from edgeready.config.modes import Mode
from edgeready.dataset.tensors import Arrays, load_tensors
from edgeready.errors import UsageError
from edgeready.files.atomic import write_files
from edgeready.jobs.job import Job
from edgeready.jobs.run_job import run_job
from edgeready.proof.conformance import check_sound
from edgeready.proof.fidelity import Fidelity, check_fidelity, measure_fidelity
from edgeready.proof.runtimes import RuntimeTrial, record_trials, runtimes_that_run
from edgeready.quantization.source_check import SourceCheck
from edgeready.readiness import ReadinessReport
from edgeready.workflows.draft import conforming_model, readiness_of, try_on_runtimes
from edgeready.workflows.model_source import NO_LABELS, open_source
from edgeready_device.progress import Progress, no_progress


@dataclass(frozen=True, kw_only=True)
class TensorResult:
    """One converted model: `fidelity` has an entry per output, none where no installed runtime runs the file."""

    out: Path
    float_out: Path | None
    mode: Mode
    calibration_rows: int
    test_rows: int
    size_bytes: int
    float32_bytes: int
    readiness: ReadinessReport
    trials: tuple[RuntimeTrial, ...]
    fidelity: tuple[Fidelity, ...]
    rewrites: tuple[str, ...] = ()
    proposals: tuple[str, ...] = ()
    protections: tuple[str, ...] = ()
    engine: str = ""
    engine_reason: str = ""
    source_check: SourceCheck | None = None

    def to_dict(self) -> dict[str, Any]:
        """The conversion as plain data; a signal without any error has `snr_db` None."""
        outputs = [asdict(output) for output in self.fidelity]
        for output in outputs:
            output["snr_db"] = output["snr_db"] if math.isfinite(output["snr_db"]) else None
        return {
            "out": str(self.out),
            "float_out": None if self.float_out is None else str(self.float_out),
            "mode": self.mode.name,
            "engine": self.engine,
            "engine_reason": self.engine_reason,
            "runtimes": [trial.to_dict() for trial in self.trials],
            "calibration_rows": self.calibration_rows,
            "test_rows": self.test_rows,
            "size_bytes": self.size_bytes,
            "float32_bytes": self.float32_bytes,
            "outputs": outputs,
            "protections": list(self.protections),
            "source_check": None if self.source_check is None else self.source_check.to_dict(),
            "rewrites": list(self.rewrites),
            "proposed": list(self.proposals),
            "readiness": self.readiness.to_dict(),
        }


def convert_tensors(config: BuildConfig, progress: Progress = no_progress) -> TensorResult:
    """Makes the .tflite of `config.model`, calibrated and measured on the arrays of `config.data.source`.

    The file is the flatbuffer alone: labels, manifest and golden vectors are a classifier's. Raises what `convert`
    raises.
    """
    _check_options(config)
    with open_source(config) as source:
        return _convert(source, progress)


def _convert(config: BuildConfig, progress: Progress) -> TensorResult:
    output, mode = config.output, config.output.chosen_mode
    progress("reading data", 0, 0)
    data = load_tensors(Path(config.data.source), config.data.seed)
    job = Job(
        model=config.model,
        network=config.network,
        modes=(mode.name,),
        method=config.quantize.method,
        source=config.source,
        engine=config.quantize.engine,
        arrays=data.calibration,
    )
    result = run_job(job, progress)
    check_sound(result.float32, "float32 file")
    model = conforming_model(result, mode)
    readiness = readiness_of(model, output.out, mapped=output.for_edgetpu)
    trials = try_on_runtimes(model, mode)
    runtimes = runtimes_that_run(trials)
    progress("testing", 0, 0)
    fidelity = measure_fidelity(result.float32, model, data.test, runtimes[0]) if runtimes else ()
    check_fidelity(fidelity, mode.name)
    files = {output.float_out: result.float32.flatbuffer, output.out: model.flatbuffer}
    write_files({path: contents for path, contents in files.items() if path})
    record_trials(trials, model.flatbuffer)
    return TensorResult(
        out=output.out,
        float_out=output.float_out,
        mode=mode,
        calibration_rows=_rows(data.calibration),
        test_rows=_rows(data.test),
        size_bytes=len(model.flatbuffer),
        float32_bytes=len(result.float32.flatbuffer),
        readiness=readiness,
        trials=trials,
        fidelity=fidelity,
        protections=result.protections,
        rewrites=result.rewrites,
        source_check=result.source_check,
        proposals=result.proposals,
        engine=result.engines[mode.name],
        engine_reason=result.engine_reasons.get(mode.name, ""),
    )


def _check_options(config: BuildConfig) -> None:
    """Raises UsageError for options that only labelled images give a meaning."""
    if config.network.normalization is not None or config.network.color is not None:
        raise UsageError(
            "--mean, --std, --preset and --color are for pixels, and the arrays hold what the model takes: leave "
            "them out"
        )
    if config.source.labels not in (None, NO_LABELS):
        raise UsageError("--labels names the classes of images, and the data have no labels: leave it out")
    if config.quantize.max_drop is not None:
        raise UsageError("--max-drop counts answers, and the data have no labels: leave it out")


def _rows(arrays: Arrays) -> int:
    return len(next(iter(arrays.values())))
