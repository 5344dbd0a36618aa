"""Does a whole job with the engine that suits it."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from edgeready.config.engine import AUTO, ENGINE_NAMES, LITERT, PACKAGES, TENSORFLOW, TRY_LITERT
from edgeready.config.modes import MODES
from edgeready.errors import (
    ConversionError,
    ConverterCrashError,
    EdgereadyError,
    RuntimeUnavailableError,
    UntranslatedError,
)
from edgeready.files.scratch import scratch_folder
from edgeready.jobs.engine_choice import engine_of, reads_flatbuffer
from edgeready.jobs.job import Job, JobResult
from edgeready.jobs.quantize_job import QuantizeJob
from edgeready.jobs.rendezvous import Fellows
from edgeready.jobs.run import name_model, run_in_child, run_quantize_job
from edgeready.jobs.torch_export import export_torch, hold_against_torch, is_torch
from edgeready.quantization.inputs import image_samples, tensor_samples
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.progress import Progress


def run_job(job: Job, progress: Progress, fellows: Fellows | None = None) -> JobResult:
    """Does `job` in child processes, with `fellows` on other machines; see `run_in_child` for what is raised.

    Where the engine is left open, TensorFlow tries what LiteRT refuses, if it is installed, and LiteRT tries what is
    refused with TRY_LITERT. Raises ConversionError for a model that cannot be trained although it is to be.
    """
    if job.method.qat is not None and (reads_flatbuffer(job) or is_torch(job)):
        raise ConversionError(f"{job.model} cannot be trained: give --qat the Keras model behind it")
    if is_torch(job):
        return _run_torch_job(job, progress)
    other = LITERT if engine_of(job) == TENSORFLOW else TENSORFLOW
    if job.engine != AUTO or (other == TENSORFLOW and not tensorflow_installed()):
        return run_in_child(job, JobResult, progress, fellows)
    try:
        result = run_in_child(job, JobResult, progress, fellows)
    except (ConverterCrashError, RuntimeUnavailableError, UntranslatedError):  # a wheel may lack the quantizer
        if other == LITERT:
            raise
        result, other = run_in_child(replace(job, engine=TENSORFLOW), JobResult, progress), LITERT
    if result.own_ranges:
        return result
    for name, reason in result.refusals.items():
        if MODES[name].calibrated and (other == TENSORFLOW or TRY_LITERT in reason):
            result = _retry(job, result, name, other, progress=progress)
    return result


def _run_torch_job(job: Job, progress: Progress) -> JobResult:
    """Does `job`, whose model is PyTorch's, with the ONNX file that it is exported to."""
    with scratch_folder() as folder:
        export = export_torch(job, folder, progress)
        try:
            result = run_job(replace(job, model=str(export.onnx)), progress)
        except EdgereadyError as error:
            raise name_model(error, str(export.onnx), job.model) from error
        check = hold_against_torch(result, export, pictures=job.arrays is None)
    name = job.model.rpartition(":")[2] if ".py:" in job.model else Path(job.model).stem
    # The user's own code, or a file that PyTorch opens, ran with all that the user may do: no protections.
    return replace(
        result,
        name=name,
        source_check=check,
        versions={**result.versions, "torch": export.torch},
        protections=(),
    )


def tensorflow_installed() -> bool:
    """Returns whether TensorFlow is installed; whether it loads, its own process finds out."""
    return find_spec("tensorflow") is not None


def _retry(job: Job, result: JobResult, mode: str, engine: str, *, progress: Progress) -> JobResult:
    """Returns `result` with the model of `mode` that `engine` makes; as it is where that refuses it, too."""
    graph = result.float32.graph
    if job.arrays is None:
        samples = image_samples(graph, job.calibration, result.normalization, result.color)
    else:
        samples = tensor_samples(graph, job.arrays, "the data")
    step = QuantizeJob(model=result.float32.flatbuffer, mode=mode, samples=samples, method=job.method, engine=engine)
    try:
        quantized = run_quantize_job(step, progress)
    except EdgereadyError:
        return result  # with what the first engine said, which names the op
    refusal = result.refusals[mode].partition(": use --engine")[0]
    first = ENGINE_NAMES[TENSORFLOW if engine == LITERT else LITERT]
    reason = f"{ENGINE_NAMES[engine]} made the integers, because {first} gave up: {refusal}"
    return replace(
        result,
        models={**result.models, mode: TfliteModel(quantized.model)},
        refusals={name: text for name, text in result.refusals.items() if name != mode},
        engines={**result.engines, mode: engine},
        engine_reasons={**result.engine_reasons, mode: reason},
        versions={**result.versions, PACKAGES[engine]: version(PACKAGES[engine])},
    )
