"""What a conversion starts from: the data in their three parts, the job for TensorFlow, and the manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from edgeready.config.augmentation import recommend_augmentation
from edgeready.config.build import BuildConfig, TrainConfig
from edgeready.config.extras import install_command
from edgeready.config.method import Method
from edgeready.config.modes import MODES
from edgeready.config.networks import (
    AUTO_NETWORK,
    PRETRAINED_NETWORK,
    PRETRAINED_PACKAGE,
    PRETRAINED_SIZE,
    SMALL_NETWORKS,
    recommend_network,
)
from edgeready.config.training import EPOCHS_WITHOUT_VALIDATION as _EPOCHS
from edgeready.dataset import SET_NAMES, Dataset, Splits, hold_out, load_splits
from edgeready.dataset.class_names import ClassNames
from edgeready.errors import DatasetError, FrameMismatchError, UsageError
from edgeready.files.scratch import shown_path
from edgeready.files.stored_images import Images, new_images
from edgeready.jobs.job import Job, JobResult, no_images, no_labels
from edgeready.jobs.training import Training, TrainingFiles
from edgeready.quantization.representative import check_samples, load_representative
from edgeready.quantization.samples import Samples
from edgeready.workflows.options import BUILD, CONVERT, options_of
from edgeready.workflows.resume import has_ended, plan_checkpoint
from edgeready_device import __version__
from edgeready_device.images.frames import fit_frame
from edgeready_device.model_file.manifest import InputSpec, Manifest
from edgeready_device.model_file.seen_images import SeenImages
from edgeready_device.progress import Progress

T = TypeVar("T")
# Pixel values that a training reads in all its epochs. Chosen: ten epochs of 66 photos at 224 x 224 pixels; a
# backbone of keras.applications takes longer for them than the five seconds of converting an untrained network.
_LONG_TRAINING_VALUES = 100_000_000
_TRIAL_IMAGES = 32  # chosen: the ranges of an untrained network are of no use, they need only be there


def load_data(config: BuildConfig, progress: Progress, class_names: ClassNames | None = None) -> Splits:
    """The data set of `config`, cut in three; raises also what is wrong with the normalization for these images.

    Its classes are called and ordered as `class_names` says, those of a trained model.
    """
    data = config.data
    is_folder = Path(data.source).is_dir() and data.source not in SET_NAMES
    frame = data.frame
    splits = load_splits(
        data.source,
        seed=data.seed,
        image_size=data.image_size if frame is None or not is_folder else frame[:2],
        photo_size=PRETRAINED_SIZE if is_folder and _is_pretrained(config) else None,
        channels=data.channels if frame is None or not is_folder else frame[2],
        follow_links=data.follow_links,
        skip_damaged=data.skip_damaged,
        keep=data.cache,
        test=data.test,
        calibration_count=data.calibration_samples if data.calibration_data is None else None,
        class_names=class_names,
        progress=progress,
    )
    if frame is not None and not is_folder:
        splits = _fit_splits(splits, InputSpec(*frame))
    normalization = config.network.normalization
    if normalization is not None:  # said before the training, not after it
        InputSpec(splits.train.height, splits.train.width, splits.train.channels, normalization=normalization)
    return splits


def _is_pretrained(config: BuildConfig) -> bool:
    """Whether photos train the network of the extra `pretrained`, with its weights."""
    model, weights = config.model, config.network.weights
    if model == AUTO_NETWORK and weights is None:
        return find_spec(PRETRAINED_PACKAGE) is not None
    return model in (AUTO_NETWORK, PRETRAINED_NETWORK) and weights == "imagenet"


def note_drawn_test(config: BuildConfig, splits: Splits) -> Splits:
    """Returns `splits` of a model that was trained elsewhere, with a note where it may know the test images."""
    if not splits.is_drawn:
        return splits
    note = (
        f"the test images were held out of {splits.train.name} with seed {config.data.seed}: where "
        f"{shown_path(config.model)} was trained on them, its accuracy is too high; --test DATA takes others"
    )
    return replace(splits, notes=(*splits.notes, note))


def _fit_splits(splits: Splits, spec: InputSpec) -> Splits:
    """`splits` with the images as a model on the board gets them that takes frames of `spec`."""

    def fit(part: Dataset) -> Dataset:
        frames = new_images((len(part), spec.height, spec.width, spec.channels))
        for row, image in enumerate(part.images):
            frames[row] = fit_frame(image, spec)
        return replace(part, images=frames[..., 0] if spec.channels == 1 else frames)

    parts: dict[str, Any] = {name: fit(part) for name, part in splits.parts().items()}
    return replace(splits, **parts)


def with_frame(run: Callable[[BuildConfig], T], config: BuildConfig) -> T:
    """What `run` returns for `config`, or for images as the trained model takes them, where it says so.

    Raises FrameMismatchError where the user has said another size or other channels.
    """
    try:
        return run(config)
    except FrameMismatchError as error:
        height, width, channels = error.frame
        data = config.data
        contradicts = data.image_size not in (None, (height, width)) or data.channels not in (None, channels)
        if contradicts or data.frame is not None:
            raise
        return run(replace(config, data=replace(data, frame=(height, width, channels))))


def job_of(config: BuildConfig, splits: Splits, train: TrainConfig | None, modes: Sequence[str] | None = None) -> Job:
    """The job of `config` on `splits`; `modes` None: the one that it asks for.

    Raises DatasetError when the calibration images show no range and a mode needs one.
    """
    data = config.data
    names = tuple(modes or (config.output.chosen_mode.name,))
    frames: Images = splits.calibration.images
    if data.calibration_data is not None:
        frames = load_representative(
            data.calibration_data,
            splits.train,
            data.seed,
            data.calibration_samples,
            follow_links=data.follow_links,
            skip_damaged=data.skip_damaged,
            keep=data.cache,
        )
    if any(MODES[name].calibrated for name in names):
        check_samples(Samples((frames,)))  # said before the training, not after it
    validation = splits.validation if train is not None else None
    return Job(
        model=config.model,
        classes=len(splits.train.classes),
        images=splits.train.images,
        labels=splits.train.labels,
        calibration=frames,
        calibration_labels=splits.calibration.labels if data.calibration_data is None else no_labels(),
        train=None if train is None else training_of(config, splits),
        validation=no_images() if validation is None else validation.images,
        validation_labels=no_labels() if validation is None else validation.labels,
        files=TrainingFiles() if train is None else _files_of(config, splits),
        devices=config.devices,
        network=config.network,
        modes=names,
        method=method_of(config, splits, train),
        source=config.source,
        engine=config.quantize.engine,
    )


def _files_of(config: BuildConfig, splits: Splits) -> TrainingFiles:
    """The files that a training writes while it goes on: its state, and those that `config` asks for."""
    output = config.output
    keras, log, curves = output.keras_out, output.log_csv, output.tensorboard
    return TrainingFiles(
        keras="" if keras is None else str(keras.absolute()),
        log="" if log is None else str(log.absolute()),
        curves="" if curves is None else str(curves.absolute()),
        checkpoint=plan_checkpoint(config, splits, training_of(config, splits)),
    )


def with_network(config: BuildConfig, splits: Splits) -> tuple[BuildConfig, str]:
    """Returns `config` with a network by name, and why it is that one; "" where the user has named one.

    Raises UsageError for weights in a file without the network that they are of.
    """
    if config.model != AUTO_NETWORK:
        return config, ""
    weights = config.network.weights
    if weights == "imagenet":
        return replace(
            config, model=PRETRAINED_NETWORK
        ), f"{PRETRAINED_NETWORK}, whose ImageNet weights are asked for"
    if weights is not None:
        raise UsageError(f"--weights {weights} needs --model: name the network that they are of")
    first = splits.train
    choice = recommend_network(
        first.height,
        first.width,
        first.channels,
        installed=find_spec(PRETRAINED_PACKAGE) is not None,
        remedy=install_command("pretrained"),
    )
    network = replace(config.network, weights=choice.weights)
    return replace(config, model=choice.model, network=network), choice.reason


def with_validation(config: BuildConfig, splits: Splits) -> Splits:
    """Returns `splits` with the share of the training images held out that `config` trains by, if it has any.

    A validation that the data have already stays. Raises DatasetError where one is asked for and no image can be
    spared.
    """
    share = config.train.validation_share
    if share is None or splits.validation is not None:
        return splits
    try:
        train, validation = hold_out(splits.train, config.data.seed, share)
    except DatasetError:
        if (config.train.validation, config.train.patience) != (None, None):
            raise
        note = f"{splits.train.name} has too few images for a validation: the training takes {_EPOCHS} epochs"
        return replace(splits, notes=(*splits.notes, note))
    return replace(splits, train=train, validation=validation)


def trial_is_worth_it(job: Job) -> bool:
    """Returns whether the training of `job` takes so long that its network is converted once before it."""
    return (
        job.train is not None
        and job.model not in SMALL_NETWORKS
        and not has_ended(job.files.checkpoint)
        and job.images.size * job.train.least_epochs >= _LONG_TRAINING_VALUES
    )


def trial_of(job: Job) -> Job:
    """Returns the job that converts the network of `job` as it starts, with a few calibration images."""
    return replace(
        job,
        images=job.images[:1],
        labels=job.labels[:1],
        calibration=job.calibration[:_TRIAL_IMAGES],
        validation=no_images(),
        validation_labels=no_labels(),
        files=TrainingFiles(),
        method=Method(calibration=job.method.calibration),
        untrained=True,
    )


def training_of(config: BuildConfig, splits: Splits) -> TrainConfig:
    """How `config` trains on `splits`, with the augmentation that suits them where it names none.

    Without a validation a training that is open has a number of epochs.
    """
    suited = recommend_augmentation(config.model, splits.train.name)
    train = replace(config.train, augment=config.train.augment or suited)
    return train if splits.validation is not None or train.epochs else replace(train, epochs=_EPOCHS)


def training_record(config: BuildConfig, splits: Splits, result: JobResult) -> Training | None:
    """The epochs of `result` beside what was asked for; None where nothing was trained."""
    if not result.epochs:
        return None
    train = training_of(config, splits)
    return Training(
        epochs=result.epochs,
        asked=train.all_epochs,
        is_open=train.epochs is None,
        patience=train.epochs_waited or 0,
        fine_tuned=train.fine_tune or 0,
    )


def method_of(config: BuildConfig, splits: Splits, train: TrainConfig | None) -> Method:
    """The method of `config`; its training in 8 bits takes the seed, and the augmentation of the training before.

    The deep networks that start from weights have their biases corrected: it halves the answers that 8 bits change
    (docs/measurements.md), and costs nothing on the device. A budget tries that where plain ranges do not suffice.
    """
    method = config.quantize.method
    if method.qat is None:
        plain = config.network.weights is None or config.quantize.max_drop is not None
        return method if plain else replace(method, bias_correction=True)
    augment = (None if train is None else training_of(config, splits).augment) or "none"
    return replace(method, qat=replace(method.qat, seed=config.data.seed, augment=augment))


def manifest_of(result: JobResult, splits: Splits) -> Manifest:
    """How the models of `result` are read: frame and scores, without a provenance."""
    first = splits.train
    frame = InputSpec(
        first.height, first.width, first.channels, normalization=result.normalization, color=result.color
    )
    return Manifest(result.name, frame, result.scores)


def seen_images(config: BuildConfig, job: Job) -> SeenImages | None:
    """The images that training and calibration see; None where `config` wants no hashes of them in the file.

    Those that a network was trained on elsewhere are not known.
    """
    if not config.output.image_hashes:
        return None
    trains = job.train is not None or job.method.qat is not None or config.quantize.max_drop is not None
    own_weights = job.network.weights in (None, "imagenet")
    return SeenImages.of(
        *([job.images] if trains else []),
        *([job.validation] if len(job.validation) else []),
        job.calibration,
        training_known=job.train is not None and own_weights,
    )


def provenance_of(config: BuildConfig, splits: Splits, result: JobResult, mode: str) -> dict[str, Any]:
    """What the file of `result` in `mode` says of its making, before anything is measured."""
    data = {
        "name": splits.train.name,
        "seed": config.data.seed,
        "train_images": len(splits.train),
        "calibration_images": len(splits.calibration),
        "test_images": len(splits.test),
    }
    if splits.validation is not None:
        data["validation_images"] = len(splits.validation)
    provenance: dict[str, Any] = {
        "mode": mode,
        "data": data,
        "versions": {"edgeready": __version__, **result.versions},
    }
    output = config.output if config.output.chosen_mode.name == mode else replace(config.output, mode=mode)
    options = options_of(replace(config, output=output), BUILD if result.losses else CONVERT)
    provenance["options"] = options.to_dict()
    if mode in result.engines:
        provenance["engine"] = result.engines[mode]
    if result.source_check is not None:
        provenance["source_check"] = result.source_check.to_dict()
    if result.rewrites:
        provenance["rewrites"] = list(result.rewrites)
    if result.losses:
        provenance["training"] = training_of(config, splits).to_dict()
        if result.replicas > 1:  # the sums of gradients are rounded in another way
            provenance["training"]["devices"] = result.replicas
    qat = method_of(config, splits, config.train if result.losses else None).qat
    if qat is not None:
        provenance["quantization_aware_training"] = asdict(qat)
    return provenance
