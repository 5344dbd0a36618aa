"""Makes what a job asks for: trains or loads the network, then writes it in every mode."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from edgeready.config.modes import MODES, Mode
from edgeready.errors import ConversionError, EdgereadyError, ModelSourceError
from edgeready.jobs.converter_log import refusal, starved
from edgeready.jobs.job import Job, JobResult
from edgeready.jobs.run import READING_LIMIT_S
from edgeready.proof.conformance import check_convertible
from edgeready.quantization.conventions import Convention, ConventionReport, settle_convention
from edgeready.quantization.inputs import check_classifier_graph, image_samples, in_color_order, tensor_samples
from edgeready.quantization.representative import check_samples
from edgeready.quantization.samples import Samples
from edgeready.tf import convert, quantize, rewrite, train
from edgeready.tf import models as tf_models
from edgeready.tf.architectures import UNIT
from edgeready.tf.models import NamedModel
from edgeready.tf.sources import Network
from edgeready_device.model_file.ends import scores_of
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.normalization import PRESETS, Normalization
from edgeready_device.progress import Progress
from edgeready_device.tflite.graph import Graph
from edgeready_device.tflite.structure.node import Fault
from edgeready_device.tflite.structure.tensors import check_memory


@dataclass(frozen=True, kw_only=True)
class _Source:
    """A trained network, a Keras model or one from another source, and how pixels go into it."""

    model: NamedModel | Network
    normalization: Normalization
    color: str = "rgb"
    losses: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _FloatNetwork:
    """A network as a float32 .tflite, and what it was made from: a frozen function, unless it was one before."""

    network: Network
    float32: TfliteModel
    keras: bytes = field(default=b"", repr=False)
    rewrites: tuple[str, ...] = ()
    proposals: tuple[str, ...] = ()


def make(job: Job, read_log: Callable[[], str], progress: Progress) -> JobResult:
    """Does `job`; `read_log` returns what the converter has printed so far.

    A mode that the converter refuses is in the result's `refusals`; EdgereadyErrors of the network itself are raised.
    """
    source, converted, report = _load(job, progress), None, None
    if job.train is None and job.arrays is None and not job.settled:
        converted = _to_float32(source, job, progress)
        source, report = _settle(source, converted.float32, job, progress)
    job = replace(
        job,
        images=in_color_order(job.images, source.color),
        calibration=in_color_order(job.calibration, source.color),
    )
    if converted is None or job.method.qat is not None:
        source = _fine_tune(source, job, progress)
        converted = _to_float32(source, job, progress)
    samples = _calibration_samples(job, converted.float32.graph, source.normalization)
    models, refusals = _convert_each(job, converted, samples, read_log, progress=progress)
    network = converted.network
    return JobResult(
        name=network.name,
        normalization=source.normalization,
        scores=scores_of(converted.float32.graph),
        models=models,
        losses=source.losses,
        versions={**tf_models.versions(), **dict(network.versions)},
        keras=converted.keras,
        rewrites=converted.rewrites,
        proposals=converted.proposals,
        refusals=refusals,
        color=source.color,
        convention=report,
    )


def _convert_each(
    job: Job, converted: _FloatNetwork, samples: Samples, read_log: Callable[[], str], *, progress: Progress
) -> tuple[dict[str, TfliteModel], dict[str, str]]:
    """Returns the model of each mode of `job`, float32 among them, and why there is none of the others."""
    float32 = converted.float32
    models, refusals = {"float32": float32}, {}
    for name in job.modes:
        if name == "float32":
            continue
        progress(f"converting to {name}", 0, 0)
        try:
            check_convertible(float32.graph, MODES[name])
            flatbuffer = _convert(MODES[name], converted.network, float32.flatbuffer, samples, job)
            models[name] = TfliteModel(flatbuffer, trusted=True)
        except EdgereadyError as error:
            refusals[name] = str(error)
        except Exception as error:  # whatever the converter raises is a refusal of this mode
            traceback.print_exc()
            if starved(read_log()):
                raise
            refusals[name] = str(refusal(1, f"{read_log()}\n{error}", name))
    return models, refusals


def _settle(source: _Source, float32: TfliteModel, job: Job, progress: Progress) -> tuple[_Source, ConventionReport]:
    """Returns `source` with the convention that labelled images show, and how it was found out."""
    check_classifier_graph(float32.graph, job.model, job.images.shape[1:], classes=job.classes)
    progress("trying how pixels go in", 0, 0)
    stated = job.normalization is not None
    name = next((key for key, preset in PRESETS.items() if preset.normalization == source.normalization), "stated")
    assumed = Convention(name=job.network.preset or name, normalization=source.normalization, color=source.color)
    convention, report = settle_convention(
        float32, job.images, job.labels, assumed, stated=stated, color=job.network.color_order
    )
    return replace(source, normalization=convention.normalization, color=convention.color), report


def _check_size(name: str, graph: Graph) -> None:
    """Raises ModelSourceError for a network that no device may run: calibration would."""
    try:
        check_memory(graph)
    except Fault as fault:
        raise ModelSourceError(f"{name}: as float32 .tflite, {fault}: use a smaller input") from fault


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Ends this process by SIGALRM, which native code cannot put off, when its block takes longer."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _calibration_samples(job: Job, graph: Graph, normalization: Normalization) -> Samples:
    if job.arrays is None:
        check_classifier_graph(graph, job.model, job.images.shape[1:], classes=job.classes)
        samples = image_samples(graph, job.calibration, normalization)
    else:
        samples = tensor_samples(graph, job.arrays, "the data")
    if any(MODES[name].calibrated for name in job.modes):
        check_samples(samples)
    return samples


def _load(job: Job, progress: Progress) -> _Source:
    frame, color = job.images.shape[1:], job.network.color_order or "rgb"
    if job.train is not None:
        train.seed_everything(job.train.seed)
        named = tf_models.make_model(
            job.model, frame, job.classes, weights=job.network.weights, normalization=job.normalization
        )
        progress("training", 0, 0)  # so that a crash in the first step is said to be one of the training
        images = in_color_order(job.images, color)
        losses = train.train(named, images, job.labels, job.train, progress=progress)
        return _Source(model=named, normalization=named.normalization, color=color, losses=losses)
    progress("reading the model", 0, 0)
    with _time_limit(READING_LIMIT_S) if job.foreign else nullcontext():
        model = tf_models.load_model(
            job.model,
            None if job.arrays is not None else frame,
            job.classes,
            normalization=job.normalization,
            settings=job.source,
        )
    if isinstance(model, Network):
        normalization = job.normalization or model.normalization or UNIT
        return _Source(
            model=model, normalization=normalization, color=job.network.color_order or model.color or "rgb"
        )
    return _Source(model=model, normalization=model.normalization, color=color)


def _to_float32(source: _Source, job: Job, progress: Progress) -> _FloatNetwork:
    """Returns the network of `source` as a float32 .tflite, a Keras model with its layers rewritten."""
    network, keras, rewritten = source.model, b"", None
    if isinstance(network, NamedModel):
        progress("converting", 0, 0)
        rewritten = rewrite.RewrittenModel(model=network.model)
        if job.network.fix:
            rewritten = rewrite.rewrite(network.model, _keras_samples(network, job))
        keras = tf_models.to_keras_file(network.model) if job.train is not None else b""
        network = Network(name=network.name, function=convert.freeze(rewritten.model))
    progress("converting", 0, 0)
    float32 = TfliteModel(network.float32 or convert.to_float32(network.function, job.source), trusted=True)
    _check_size(job.model, float32.graph)
    return _FloatNetwork(
        network=network,
        float32=float32,
        keras=keras,
        rewrites=rewritten.rewrites if rewritten else (),
        proposals=rewritten.proposals if rewritten else (),
    )


def _fine_tune(source: _Source, job: Job, progress: Progress) -> _Source:
    if job.method.qat is None:
        return source
    if isinstance(source.model, Network):
        raise ConversionError(f"{job.model} cannot be trained: give --qat the Keras model behind it")
    if job.arrays is not None:
        raise ConversionError(f"{job.model} is no image classifier, and --qat trains with the classes of images")
    from edgeready.tf import qat  # noqa: PLC0415  (only for --qat)

    named = replace(source.model, normalization=source.normalization)
    frames, calibration = (train.match_rank(named.model, array) for array in (job.images, job.calibration))
    tuned = qat.fine_tune(named, frames, job.labels, calibration, config=job.method.qat, progress=progress)
    return replace(source, model=tuned)


def _keras_samples(named: NamedModel, job: Job) -> list[list[Any]]:
    """The first calibration inputs as the Keras model takes them."""
    if job.arrays is None:
        frames = train.match_rank(named.model, job.calibration[: rewrite.FRAMES])
        return list(Samples((np.asarray(frames),), named.normalization)())
    if len(job.arrays) != len(named.model.inputs):
        return []  # said with both lists of names once the float32 model is there
    keys = [tensor.name for tensor in named.model.inputs]
    names = keys if set(keys) == set(job.arrays) else list(job.arrays)
    return list(Samples(tuple(job.arrays[name][: rewrite.FRAMES] for name in names))())


def _convert(mode: Mode, network: Network, float32: bytes, samples: Samples, job: Job) -> bytes:
    if not mode.calibrated and network.function is None:
        raise ConversionError(
            f"a float32 .tflite cannot be written as {mode.name}: convert the model that it was made from"
        )
    if mode.name == "dynamic":
        return convert.to_dynamic(network.function, job.source)
    if mode.name == "float16":
        return convert.to_float16(network.function, job.source)
    if mode.name == "int16x8":
        return quantize.quantize_16x8(float32, samples)
    return quantize.to_integer(quantize.observe(float32, samples, job.method), samples, job.method, ends=mode.ends)
