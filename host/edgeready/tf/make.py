"""Makes what a job asks for: trains or loads the network, then writes it in every mode."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edgeready.config.build import TrainConfig
from edgeready.config.engine import LITERT, TENSORFLOW
from edgeready.config.modes import MODES, Mode
from edgeready.engine.litert import LiteRtQuantizer, versions
from edgeready.engine.make import (
    Writer,
    calibration_samples,
    check_calibrated,
    check_size,
    settle_pixels,
    time_limit,
)
from edgeready.engine.quantizer import Quantizer, make_integer
from edgeready.engine.unread_pieces import SLICED, slice_pieces, unread_cuts
from edgeready.errors import ConversionError, ModelSourceError, TrainingError
from edgeready.files.atomic import write_files
from edgeready.jobs.engine_choice import engine_of
from edgeready.jobs.job import UNIT, Job, JobResult, TrainedShare
from edgeready.jobs.run import READING_LIMIT_S
from edgeready.jobs.training import Epoch
from edgeready.proof.conformance import prove
from edgeready.quantization.conventions import Convention
from edgeready.quantization.inputs import in_color_order
from edgeready.quantization.samples import Samples
from edgeready.quantization.source_check import SourceCheck, hold_against_source
from edgeready.tf import (
    checkpoints,
    convert,
    devices,
    distributed,
    distributed_transfer,
    fake_quant,
    rewrite,
    train,
    transfer,
)
from edgeready.tf import models as tf_models
from edgeready.tf.models import NamedModel
from edgeready.tf.quantize import TensorFlowQuantizer
from edgeready.tf.sources import Network
from edgeready_device.model_file.ends import scores_of
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.normalization import Normalization
from edgeready_device.progress import Progress
from edgeready_device.tflite.graph import read_graph

_Fit = Callable[..., tuple[Epoch, ...]]  # trains as tf.train.train does


@dataclass(frozen=True, kw_only=True)
class _Source:
    """A trained network, a Keras model or one from another source, and how pixels go into it."""

    model: NamedModel | Network
    normalization: Normalization
    color: str = "rgb"
    epochs: tuple[Epoch, ...] = ()
    replicas: int = 1
    digest: str = ""
    qat_epoch: int | None = None


@dataclass(frozen=True, kw_only=True)
class _FloatNetwork:
    """A network as a float32 .tflite, and what it was made from: a frozen function, unless it was one before.

    `ranged` is that function with the FakeQuant nodes of a training for 8 bits, which hold the ranges, if there are
    any.
    """

    network: Network
    float32: TfliteModel
    ranged: Any = field(default=None, repr=False)
    keras: bytes = field(default=b"", repr=False)
    rewrites: tuple[str, ...] = ()
    proposals: tuple[str, ...] = ()


def make(job: Job, read_log: Callable[[], str], progress: Progress) -> JobResult:
    """Does `job`; `read_log` returns what the converter has printed so far.

    A mode that the converter refuses is in the result's `refusals`; EdgereadyErrors of the network itself are raised.
    """
    source, converted, report = _load(job, progress), None, None
    if not job.modes:
        return _epochs_alone(source)
    if job.train is None and job.arrays is None and not job.settled:
        converted = _to_float32(source, job, progress)
        pixels, report = settle_pixels(job, converted.float32, source.normalization, source.color, progress=progress)
        source = replace(source, normalization=pixels.normalization, color=pixels.color)
    job = replace(
        job,
        images=in_color_order(job.images, source.color),
        calibration=in_color_order(job.calibration, source.color),
    )
    if converted is None:
        converted = _to_float32(source, job, progress)
    before: Mapping[str, TfliteModel] = {}
    if job.method.qat is not None:
        before = _write_untuned(source, converted, job, read_log, progress=progress)
        source = _fine_tune(source, job, progress)
        converted = _to_float32(source, job, progress)
    samples = _samples(job, converted, source.normalization)
    check = _hold_against_source(converted, samples)
    models, refusals = _writer(job, converted, samples, read_log).write_modes(converted.float32, job.modes, progress)
    engines = {name: engine_of(job) if MODES[name].calibrated else TENSORFLOW for name in models}
    litert = versions() if LITERT in engines.values() else {}
    return JobResult(
        name=converted.network.name,
        normalization=source.normalization,
        scores=scores_of(converted.float32.graph),
        models=models,
        epochs=source.epochs,
        versions={**tf_models.versions(), **litert, **dict(converted.network.versions)},
        keras=converted.keras,
        rewrites=converted.rewrites,
        proposals=converted.proposals,
        refusals=refusals,
        color=source.color,
        convention=report,
        engines=engines,
        own_ranges=converted.ranged is not None,
        before_qat=before,
        qat_epoch=source.qat_epoch,
        source_check=check,
        replicas=source.replicas,
        digest=source.digest,
    )


def _epochs_alone(source: _Source) -> JobResult:
    return JobResult(
        name=source.model.name, normalization=source.normalization, scores="", models={}, epochs=source.epochs
    )


def train_share(job: Job, progress: Progress) -> TrainedShare:
    """Trains the network of `job` with other machines, of which the chief makes the model file."""
    if job.train is None:
        raise ValueError(f"{job.model} is not to be trained")
    source = _make_and_train(job, job.train, job.network.color_order or "rgb", progress)
    return TrainedShare(digest=source.digest, epochs=source.epochs, replicas=source.replicas)


def _write_untuned(
    source: _Source, converted: _FloatNetwork, job: Job, read_log: Callable[[], str], *, progress: Progress
) -> Mapping[str, TfliteModel]:
    """Returns the models of the network as it comes to a training in 8 bits, which is to be better than they are.

    There are none where a job before has them, and none of a network that cannot be trained.
    """
    if job.settled or job.arrays is not None or isinstance(source.model, Network):
        return {}
    samples = _samples(job, converted, source.normalization)
    models, _ = _writer(job, converted, samples, read_log).write_modes(converted.float32, job.modes, progress)
    return models


def _samples(job: Job, converted: _FloatNetwork, normalization: Normalization) -> Samples:
    """Returns the calibration inputs of `job`, whose images are in the network's order of channels."""
    pixels = Convention(name="settled", normalization=normalization)
    return calibration_samples(job, converted.float32.graph, pixels)


