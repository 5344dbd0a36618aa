"""Makes what a job asks for, without TensorFlow: reads a float32 model, then writes it in every mode."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from edgeready.config.engine import ENGINE_NAMES, LITERT
from edgeready.config.modes import MODES, Mode
from edgeready.engine.litert import LiteRtQuantizer, versions
from edgeready.engine.quantizer import make_integer
from edgeready.engine.sources import load_float_source
from edgeready.errors import ConversionError, EdgereadyError, ModelSourceError
from edgeready.jobs.converter_log import refusal, starved
from edgeready.jobs.job import UNIT, Job, JobResult
from edgeready.jobs.run import READING_LIMIT_S
from edgeready.proof.conformance import check_convertible, prove
from edgeready.quantization.conventions import Convention, ConventionReport, settle_convention
from edgeready.quantization.inputs import check_classifier_graph, image_samples, tensor_samples
from edgeready.quantization.representative import check_samples
from edgeready.quantization.samples import Samples
from edgeready.quantization.source_check import hold_against_source
from edgeready_device.model_file.ends import scores_of
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.normalization import PRESETS, Normalization
from edgeready_device.progress import Progress
from edgeready_device.tflite.graph import Graph, read_graph
from edgeready_device.tflite.structure.node import Fault
from edgeready_device.tflite.structure.tensors import check_memory


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Writes a float32 model in other modes: `write` returns the flatbuffer of a mode, made by `engine`.

    `read_log` returns what the process has printed so far, which says why a converter refused.
    """

    engine: str
    write: Callable[[Mode], bytes]
    read_log: Callable[[], str]

    def write_modes(
        self, float32: TfliteModel, modes: tuple[str, ...], progress: Progress
    ) -> tuple[Mapping[str, TfliteModel], Mapping[str, str]]:
        """Returns the model of each of `modes` that can be written, float32 among them, and why others cannot."""
        models, refusals = {"float32": float32}, {}
        for name in modes:
            if name == "float32":
                continue
            progress(f"converting to {name}", 0, 0)
            try:
                check_convertible(float32.graph, MODES[name])
                models[name] = TfliteModel(self.write(MODES[name]), trusted=True)
            except EdgereadyError as error:
                refusals[name] = str(error)
            except Exception as error:  # whatever the converter raises is a refusal of this mode
                traceback.print_exc()
                if starved(self.read_log()):
                    raise
                log = f"{self.read_log()}\n{error}"
                refusals[name] = str(refusal(1, log, name, engine=ENGINE_NAMES[self.engine]))
        return models, refusals


def make(job: Job, read_log: Callable[[], str], progress: Progress) -> JobResult:
    """Does `job`; `read_log` returns what the quantizer has printed so far.

    A mode that the quantizer refuses is in the result's `refusals`; EdgereadyErrors of the model itself are raised.
    """
    quantizer = LiteRtQuantizer()
    progress("reading the model", 0, 0)
    with time_limit(READING_LIMIT_S):
        frame = None if job.arrays is not None else job.images.shape[1:]
        source = load_float_source(job.model, job.source, frame, fix=job.network.fix)
    progress("converting", 0, 0)
    float32 = TfliteModel(source.float32, trusted=True)
    check_size(job.model, float32.graph)
    color = job.network.color_order or source.color or "rgb"
    pixels, report = settle_pixels(
        job, float32, job.normalization or source.normalization or UNIT, color, progress=progress
    )
    samples = calibration_samples(job, float32.graph, pixels)
    check = None
    if source.reference is not None:
        check = hold_against_source(float32, samples, source.reference, source.reference_runtime)

    def write(mode: Mode) -> bytes:
        check_calibrated(mode)
        data = make_integer(quantizer, float32.flatbuffer, mode.name, samples, job.method)
        prove(read_graph(data), mode)
        return data

    writer = Writer(engine=LITERT, write=write, read_log=read_log)
    models, refusals = writer.write_modes(float32, job.modes, progress)
    return JobResult(
        name=source.name,
        normalization=pixels.normalization,
        scores=scores_of(float32.graph),
        models=models,
        versions={**versions(), **dict(source.versions)},
        refusals=refusals,
        rewrites=source.rewrites,
        source_check=check,
        engines=dict.fromkeys(models, LITERT),
        color=pixels.color,
        convention=report,
    )


def check_calibrated(mode: Mode) -> None:
    """Raises ConversionError for a `mode` that is not made from a float32 flatbuffer and samples."""
    if not mode.calibrated:
        raise ConversionError(
            f"a float32 .tflite cannot be written as {mode.name}: convert the model that it was made from"
        )


def check_size(name: str, graph: Graph) -> None:
    """Raises ModelSourceError for a network that no device may run: calibration would."""
    try:
        check_memory(graph)
    except Fault as fault:
        raise ModelSourceError(f"{name}: as float32 .tflite, {fault}: use a smaller input") from fault


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Ends this process by SIGALRM, which native code cannot put off, when its block takes longer."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def settle_pixels(
    job: Job, float32: TfliteModel, normalization: Normalization, color: str, *, progress: Progress
) -> tuple[Convention, ConventionReport | None]:
    """Returns the convention that labelled images of `job` show, and how it was found out.

    Where nothing is to be tried, it is `normalization` and `color`, and there is no report.
    """
    name = next((key for key, preset in PRESETS.items() if preset.normalization == normalization), "stated")
    assumed = Convention(name=job.network.preset or name, normalization=normalization, color=color)
    if job.train is not None or job.arrays is not None or job.settled:
        return assumed, None
    check_classifier_graph(float32.graph, job.model, job.images.shape[1:], classes=job.classes)
    progress("trying how pixels go in", 0, 0)
    stated = job.normalization is not None
    return settle_convention(float32, job.images, job.labels, assumed, stated=stated, color=job.network.color_order)


def calibration_samples(job: Job, graph: Graph, pixels: Convention) -> Samples:
    """Returns the calibration inputs of `job` as `graph` takes them.

    Raises ModelSourceError or DatasetError where the two do not fit, or a mode needs ranges and the inputs show none.
    """
    if job.arrays is None:
        check_classifier_graph(graph, job.model, job.images.shape[1:], classes=job.classes)
        samples = image_samples(graph, job.calibration, pixels.normalization, pixels.color)
    else:
        samples = tensor_samples(graph, job.arrays, "the data")
    if any(MODES[name].calibrated for name in job.modes):
        check_samples(samples)
    return samples
