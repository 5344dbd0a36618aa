"""Transfer learning: the features of a frozen backbone are computed once, and its head is trained on them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeready.config.build import TrainConfig
from edgeready.files.stored_images import Images
from edgeready.jobs.training import Epoch, TrainingFiles
from edgeready.tf.augment import augment
from edgeready.tf.models import NamedModel
from edgeready.tf.train import (
    Labelled,
    Observers,
    balanced_weights,
    compile_model,
    finite_epochs,
    observe,
    ordered_batches,
    shuffled_batches,
)
from edgeready_device.progress import Progress, no_progress

COPIES = 4
"""Copies of each image, one as it is and others augmented, that the head sees one after the other.

Chosen: each costs a pass through the backbone, and an epoch without the cache costs one, too.
"""
HEAD, FINE_TUNING = "head", "fine-tuning"
"""The stages of such a training."""
BATCH = 32
"""Images in a pass through the backbone. Chosen: larger ones are no quicker on two cores."""
# Chosen: trained weights move by little, 1e-4 with the default rate.
_FINE_TUNING_SHARE = 0.05

MakeBatch = Callable[[int], tf.Tensor]  # the uint8 frames of a batch of images


def train_head(
    named: NamedModel,
    images: Images,
    labels: NDArray[np.int64],
    config: TrainConfig,
    progress: Progress = no_progress,
    *,
    validation: Labelled | None = None,
    files: TrainingFiles | None = None,
) -> tuple[Epoch, ...]:
    """Fits the head of `named`, whose backbone is frozen, and then `config.fine_tune` epochs of the whole network.

    It takes, returns and raises what `train` does. The backbone's batch normalization keeps its statistics.
    """
    steps = -(-len(images) // config.batch_size)
    observers = observe(
        named.model,
        config,
        steps,
        progress=progress,
        files=files or TrainingFiles(),
        is_judged=validation is not None,
    )
    if not observers.checkpoints.is_past(HEAD):
        runner = OneRunner(named)
        fit_head(named, (images, labels), config, observers, validation=validation, runner=runner, progress=progress)
    if config.fine_tune:
        prepare_fine_tuning(named, config, steps, observers)
        done = observers.checkpoints.begin(named.model, FINE_TUNING, config.fine_tune)
        named.model.fit(
            shuffled_batches(images, labels, named.normalization, config=config, done=done),
            initial_epoch=done,
            epochs=config.fine_tune,
            validation_data=None if validation is None else ordered_batches(named, validation, config.batch_size),
            **_fit_options(labels, config, observers),
        )
    return finite_epochs(observers.watcher)


def fit_head(
    named: NamedModel,
    training: Labelled,
    config: TrainConfig,
    observers: Observers,
    *,
    validation: Labelled | None,
    runner: Runner,
    progress: Progress,
) -> None:
    """Computes the features of the backbone of `named` with `runner`, and fits its head on them, on one device."""
    images, labels = training
    head, steps = _head_of(named), -(-len(images) // config.batch_size)
    compile_model(head, config, None if config.epochs is None else steps * config.epochs)
    done = observers.checkpoints.begin(head, HEAD, config.most_epochs)
    with tempfile.TemporaryDirectory() as folder:  # in the job's folder, and not in memory
        store = _FeatureStore(runner, Path(folder), progress)
        copies = 1 if config.augment in (None, "none") else min(COPIES, config.most_epochs)
        features = store.compute("training", images, [config.augment or "none"] * copies, config.seed)
        judges = None
        if validation is not None:
            judges = (store.compute("validation", validation[0], ["none"], config.seed)[0], validation[1])
        batches = _FeatureBatches(features, labels, config, done=done)
        options = _fit_options(labels, config, observers)
        head.fit(batches, initial_epoch=done, epochs=config.most_epochs, validation_data=judges, **options)


def prepare_fine_tuning(named: NamedModel, config: TrainConfig, steps: int, observers: Observers) -> None:
    """Compiles the whole of `named` for `config.fine_tune` epochs of `steps`, its backbone no longer frozen."""
    unfreeze(backbone_of(named))
    compile_model(named.model, config, steps * (config.fine_tune or 0), rate_share=_FINE_TUNING_SHARE)
    if observers.best is not None:
        observers.best.fall = None  # its number of epochs is known


def _fit_options(labels: NDArray[np.int64], config: TrainConfig, observers: Observers) -> dict[str, Any]:
    return {
        "shuffle": False,
        "verbose": 0,
        "callbacks": observers.callbacks,
        "class_weight": balanced_weights(labels) if config.class_weights else None,
    }


def backbone_of(named: NamedModel) -> keras.Model:
    """Returns the frozen backbone of `named`."""
    if named.backbone is None:
        raise ValueError(f"{named.name} has no frozen backbone")
    return named.backbone


def unfreeze(backbone: keras.Model) -> None:
    """Lets everything in `backbone` be trained but its batch normalization.

    Keras 3 hands the training mode of fit to the backbone although it was called with training=False; only a layer
    that is not trainable keeps its statistics.
    """
    backbone.trainable = True
    for layer in backbone._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def _head_of(named: NamedModel) -> keras.Model:
    """Returns the layers behind the backbone as a model of their own, which shares their weights."""
    backbone = backbone_of(named)
    features = keras.Input(backbone.outputs[0].shape[1:])
    scores = features
    for layer in named.model.layers[named.model.layers.index(backbone) + 1 :]:
        scores = layer(scores)
    return keras.Model(features, scores)


class Runner(Protocol):
    """Runs a backbone on `count` batches at a time, which gives `width` features of an image."""

    count: int
    width: int

    def run(self, make_batch: MakeBatch) -> NDArray[np.float32]:
        """Returns the features (count, BATCH, width) of the batches that `make_batch` makes of 0 to count - 1.

        A batch may be smaller; what is beyond its images means nothing.
        """


class OneRunner:
    """Runs the backbone of a model on one device, a batch at a time."""

    count = 1

    def __init__(self, named: NamedModel) -> None:
        self.width = backbone_of(named).outputs[0].shape[-1]
        self._run = tf.function(forward_of(named), input_signature=[frames_of(named)])

    def run(self, make_batch: MakeBatch) -> NDArray[np.float32]:
        """Returns the features (1, n, width) of the one batch."""
        return np.asarray(self._run(make_batch(0)))[np.newaxis]


def forward_of(named: NamedModel) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns the function from uint8 frames (n, height, width, 3) to the features (n, width) of `named`."""
    backbone = backbone_of(named)
    mean, std = (np.asarray(v, np.float32) for v in (named.normalization.mean, named.normalization.std))

    def run(frames: tf.Tensor) -> tf.Tensor:
        return backbone((tf.cast(frames, tf.float32) - mean) / std, training=False)

    return run


