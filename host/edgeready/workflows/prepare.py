"""What a conversion starts from: the data in their three parts, the job for TensorFlow, and the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from edgeready import __version__
from edgeready.config.augmentation import recommended
from edgeready.config.build import BuildConfig, TrainConfig
from edgeready.config.method import Method
from edgeready.dataset import Splits, load_splits
from edgeready.jobs.job import Job, Made, Progress
from edgeready.quantization.representative import load_representative
from edgeready_device.model_file.manifest import InputSpec, Manifest


def load_data(config: BuildConfig, report: Progress) -> Splits:
    """The data set of `config`, cut in three; raises also what is wrong with the normalization for these images."""
    splits = load_splits(
        config.data.source,
        seed=config.data.seed,
        image_size=config.data.image_size,
        channels=config.data.channels,
        follow_links=config.data.follow_links,
        calibration_count=config.data.calibration_samples if config.data.calibration is None else None,
        progress=lambda done, total: report("reading data", done, total),
    )
    if config.normalization is not None:  # said before the training, not after it
        InputSpec(splits.train.height, splits.train.width, splits.train.channels, "stretch", config.normalization)
    return splits


def job_of(config: BuildConfig, splits: Splits, train: TrainConfig | None, modes: Sequence[str] | None = None) -> Job:
    """The job of `config` on `splits`; `modes` None: the one that it asks for."""
    representative, samples = config.data.calibration, config.data.calibration_samples
    frames = splits.calibration.images
    if representative is not None:
        frames = load_representative(representative, splits.train, config.data.seed, samples)
    return Job(
        config.model,
        len(splits.train.classes),
        splits.train.images,
        splits.train.labels,
        frames,
        None if train is None else training_of(config, splits),
        config.weights,
        config.normalization,
        config.fix,
        tuple(modes or (config.chosen_mode.name,)),
        method_of(config, splits, train),
        config.source,
    )


def training_of(config: BuildConfig, splits: Splits) -> TrainConfig:
    """How `config` trains on `splits`, with the augmentation that suits them where it names none."""
    suited = recommended(config.model, splits.train.name)
    return replace(config.train, augment=config.train.augment or suited)


def method_of(config: BuildConfig, splits: Splits, train: TrainConfig | None) -> Method:
    """The method of `config`; its training in 8 bits takes the seed, and the augmentation of the training before."""
    if config.method.qat is None:
        return config.method
    augment = (None if train is None else training_of(config, splits).augment) or "none"
    return replace(config.method, qat=replace(config.method.qat, seed=config.data.seed, augment=augment))


def manifest_of(config: BuildConfig, splits: Splits, made: Made, mode: str) -> Manifest:
    """What the file of `made` in `mode` says of itself, before anything is measured."""
    first = splits.train
    data = {
        "name": first.name,
        "seed": config.data.seed,
        "train_images": len(first),
        "calibration_images": len(splits.calibration),
        "test_images": len(splits.test),
    }
    known = {"mode": mode, "data": data, "versions": {"edgeready": __version__, **made.versions}}
    if made.mended:
        known["mended"] = list(made.mended)
    if made.losses:
        known["training"] = asdict(training_of(config, splits))
    qat = method_of(config, splits, config.train if made.losses else None).qat
    if qat is not None:
        known["quantization_aware_training"] = asdict(qat)
    frame = InputSpec(first.height, first.width, first.channels, "stretch", made.normalization)
    return Manifest(made.name, frame, made.scores, known)
