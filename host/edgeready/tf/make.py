"""Makes what a job asks for: trains or loads the network, then writes it in every mode."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeready.config.modes import MODES, Mode
from edgeready.errors import ConversionError, EdgereadyError
from edgeready.jobs.converter_log import refusal, starved
from edgeready.jobs.job import Job, Made, Progress
from edgeready.proof.conformance import check_convertible
from edgeready.quantization.inputs import check_classifier_graph, image_feeds, tensor_feeds
from edgeready.quantization.representative import check_feeds
from edgeready.quantization.samples import Feeds
from edgeready.tf import convert, models, quantize, train
from edgeready.tf import rewrite as mend
from edgeready.tf.architectures import UNIT
from edgeready.tf.models import NamedModel
from edgeready.tf.sources import Network
from edgeready_device.model_file.contract import scores_of
from edgeready_device.tflite.graph import Graph, read_graph

Log = Callable[[], str]


@dataclass(frozen=True)
class _Loaded:
    """A network ready to be converted: frozen, or already a float32 .tflite."""

    network: Network
    keras: bytes = field(default=b"", repr=False)
    scores: str = ""
    losses: tuple[float, ...] = ()
    mended: tuple[str, ...] = ()
    proposed: tuple[str, ...] = ()
    normalization: Any = None


def make(job: Job, log: Log, progress: Progress) -> Made:
    """What `job` asks for; `log` gives what the converter has printed so far.

    A mode that the converter refuses is told in the result; EdgereadyErrors of the network itself are raised.
    """
    loaded = _load(job, progress)
    network = loaded.network
    progress("converting", 0, 0)
    float32 = network.float32 or convert.to_float32(network.function, job.source)
    graph = read_graph(float32)
    feeds = _feeds(job, graph, loaded)
    files, refusals = {"float32": float32}, {}
    for name in job.modes:
        if name == "float32":
            continue
        progress(f"converting to {name}", 0, 0)
        try:
            check_convertible(graph, MODES[name])
            files[name] = _convert(MODES[name], network, float32, feeds, job)
        except EdgereadyError as error:
            refusals[name] = str(error)
        except Exception as error:  # whatever the converter raises is a refusal of this mode
            traceback.print_exc()
            if starved(log()):
                raise
            refusals[name] = str(refusal(1, f"{log()}\n{error}", name))
    return Made(
        network.name,
        loaded.normalization,
        loaded.scores or scores_of(graph),
        loaded.losses,
        {**models.versions(), **dict(network.versions)},
        files,
        loaded.keras,
        loaded.mended,
        loaded.proposed,
        refusals,
    )


def _feeds(job: Job, graph: Graph, loaded: _Loaded) -> Feeds:
    if job.arrays is None:
        check_classifier_graph(graph, job.model, job.images.shape[1:], job.classes)
        feeds = image_feeds(graph, job.calibration, loaded.normalization)
    else:
        feeds = tensor_feeds(graph, job.arrays, "the data")
    if any(MODES[name].calibrated for name in job.modes):
        check_feeds(feeds)
    return feeds


def _load(job: Job, progress: Progress) -> _Loaded:
    frame = job.images.shape[1:]
    losses: tuple[float, ...] = ()
    if job.train is not None:
        train.seed_everything(job.train.seed)
        named = models.make_model(job.model, frame, job.classes, weights=job.weights, normalization=job.normalization)
        progress("training", 0, 0)  # so that a crash in the first step is told as one
        losses = train.train(named, job.images, job.labels, job.train, progress)
    else:
        progress("reading the model", 0, 0)
        found = models.load_model(
            job.model, frame if job.arrays is None else None, job.classes, job.normalization, job.source
        )
        if isinstance(found, Network):
            if job.method.qat is not None:
                raise ConversionError(f"{job.model} cannot be trained: give --qat the Keras model behind it")
            return _Loaded(found, normalization=job.normalization or UNIT)
        named = found
    named = _trained_for_integers(named, job, progress)
    progress("converting", 0, 0)
    mended = mend.mend_on(named.model, _samples(named, job)) if job.fix else mend.Mended(named.model)
    return _Loaded(
        Network(named.name, convert.freeze(mended.model)),
        models.to_keras_file(named.model) if job.train is not None else b"",
        models.output_kind(named.model) if job.arrays is None else "",
        losses,
        mended.rewritten,
        mended.proposed,
        named.normalization,
    )


def _trained_for_integers(named: NamedModel, job: Job, progress: Progress) -> NamedModel:
    if job.method.qat is None:
        return named
    if job.arrays is not None:
        raise ConversionError(f"{job.model} is no image classifier, and --qat trains with the classes of images")
    from edgeready.tf import qat  # noqa: PLC0415  (only where it is asked for)

    frames, calibration = (train.fitting_frames(named.model, array) for array in (job.images, job.calibration))
    tuned: NamedModel = qat.fine_tune(named, frames, job.labels, calibration, job.method.qat, progress)
    return tuned


def _samples(named: NamedModel, job: Job) -> list[list[Any]]:
    """The first calibration inputs as the Keras model takes them."""
    if job.arrays is None:
        frames = train.fitting_frames(named.model, job.calibration[: mend.FRAMES])
        return list(Feeds((np.asarray(frames),), named.normalization)())
    if len(job.arrays) != len(named.model.inputs):
        return []  # said with both lists of names once the float32 model is there
    keys = [tensor.name for tensor in named.model.inputs]
    names = keys if set(keys) == set(job.arrays) else list(job.arrays)
    return list(Feeds(tuple(job.arrays[name][: mend.FRAMES] for name in names))())


def _convert(mode: Mode, network: Network, float32: bytes, feeds: Feeds, job: Job) -> bytes:
    if not mode.calibrated and network.function is None:
        raise ConversionError(
            f"a float32 .tflite cannot be written as {mode.name}: convert the model that it was made from"
        )
    if mode.name == "dynamic":
        return convert.to_dynamic(network.function, job.source)
    if mode.name == "float16":
        return convert.to_float16(network.function, job.source)
    if mode.name == "int16x8":
        return quantize.quantize_16x8(float32, feeds)
    return quantize.to_integer(quantize.observe(float32, feeds, job.method), feeds, job.method, mode.ends)
