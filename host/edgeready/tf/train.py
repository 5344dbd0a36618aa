"""Fits a Keras classifier to a data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeready.config.build import TrainConfig
from edgeready.errors import TrainingError
from edgeready.files.stored_images import Images
from edgeready.jobs.training import Epoch, Fall, TrainingFiles
from edgeready.tf.augment import augment
from edgeready.tf.callbacks import BestWeights, Curves, Watcher, log_writer
from edgeready.tf.checkpoints import Checkpoints
from edgeready.tf.models import NamedModel, output_kind
from edgeready_device.normalization import Normalization
from edgeready_device.progress import Progress, no_progress

Labelled = tuple[Images, NDArray[np.int64]]  # images and their class indices
# Keras' fit makes one as an epoch begins, and one that it does not use as it ends; tests/host/tf_cases.py holds it.
_ITERATORS_PER_EPOCH = 2
_PREFETCH = 4  # batches made ahead; chosen: a few hide the time that one takes


def seed_everything(seed: int) -> None:
    """Makes model and training repeatable on this machine; call it before the model is built."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def train(
    named: NamedModel,
    images: Images,
    labels: NDArray[np.int64],
    config: TrainConfig,
    progress: Progress = no_progress,
    *,
    validation: Labelled | None = None,
    files: TrainingFiles | None = None,
) -> tuple[Epoch, ...]:
    """Fits the model in place on uint8 `images` (n, height, width[, channels]) and class indices `labels` (n,).

    With `validation` images the model gets the weights of the epoch with the lowest loss on them. Where
    `config.epochs_waited` epochs brought no lower one the training ends, or its rate begins to fall where it has no
    number of epochs. `files` are those that have the epochs so far, and the state from which the training may go on.

    Returns the epochs; raises TrainingError when the loss diverges.
    """
    model, files = named.model, files or TrainingFiles()
    frames = match_rank(model, images)
    steps = -(-len(frames) // config.batch_size)
    compile_model(model, config, None if config.epochs is None else steps * config.epochs)
    observers = observe(model, config, steps, progress=progress, files=files, is_judged=validation is not None)
    done = observers.checkpoints.begin(model, "network", config.most_epochs)
    model.fit(
        shuffled_batches(frames, labels, named.normalization, config=config, done=done),
        initial_epoch=done,
        epochs=config.most_epochs,
        shuffle=False,
        verbose=0,
        callbacks=observers.callbacks,
        validation_data=None if validation is None else ordered_batches(named, validation, config.batch_size),
        class_weight=balanced_weights(labels) if config.class_weights else None,
    )
    return finite_epochs(observers.watcher)


@dataclass(frozen=True, kw_only=True)
class Observers:
    """What a training does beside its steps; `best` is None without a validation, `callbacks` are all in order."""

    watcher: Watcher
    best: BestWeights | None
    checkpoints: Checkpoints
    callbacks: list[keras.callbacks.Callback]


def observe(
    model: keras.Model,
    config: TrainConfig,
    steps: int,
    *,
    progress: Progress,
    files: TrainingFiles,
    is_judged: bool,
) -> Observers:
    """Returns the observers of a training of `model` with `steps` in an epoch."""
    is_open = config.epochs is None
    watcher = Watcher(progress, steps, config.all_epochs, keep=log_writer(files.log), is_open=is_open)
    fall = Fall(rate=config.learning_rate, limit=config.most_epochs) if is_open else None
    best = BestWeights(model, config.epochs_waited, fall) if is_judged else None
    checkpoints = Checkpoints(files.checkpoint, watcher, best)
    curves = [Curves(files.curves, watcher)] if files.curves else []
    callbacks = [watcher, *curves, *([] if best is None else [best]), checkpoints]
    return Observers(watcher=watcher, best=best, checkpoints=checkpoints, callbacks=callbacks)


def compile_model(model: keras.Model, config: TrainConfig, steps: int | None, *, rate_share: float = 1.0) -> None:
    """Compiles `model` for Adam, or AdamW with `config.weight_decay`, at `rate_share` of the configured rate.

    The rate falls to 0 along a cosine over `steps`; it stays with None.
    """
    rate = config.learning_rate * rate_share
    schedule = rate if steps is None else keras.optimizers.schedules.CosineDecay(rate, steps)
    model.compile(_make_optimizer(model, schedule, config.weight_decay), loss_of(model), metrics=[accuracy_of(model)])


def _make_optimizer(model: keras.Model, rate: Any, weight_decay: float | None) -> keras.optimizers.Optimizer:
    if weight_decay is None:
        return keras.optimizers.Adam(rate)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=weight_decay)
    # Vectors are biases, and scales and shifts of batch normalization; weights are what AdamW is for.
    optimizer.exclude_from_weight_decay([variable for variable in model.variables if len(variable.shape) < 2])
    return optimizer