def frames_of(named: NamedModel) -> tf.TensorSpec:
    """Returns what a batch of frames for `named` is, of any size."""
    return tf.TensorSpec((None, *named.model.inputs[0].shape[1:]), tf.uint8)


class _FeatureStore:
    """Computes features with `runner` into files in `folder`, which are mapped and not held in memory."""

    def __init__(self, runner: Runner, folder: Path, progress: Progress) -> None:
        self._runner, self._folder, self._progress = runner, folder, progress

    def compute(self, part: str, images: Images, kinds: list[str], seed: int) -> NDArray[np.float32]:
        """Returns the features (copies, n, width): the first copy of `images` is plain, others augmented by kind."""
        shape = (len(kinds), len(images), self._runner.width)
        features = np.memmap(self._folder / f"{part}.bin", np.float32, "w+", shape=shape)
        starts = range(0, len(images), BATCH)

        def make_batch(copy: int, first: int, offset: int) -> tf.Tensor:
            number = min(first + offset, len(starts) - 1)  # several at a time may be more than there are
            start = starts[number]
            frames = tf.constant(np.asarray(images[start : start + BATCH]))
            if not copy:
                return frames
            return augment(frames, kinds[copy], tf.constant([seed, copy * len(starts) + number], tf.int64))

        for copy in range(len(kinds)):
            label = f"computing the features of the {part} images, copy {copy + 1} of {len(kinds)}"
            for first in range(0, len(starts), self._runner.count):
                batches = self._runner.run(partial(make_batch, copy, first))
                for start, batch in zip(starts[first:], batches, strict=False):
                    features[copy, start : start + BATCH] = batch[: len(images) - start]
                self._progress(label, min(first + self._runner.count, len(starts)), len(starts))
        return features


class _FeatureBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of features (copies, n, width) and labels (n,), in another order and of another copy in each epoch."""

    def __init__(
        self, features: NDArray[np.float32], labels: NDArray[np.int64], config: TrainConfig, *, done: int = 0
    ) -> None:
        super().__init__()
        self._features, self._labels, self._size = features, labels, config.batch_size
        self._draws = np.random.default_rng(config.seed)
        self._copies = np.arange(len(labels)) % len(features)
        self._order = self._draws.permutation(len(labels))
        for _ in range(done):
            self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self._labels) // self._size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        rows = self._order[index * self._size : (index + 1) * self._size]
        return self._features[self._copies[rows], rows], self._labels[rows]

    def on_epoch_end(self) -> None:
        """Takes the next copy of each image, in another order."""
        self._copies = (self._copies + 1) % len(self._features)
        self._order = self._draws.permutation(len(self._labels))
