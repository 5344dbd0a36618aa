"""Transfer learning: the features of a frozen backbone are computed once, and its head is trained on them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeready.config.build import TrainConfig
from edgeready.files.stored_images import Images
from edgeready.jobs.training import Epoch, TrainingFiles
from edgeready.tf.augment import augment
from edgeready.tf.checkpoints import Checkpoints
from edgeready.tf.models import NamedModel
from edgeready.tf.train import (
    Labelled,
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
_HEAD = "head"  # the first stage
_BATCH = 32  # images in a pass through the backbone; chosen: larger ones are no quicker on two cores
# Chosen: trained weights move by little, 1e-4 with the default rate.
_FINE_TUNING_SHARE = 0.05


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
    checkpoints = observers.checkpoints
    options: dict[str, Any] = {
        "shuffle": False,
        "verbose": 0,
        "callbacks": observers.callbacks,
        "class_weight": balanced_weights(labels) if config.class_weights else None,
    }
    if not checkpoints.is_past(_HEAD):
        _fit_head(named, (images, labels), config, checkpoints, validation=validation, progress=progress, **options)
    if config.fine_tune:
        _unfreeze(_backbone_of(named))
        compile_model(named.model, config.learning_rate * _FINE_TUNING_SHARE, steps * config.fine_tune)
        if observers.best is not None:
            observers.best.fall = None  # its number of epochs is known
        done = checkpoints.begin(named.model, "fine-tuning", config.fine_tune)
        named.model.fit(
            shuffled_batches(images, labels, named.normalization, config=config, done=done),
            initial_epoch=done,
            epochs=config.fine_tune,
            validation_data=None if validation is None else ordered_batches(named, validation, config.batch_size),
            **options,
        )
    return finite_epochs(observers.watcher)


def _fit_head(
    named: NamedModel,
    training: Labelled,
    config: TrainConfig,
    checkpoints: Checkpoints,
    *,
    validation: Labelled | None,
    progress: Progress,
    **options: Any,
) -> None:
    """Computes the features of the backbone of `named` and fits its head on them; `options` are those of fit."""
    images, labels = training
    head, steps = _head_of(named), -(-len(images) // config.batch_size)
    compile_model(head, config.learning_rate, None if config.epochs is None else steps * config.epochs)
    done = checkpoints.begin(head, _HEAD, config.most_epochs)
    with tempfile.TemporaryDirectory() as folder:  # in the job's folder, and not in memory
        store = _FeatureStore(named, Path(folder), progress)
        copies = 1 if config.augment in (None, "none") else min(COPIES, config.most_epochs)
        features = store.compute("training", images, [config.augment or "none"] * copies, config.seed)
        judges = None
        if validation is not None:
            judges = (store.compute("validation", validation[0], ["none"], config.seed)[0], validation[1])
        batches = _FeatureBatches(features, labels, config, done=done)
        head.fit(batches, initial_epoch=done, epochs=config.most_epochs, validation_data=judges, **options)


def _backbone_of(named: NamedModel) -> keras.Model:
    if named.backbone is None:
        raise ValueError(f"{named.name} has no frozen backbone")
    return named.backbone


def _unfreeze(backbone: keras.Model) -> None:
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
    backbone = _backbone_of(named)
    features = keras.Input(backbone.outputs[0].shape[1:])
    scores = features
    for layer in named.model.layers[named.model.layers.index(backbone) + 1 :]:
        scores = layer(scores)
    return keras.Model(features, scores)


class _FeatureStore:
    """Computes features into files in `folder`, which are mapped and not held in memory."""

    def __init__(self, named: NamedModel, folder: Path, progress: Progress) -> None:
        backbone = _backbone_of(named)
        self._width, self._folder, self._progress = backbone.outputs[0].shape[-1], folder, progress
        mean, std = (np.asarray(v, np.float32) for v in (named.normalization.mean, named.normalization.std))

        def run(frames: tf.Tensor) -> tf.Tensor:
            return backbone((tf.cast(frames, tf.float32) - mean) / std, training=False)

        frames = tf.TensorSpec((None, *named.model.inputs[0].shape[1:]), tf.uint8)
        self._run = tf.function(run, input_signature=[frames])

    def compute(self, part: str, images: Images, kinds: list[str], seed: int) -> NDArray[np.float32]:
        """Returns the features (copies, n, width): the first copy of `images` is plain, others augmented by kind."""
        shape = (len(kinds), len(images), self._width)
        features = np.memmap(self._folder / f"{part}.bin", np.float32, "w+", shape=shape)
        starts = range(0, len(images), _BATCH)
        for copy, kind in enumerate(kinds):
            label = f"computing the features of the {part} images, copy {copy + 1} of {len(kinds)}"
            for number, start in enumerate(starts):
                frames = tf.constant(np.asarray(images[start : start + _BATCH]))
                if copy:
                    frames = augment(frames, kind, tf.constant([seed, copy * len(starts) + number], tf.int64))
                features[copy, start : start + _BATCH] = self._run(frames).numpy()
                self._progress(label, number + 1, len(starts))
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