def _hold_against_source(converted: _FloatNetwork, samples: Samples) -> SourceCheck | None:
    network = converted.network
    if network.reference is None:
        return None
    return hold_against_source(converted.float32, samples, network.reference, network.reference_runtime)


def _writer(job: Job, converted: _FloatNetwork, samples: Samples, read_log: Callable[[], str]) -> Writer:
    """Returns what writes the network in the modes of `job`."""
    # One of the two: measured, after LiteRT's calibrator has been loaded the process cannot load TensorFlow's.
    quantizer = LiteRtQuantizer() if engine_of(job) == LITERT else TensorFlowQuantizer()

    def write(mode: Mode) -> bytes:
        return _convert(mode, converted, samples, job=job, quantizer=quantizer)

    return Writer(engine=engine_of(job), write=write, read_log=read_log)


def _load(job: Job, progress: Progress) -> _Source:
    frame, color = job.images.shape[1:], job.network.color_order or "rgb"
    if job.train is not None:
        return _make_and_train(job, job.train, color, progress)
    progress("reading the model", 0, 0)
    with time_limit(READING_LIMIT_S) if job.foreign else nullcontext():
        model = tf_models.load_model(
            job.model,
            None if job.arrays is not None else frame,
            job.classes,
            normalization=job.normalization,
            settings=job.source,
            fix=job.network.fix,
        )
    if isinstance(model, Network):
        normalization = job.normalization or model.normalization or UNIT
        return _Source(
            model=model, normalization=normalization, color=job.network.color_order or model.color or "rgb"
        )
    return _Source(model=model, normalization=model.normalization, color=color)


def _make_and_train(job: Job, config: TrainConfig, color: str, progress: Progress) -> _Source:
    """Returns the network of `job` after its training on one device, or on those that it asks for."""
    strategy = None if job.untrained else devices.open_strategy(job.devices, job.group)
    train.seed_everything(config.seed)
    make = partial(
        tf_models.make_model,
        job.model,
        job.images.shape[1:],
        job.classes,
        weights=job.network.weights,
        normalization=job.normalization,
        alpha=job.network.alpha,
    )
    named = make()
    fit: _Fit = train.train if named.backbone is None else transfer.train_head
    if strategy is not None:
        shared = distributed.train if named.backbone is None else distributed_transfer.train_head
        fit = partial(shared, strategy=strategy, make=make)
    epochs = () if job.untrained else _train(named, job, config, color=color, fit=fit, progress=progress)
    return _Source(
        model=named,
        normalization=named.normalization,
        color=color,
        epochs=epochs,
        replicas=1 if strategy is None else strategy.num_replicas_in_sync,
        digest="" if job.group is None else distributed.digest_of(named.model),
    )


def _train(
    named: NamedModel, job: Job, config: TrainConfig, *, color: str, fit: _Fit, progress: Progress
) -> tuple[Epoch, ...]:
    """Trains `named` and keeps it, where `job` says so, before anything is tried with it; returns the epochs."""
    if job.files.keras:
        tf_models.to_keras_file(named.model)  # what cannot be saved is refused before the training
    epochs = checkpoints.read_ended(job.files.checkpoint, named.model)
    if epochs is None:
        epochs = _fit(named, job, config, color=color, fit=fit, progress=progress)
    if job.files.keras:
        write_files({Path(job.files.keras): tf_models.to_keras_file(named.model)})
    return epochs


