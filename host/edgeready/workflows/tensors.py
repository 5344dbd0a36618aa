"""Converts a model that is no image classifier: any inputs and outputs, no labels, a plain .tflite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeready.config.build import BuildConfig
from edgeready.config.modes import Mode
from edgeready.dataset.tensors import Arrays, TensorData, load_tensors
from edgeready.errors import UsageError
from edgeready.files.atomic import write_files
from edgeready.jobs.job import Job, Progress
from edgeready.jobs.run import run_job
from edgeready.proof.fidelity import Fidelity, measure_fidelity
from edgeready.proof.runtimes import Loadable, runtimes_that_run
from edgeready.readiness import ReadinessReport
from edgeready.workflows.draft import flatbuffer_of_mode, readiness_of, tried_file


@dataclass(frozen=True)
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
    tried: tuple[Loadable, ...]
    fidelity: tuple[Fidelity, ...]
    mended: tuple[str, ...] = ()
    proposed: tuple[str, ...] = ()


def convert_tensors(config: BuildConfig, progress: Progress) -> TensorResult:
    """Makes the .tflite of `config.model`, calibrated and measured on the arrays of `config.data.source`.

    The file is the flatbuffer alone: labels, manifest and golden vectors are a classifier's. Raises what `convert`
    raises.
    """
    if config.normalization is not None:
        raise UsageError("--mean and --std are for pixels, and the arrays hold what the model takes: leave them out")
    if config.max_drop is not None:
        raise UsageError("--max-drop counts answers, and the data have no labels: leave it out")
    progress("reading data", 0, 0)
    data = load_tensors(Path(config.data.source), config.data.seed)
    made = run_job(_job(config, data), progress)
    mode = config.chosen_mode
    flatbuffer = flatbuffer_of_mode(made, mode)
    readiness = readiness_of(flatbuffer, config.out, mapped=config.for_edgetpu)
    tried = tried_file(flatbuffer, mode.name)
    usable = runtimes_that_run(tried)
    progress("testing", 0, 0)
    fidelity = measure_fidelity(made.float32, flatbuffer, data.test, usable[0]) if usable else ()
    write_files(
        {path: each for path, each in {config.float_out: made.float32, config.out: flatbuffer}.items() if path}
    )
    return TensorResult(
        config.out,
        config.float_out,
        mode,
        _rows(data.calibration),
        _rows(data.test),
        len(flatbuffer),
        len(made.float32),
        readiness,
        tried,
        fidelity,
        made.mended,
        made.proposed,
    )


def _rows(arrays: Arrays) -> int:
    return len(next(iter(arrays.values())))


def _job(config: BuildConfig, data: TensorData) -> Job:
    none = np.zeros((0, 1, 1), np.uint8)
    return Job(
        config.model,
        0,
        none,
        np.zeros(0, np.int64),
        none,
        fix=config.fix,
        modes=(config.chosen_mode.name,),
        method=config.method,
        source=config.source,
        arrays=data.calibration,
    )
