"""Trains a network on several devices, each of which takes its share of every batch.

Keras' own `fit` does not: with Keras 3.15 it fails on several machines ("PerReplica"). Each device computes the
gradients of its share, they are summed over all devices, and every device makes the same step. So the copies of the
network stay equal to the bit, and the step is the one that a single device would make for the whole batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeready.config.build import TrainConfig
from edgeready.errors import TrainingError, UsageError
from edgeready.files.stored_images import Images
from edgeready.jobs.training import Epoch, TrainingFiles
from edgeready.tf.augment import augment
from edgeready.tf.models import NamedModel
from edgeready.tf.train import (
    Labelled,
    accuracy_of,
    balanced_weights,
    compile_model,
    finite_epochs,
    loss_of,
    match_rank,
    observe,
    row_reader,
    seed_everything,
)
from edgeready_device.normalization import Normalization
from edgeready_device.progress import Progress, no_progress

_PREFETCH = 4  # batches made ahead; chosen: a few hide the time that one takes


def train(
    named: NamedModel,
    images: Images,
    labels: NDArray[np.int64],
    config: TrainConfig,
    progress: Progress = no_progress,
    *,
    strategy: tf.distribute.Strategy,
    make: Callable[[], NamedModel],
    validation: Labelled | None = None,
    files: TrainingFiles | None = None,
) -> tuple[Epoch, ...]:
    """Fits `named` as `tf.train.train` does, with the devices of `strategy`; `make` makes the network again.

    The network on the devices begins as `named` does where `make` goes by the seed, and `named` gets its weights.

    Returns the epochs; raises TrainingError when the loss diverges, or a layer's state differs between the devices,
    and UsageError for a batch that is smaller than the number of devices.
    """
    check_batch(config.batch_size, strategy.num_replicas_in_sync)
    seed_everything(config.seed)
    steps = -(-len(images) // config.batch_size)
    with strategy.scope():
        copy = make().model
        compile_model(copy, config, None if config.epochs is None else steps * config.epochs)
        copy.optimizer.build(copy.trainable_variables)
    observers = observe(
        copy, config, steps, progress=progress, files=files or TrainingFiles(), is_judged=validation is not None
    )
    with _synchronize(copy):
        epochs = range(observers.checkpoints.begin(copy, "network", config.most_epochs), config.most_epochs)
        fit_copies(
            strategy,
            replace(named, model=copy),
            (images, labels),
            config,
            epochs,
            validation=validation,
            callbacks=observers.callbacks,
        )
    named.model.set_weights(copy.get_weights())
    return finite_epochs(observers.watcher)


def fit_copies(
    strategy: tf.distribute.Strategy,
    copies: NamedModel,
    training: Labelled,
    config: TrainConfig,
    epochs: range,
    *,
    validation: Labelled | None,
    callbacks: list[keras.callbacks.Callback],
) -> None:
    """Trains the compiled model of `copies`, made for `strategy`, in the `epochs` that are left.

    Raises TrainingError where a layer's state differs between the devices.
    """
    batches, judges = _batches_of(copies, training, validation, config)
    callback_list = keras.callbacks.CallbackList(callbacks, model=copies.model)
    _fit(_Replicas(strategy, copies.model), callback_list, batches, judges, epochs)
    check_alike(strategy, copies.model)


def digest_of(model: keras.Model) -> str:
    """Returns a hash of the weights of `model`, to the bit."""
    return hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest()


def check_batch(batch_size: int, replicas: int) -> None:
    """Raises UsageError for a batch that leaves a device without an image."""
    if batch_size < replicas:
        raise UsageError(
            f"--batch-size is {batch_size}, and {replicas} devices share a batch: give at least {replicas}"
        )


def check_alike(strategy: tf.distribute.Strategy, model: keras.Model) -> None:
    """Raises TrainingError where the devices of this machine have different weights in `model`."""
    for weight in model.weights:
        values = [np.asarray(value) for value in strategy.experimental_local_results(weight.value)]
        if any(value.tobytes() != values[0].tobytes() for value in values):
            raise TrainingError(
                f"{weight.path} differs between the devices: its layer keeps a state of its own on each; train this "
                "network on one device"
            )


def _batches_of(
    named: NamedModel, training: Labelled, validation: Labelled | None, config: TrainConfig
) -> tuple[_Batches, _Batches | None]:
    images, labels = training
    batches = _Batches(
        images=match_rank(named.model, images),
        labels=labels,
        normalization=named.normalization,
        size=config.batch_size,
        weights=balanced_weights(labels) if config.class_weights else {},
        shuffle=config,
    )
    if validation is None:
        return batches, None
    images, labels = validation
    return batches, replace(batches, images=match_rank(named.model, images), labels=labels, weights={}, shuffle=None)


@contextmanager
def _synchronize(model: keras.Model) -> Iterator[None]:
    """Lets batch normalization measure whole batches during the block, and not the share of each device."""
    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization) and not layer.synchronized
    ]
    for layer in layers:
        layer.synchronized = True
    try:
        yield
    finally:
        for layer in layers:
            layer.synchronized = False


@dataclass(frozen=True, kw_only=True)
class _Batches:
    """The batches of `images` and `labels`, normalized and without an end; in the order of the images, or shuffled.

    An image weighs what `weights` has for its class, 1 without them.
    """

    images: Images
    labels: NDArray[np.int64]
    normalization: Normalization
    size: int
    weights: Mapping[int, float] = field(default_factory=dict)
    shuffle: TrainConfig | None = None

    @property
    def steps(self) -> int:
        """The batches of one epoch."""
        return -(-len(self.images) // self.size)

    def iterate(self, strategy: tf.distribute.Strategy, done: int) -> Any:
        """Returns an iterator over the batches after `done` epochs, each in shares for the devices of `strategy`."""
        replicas = strategy.num_replicas_in_sync

        def deal(context: tf.distribute.InputContext) -> tf.data.Dataset:
            local = replicas // context.num_input_pipelines
            first = context.input_pipeline_id * local
            shares = [self._shares(first + number, replicas, done) for number in range(local)]
            turns = tf.data.Dataset.choose_from_datasets(shares, tf.data.Dataset.range(local).repeat())
            # Said to be endless: else the devices ask each other before each step whether all have a batch.
            return turns.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)).prefetch(
                _PREFETCH
            )

        return iter(strategy.distribute_datasets_from_function(deal))

    def _shares(self, replica: int, replicas: int, done: int) -> tf.data.Dataset:
        """Returns the share of one of the `replicas` of each batch: images, classes, weights, presence, batch size.

        A batch with fewer images than devices leaves some without one: they get one that counts nothing, because not
        every operator takes an empty batch.
        """
        gather, classes = row_reader(self.images), tf.constant(self.labels)
        weights = tf.constant([self.weights.get(name, 1.0) for name in range(int(self.labels.max()) + 1)], tf.float32)
        mean, std = (np.asarray(v, np.float32) for v in (self.normalization.mean, self.normalization.std))
        kind = "none" if self.shuffle is None else self.shuffle.augment or "none"

        def read(rows: tf.Tensor, seed: tf.Tensor | None = None) -> tuple[tf.Tensor, ...]:
            share = rows[replica::replicas]
            counts = tf.cast(tf.size(share) > 0, tf.float32)
            share = tf.cond(tf.size(share) > 0, lambda: share, lambda: rows[:1])
            frames, answers = gather(share), tf.gather(classes, share)
            if seed is not None:
                frames = augment(frames, kind, seed + tf.constant([0, replica], tf.int64))  # drawn for each device
            frames = (tf.cast(frames, tf.float32) - mean) / std
            return frames, answers, counts * tf.gather(weights, answers), counts, tf.cast(tf.size(rows), tf.float32)

        order = tf.data.Dataset.range(len(self.images))
        if self.shuffle is not None:
            order = order.shuffle(len(self.images), seed=self.shuffle.seed)
        order = order.batch(self.size)
        if self.shuffle is not None and kind != "none":
            seeds = tf.data.Dataset.random(self.shuffle.seed, rerandomize_each_iteration=True).batch(2)
            order = tf.data.Dataset.zip((order, seeds))
        return order.repeat().skip(done * self.steps).map(read, num_parallel_calls=1)


class _Replicas:
    """The copies of a network on the devices of `strategy`, which take steps together."""

    def __init__(self, strategy: tf.distribute.Strategy, model: keras.Model) -> None:
        self.model, self._strategy = model, strategy
        self._loss, self._count = loss_of(model), right_answers(model)
        self._loss.reduction = "sum"

    def passes(self, batches: _Batches, *, training: bool, done: int = 0) -> Callable[[], NDArray[np.float64]]:
        """Returns what takes the next of `batches`, with a step where `training`: summed loss and right answers.

        The batches of the first `done` epochs are left out.
        """
        iterator = batches.iterate(self._strategy, done)

        def share(images: tf.Tensor, classes: tf.Tensor, weights: tf.Tensor, *counts: tf.Tensor) -> tf.Tensor:
            presence, size = counts
            with tf.GradientTape() as tape:
                scores = self.model(images, training=training)
                loss = self._loss(classes, scores, sample_weight=weights) / size
                if self.model.losses:  # of regularizers: each device has all of them
                    loss += tf.add_n(self.model.losses) / self._strategy.num_replicas_in_sync
            if training:
                variables = self.model.trainable_variables
                gradients = tape.gradient(loss, [variable.value for variable in variables])
                self.model.optimizer.apply(gradients, variables)  # which sums them over the devices
            right = presence * tf.reduce_sum(self._count(classes, scores))
            return tf.stack([loss * size, right])

        # The signature leaves the size of a share open. A share of another size would else be traced anew by some of
        # the devices and not by others, and these would wait for each other at different places.
        @tf.function(input_signature=iterator.element_spec)  # type: ignore[untyped-decorator]
        def step(*shares: Any) -> tf.Tensor:
            sums = self._strategy.run(share, args=shares)
            return self._strategy.reduce("SUM", sums, axis=None)

        def take() -> NDArray[np.float64]:
            return np.asarray(step(*next(iterator)), np.float64)

        return take


def right_answers(model: keras.Model) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Returns the function of classes and scores that says 1 for each right answer, as the accuracy counts them."""
    metric = accuracy_of(model)
    if isinstance(metric, keras.metrics.BinaryAccuracy):
        threshold = metric.get_config()["threshold"]

        def count(classes: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
            return tf.cast((scores[:, 0] > threshold) == (classes == 1), tf.float32)

        return count
    counter: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] = keras.metrics.sparse_categorical_accuracy
    return counter


def _fit(
    replicas: _Replicas,
    callbacks: keras.callbacks.CallbackList,
    batches: _Batches,
    judges: _Batches | None,
    epochs: range,
) -> None:
    """Trains for the `epochs` that are left, or until one of `callbacks` stops it; they are called as `fit` does."""
    train_on_batch = replicas.passes(batches, training=True, done=epochs.start)
    judge_batch = None if judges is None else replicas.passes(judges, training=False)
    replicas.model.stop_training = False
    callbacks.on_train_begin()
    for epoch in epochs:
        callbacks.on_epoch_begin(epoch)
        sums = np.zeros(2)
        for step in range(batches.steps):
            sums += train_on_batch()
            callbacks.on_train_batch_end(
                step, {"loss": sums[0] / min(len(batches.images), (step + 1) * batches.size)}
            )
        figures = dict(zip(("loss", "accuracy"), sums / len(batches.images), strict=True))
        if judges is not None and judge_batch is not None:
            sums = sum((judge_batch() for _ in range(judges.steps)), np.zeros(2))
            figures |= zip(("val_loss", "val_accuracy"), sums / len(judges.images), strict=True)
        callbacks.on_epoch_end(epoch, figures)
        if replicas.model.stop_training:
            break
    callbacks.on_train_end()