def _fit(
    named: NamedModel, job: Job, config: TrainConfig, *, color: str, fit: _Fit, progress: Progress
) -> tuple[Epoch, ...]:
    """Trains `named` with `fit` to its end, from where it was before if `job` says so; returns the epochs."""
    checkpoint, started = job.files.checkpoint, time.monotonic()
    progress("training", 0, 0)  # so that a crash in the first step is said to be one of the training
    judges = (in_color_order(job.validation, color), job.validation_labels)
    try:
        epochs = fit(
            named,
            in_color_order(job.images, color),
            job.labels,
            config,
            progress=progress,
            validation=judges if len(job.validation) else None,
            files=job.files,
        )
    except TrainingError:  # it would come to the same from there
        checkpoints.remove(checkpoint)
        raise
    if checkpoint.path and (checkpoint.resume or time.monotonic() - started >= checkpoint.interval_s):
        checkpoints.write_ended(checkpoint, named.model, epochs)
    return epochs


def _to_keras_file(model: Any, job: Job) -> bytes:
    """Returns the bytes of `model` as a .keras file; none where Keras cannot save it and nobody asked for it."""
    try:
        return tf_models.to_keras_file(model)
    except ModelSourceError:
        if job.files.keras:
            raise
        return b""


def _to_float32(source: _Source, job: Job, progress: Progress) -> _FloatNetwork:
    """Returns the network of `source` as a float32 .tflite, a Keras model with its layers rewritten."""
    network, keras, rewritten = source.model, b"", None
    if isinstance(network, NamedModel):
        progress("converting", 0, 0)
        rewritten = rewrite.RewrittenModel(model=network.model)
        if job.network.fix:
            rewritten = rewrite.rewrite(network.model, _keras_samples(network, job))
        keras = _to_keras_file(network.model, job) if job.train is not None else b""
        network = Network(name=network.name, function=convert.freeze(rewritten.model))
    progress("converting", 0, 0)
    network, ranged, note = _split_ranges(network, job)
    data = network.float32 or convert.to_float32(network.function, job.source)
    sliced = slice_pieces(data)
    note = note if sliced is data else (*note, SLICED)
    float32 = TfliteModel(sliced, trusted=True)
    check_size(job.model, float32.graph)
    return _FloatNetwork(
        network=network,
        float32=float32,
        ranged=ranged,
        keras=keras,
        rewrites=(*note, *network.rewrites, *(rewritten.rewrites if rewritten else ())),
        proposals=rewritten.proposals if rewritten else (),
    )


def _split_ranges(network: Network, job: Job) -> tuple[Network, Any, tuple[str, ...]]:
    """Returns `network` in floats, its function with FakeQuant nodes where their ranges can be taken, and a note."""
    if network.function is None or not fake_quant.holds_fake_quant(network.function):
        return network, None, ()
    plain = replace(network, function=fake_quant.without_fake_quant(network.function))
    integer = TfliteModel(fake_quant.to_integer(network.function, job.source, "int8"), trusted=True)
    if cuts := unread_cuts(integer.graph):
        why = f"TensorFlow makes {cuts[0].name} integer by chance only, as nothing reads one of its pieces"
        return plain, None, (f"the FakeQuant nodes are left out and the ranges measured: {why}",)
    if fake_quant.has_symmetric_weights(integer.graph):
        return plain, network.function, ("the ranges of the FakeQuant nodes are taken as they are",)
    note = "the FakeQuant nodes are left out and the ranges measured: weights with an offset have no int8 kernel"
    return plain, None, (note,)


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
    tuned = qat.fine_tune(
        named,
        frames,
        job.labels,
        calibration,
        config=job.method.qat,
        calibration_labels=job.calibration_labels if len(job.calibration_labels) else None,
        progress=progress,
    )
    return replace(source, model=tuned.named, qat_epoch=tuned.epoch)


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


def _convert(mode: Mode, converted: _FloatNetwork, samples: Samples, *, job: Job, quantizer: Quantizer) -> bytes:
    network, float32 = converted.network, converted.float32.flatbuffer
    if network.function is None:
        check_calibrated(mode)
    if mode.name == "dynamic":
        return convert.to_dynamic(network.function, job.source)
    if mode.name == "float16":
        return convert.to_float16(network.function, job.source)
    if converted.ranged is not None:
        if mode.name == "int16x8":
            raise ConversionError(f"{network.name} was trained for 8 bits (FakeQuant): choose --mode uint8 or int8")
        data = fake_quant.to_integer(converted.ranged, job.source, mode.ends)
    else:
        data = make_integer(quantizer, float32, mode.name, samples, job.method)
    prove(read_graph(data), mode)
    return data
