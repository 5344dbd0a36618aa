"""Fits a Keras classifier to a data set."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeready.config.build import TrainConfig
from edgeready.errors import TrainingError
from edgeready.files.atomic import write_files
from edgeready.jobs.training import Epoch, csv_lines
from edgeready.tf.augment import augment
from edgeready.tf.models import NamedModel, output_kind
from edgeready_device.normalization import Normalization
from edgeready_device.progress import Progress, no_progress

Labelled = tuple[NDArray[np.uint8], NDArray[np.int64]]  # images and their class indices
_PREFETCH = 4  # batches made ahead; chosen: a few hide the time that one takes


def seed_everything(seed: int) -> None:
    """Makes model and training repeatable on this machine; call it before the model is built."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def train(
    named: NamedModel,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    config: TrainConfig,
    progress: Progress = no_progress,
    *,
    validation: Labelled | None = None,
    log: str = "",
) -> tuple[Epoch, ...]:
    """Fits the model in place on uint8 `images` (n, height, width[, channels]) and class indices `labels` (n,).

    With `validation` images the model gets the weights of the epoch with the lowest loss on them, and the training
    ends where `config.patience` epochs brought no lower one. `log` names a CSV file that has the epochs so far.

    Returns the epochs; raises TrainingError when the loss diverges.
    """
    model = named.model
    frames = match_rank(model, images)
    steps = -(-len(frames) // config.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps * config.epochs)
    model.compile(keras.optimizers.Adam(rate), _loss_of(model), metrics=[_accuracy_of(model)])
    watcher = _Watcher(progress, steps, config.epochs, keep=_log_writer(log))
    batches = shuffled_batches(frames, labels, named.normalization, config=config)
    model.fit(
        batches,
        epochs=config.epochs,
        shuffle=False,
        verbose=0,
        callbacks=[watcher, *([] if validation is None else [_Best(config.patience)])],
        validation_data=None if validation is None else _ordered_batches(named, validation, config.batch_size),
        class_weight=balanced_weights(labels) if config.class_weights else None,
    )
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


def _log_writer(log: str) -> Callable[[list[Epoch]], None]:
    """Returns what keeps the epochs so far in the CSV file `log`, which is whole at any time; "" for nowhere."""
    if not log:
        return lambda epochs: None
    return lambda epochs: write_files({Path(log): csv_lines(epochs).encode()})


def _loss_of(model: keras.Model) -> keras.losses.Loss:
    """Returns the cross-entropy for a row of scores, or for one number, the score of the second of two classes."""
    logits = output_kind(model) == "logits"
    if model.outputs[0].shape[-1] == 1:
        return keras.losses.BinaryCrossentropy(from_logits=logits)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=logits)


def _accuracy_of(model: keras.Model) -> keras.metrics.Metric:
    """Returns the share of right answers, of a row of scores or of one number."""
    if model.outputs[0].shape[-1] == 1:
        threshold = 0.0 if output_kind(model) == "logits" else 0.5
        return keras.metrics.BinaryAccuracy(name="accuracy", threshold=threshold)
    return keras.metrics.SparseCategoricalAccuracy(name="accuracy")


def match_rank(model: keras.Model, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns `frames` (n, height, width[, channels]) with a channel axis where the model's input has one."""
    rank = len(model.inputs[0].shape)
    if rank == 4 and frames.ndim == 3:
        return frames[..., np.newaxis]
    if rank == 3 and frames.ndim == 4:
        return frames[..., 0]
    return frames


def shuffled_batches(
    frames: NDArray[np.uint8], labels: NDArray[np.int64], normalization: Normalization, config: TrainConfig
) -> tf.data.Dataset:
    """Returns batches of normalized float32 `frames` and their `labels`, shuffled and augmented in each epoch."""
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
    return order.map(batch, num_parallel_calls=1).prefetch(_PREFETCH)


def row_reader(frames: NDArray[np.uint8]) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns what gives the rows of `frames` at some indices as a tensor, in a graph of tf.data.

    The frames are mapped from a file: numpy reads the rows of one batch from there, where a constant would hold all.
    """
    pixels = np.asarray(frames)  # not a memmap, whose rows would be memmaps

    def read(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        return pixels[rows]

    def gather(rows: tf.Tensor) -> tf.Tensor:
        images = tf.numpy_function(read, [rows], tf.uint8, stateful=False)
        images.set_shape((None, *pixels.shape[1:]))
        return images

    return gather


def _ordered_batches(named: NamedModel, validation: Labelled, batch_size: int) -> tf.data.Dataset:
    """Returns batches of the normalized float32 images of `validation` and their labels, in order."""
    images, labels = validation
    frames = match_rank(named.model, images)
    gather, classes = row_reader(frames), tf.constant(labels)
    mean, std = (np.asarray(values, np.float32) for values in (named.normalization.mean, named.normalization.std))

    def batch(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return (tf.cast(gather(rows), tf.float32) - mean) / std, tf.gather(classes, rows)

    return tf.data.Dataset.range(len(frames)).batch(batch_size).map(batch).prefetch(_PREFETCH)


class _Watcher(keras.callbacks.Callback):  # type: ignore[misc]
    """Shows the progress, collects the epochs, and hands them to `keep` as each ends."""

    def __init__(self, progress: Progress, steps: int, total: int, *, keep: Callable[[list[Epoch]], None]) -> None:
        super().__init__()
        self.epochs: list[Epoch] = []
        self._progress, self._steps, self._total, self._keep = progress, steps, total, keep
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._started = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._show(f"loss {float((logs or {}).get('loss', 0.0)):.3f}", len(self.epochs) + 1, batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        figures = {name: float(value) for name, value in (logs or {}).items()}
        ended = Epoch(epoch=epoch + 1, seconds=round(time.monotonic() - self._started, 3), **figures)
        self.epochs.append(ended)
        self._show(ended.to_text(), ended.epoch, self._steps)
        self._keep(self.epochs)

    def _show(self, figures: str, epoch: int, batches: int) -> None:
        label = f"training, epoch {epoch} of {self._total}, {figures}"
        self._progress(label, (epoch - 1) * self._steps + batches, self._total * self._steps)


class _Best(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the weights of the lowest loss on the validation; `patience` epochs without a lower one end it."""

    def __init__(self, patience: int | None) -> None:
        super().__init__()
        self._patience, self._waited = patience, 0
        self._loss, self._weights = float("inf"), None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        loss = float((logs or {})["val_loss"])
        if loss < self._loss:
            self._loss, self._weights, self._waited = loss, self.model.get_weights(), 0
            return
        self._waited += 1
        if self._waited == self._patience:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self._weights is not None:
            self.model.set_weights(self._weights)