def finite_epochs(watcher: Watcher) -> tuple[Epoch, ...]:
    """Returns the epochs of a training that has ended; raises TrainingError when its loss diverged."""
    epochs = tuple(watcher.epochs)
    if not all(np.isfinite(epoch.loss) for epoch in epochs):
        raise TrainingError(
            f"the loss is {epochs[-1].loss} after {len(epochs)} epochs: give a smaller --learning-rate"
        )
    return epochs


def balanced_weights(labels: NDArray[np.int64]) -> dict[int, float]:
    """Returns a weight for each class in `labels`, with which all classes count alike and an image 1 on average."""
    classes, counts = np.unique(labels, return_counts=True)
    return {int(name): len(labels) / (len(classes) * int(count)) for name, count in zip(classes, counts, strict=True)}


def loss_of(model: keras.Model) -> keras.losses.Loss:
    """Returns the cross-entropy for a row of scores, or for one number, the score of the second of two classes."""
    logits = output_kind(model) == "logits"
    if model.outputs[0].shape[-1] == 1:
        return keras.losses.BinaryCrossentropy(from_logits=logits)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=logits)


def accuracy_of(model: keras.Model) -> keras.metrics.Metric:
    """Returns the share of right answers, of a row of scores or of one number."""
    if model.outputs[0].shape[-1] == 1:
        threshold = 0.0 if output_kind(model) == "logits" else 0.5
        return keras.metrics.BinaryAccuracy(name="accuracy", threshold=threshold)
    return keras.metrics.SparseCategoricalAccuracy(name="accuracy")


def match_rank(model: keras.Model, frames: Images) -> Images:
    """Returns `frames` (n, height, width[, channels]) with a channel axis where the model's input has one."""
    rank = len(model.inputs[0].shape)
    if rank == 4 and frames.ndim == 3:
        return frames[..., np.newaxis]
    if rank == 3 and frames.ndim == 4:
        return frames[..., 0]
    return frames


def shuffled_batches(
    frames: Images,
    labels: NDArray[np.int64],
    normalization: Normalization,
    *,
    config: TrainConfig,
    done: int = 0,
) -> tf.data.Dataset:
    """Returns batches of normalized float32 `frames` and their `labels`, shuffled and augmented in each epoch.

    They begin as fit has them after `done` epochs.
    """
    gather, classes = row_reader(frames), tf.constant(labels)
    mean = tf.constant(normalization.mean, tf.float32)
    std = tf.constant(normalization.std, tf.float32)
    kind = config.augment or "none"

    def batch(rows: tf.Tensor, seed: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        images = gather(rows)
        if seed is not None:
            images = augment(images, kind, seed)
        return (tf.cast(images, tf.float32) - mean) / std, tf.gather(classes, rows)

    order = tf.data.Dataset.range(len(frames)).shuffle(len(frames), seed=config.seed).batch(config.batch_size)
    if kind != "none":
        seeds = tf.data.Dataset.random(config.seed, rerandomize_each_iteration=True).batch(2)
        order = tf.data.Dataset.zip((order, seeds))
    for _ in range(done * _ITERATORS_PER_EPOCH):
        iter(order)  # which draws another order, and other seeds
    return order.map(batch, num_parallel_calls=1).prefetch(_PREFETCH)


def row_reader(frames: Images) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns what gives the rows of `frames` at some indices as a tensor, in a graph of tf.data.

    The frames are in a file: the rows of one batch are read from there, where a constant would hold all.
    """

    def read(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        return np.ascontiguousarray(frames[rows])  # not a memmap, whose rows are memmaps

    def gather(rows: tf.Tensor) -> tf.Tensor:
        images = tf.numpy_function(read, [rows], tf.uint8, stateful=False)
        images.set_shape((None, *frames.shape[1:]))
        return images

    return gather


def ordered_batches(named: NamedModel, validation: Labelled, batch_size: int) -> tf.data.Dataset:
    """Returns batches of the normalized float32 images of `validation` and their labels, in order."""
    images, labels = validation
    frames = match_rank(named.model, images)
    gather, classes = row_reader(frames), tf.constant(labels)
    mean, std = (np.asarray(values, np.float32) for values in (named.normalization.mean, named.normalization.std))

    def batch(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return (tf.cast(gather(rows), tf.float32) - mean) / std, tf.gather(classes, rows)

    return tf.data.Dataset.range(len(frames)).batch(batch_size).map(batch).prefetch(_PREFETCH)
