"""Fits a Keras classifier to a data set."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeready.config.build import TrainConfig
from edgeready.errors import TrainingError
from edgeready.tf.augment import augment
from edgeready.tf.models import NamedModel, output_kind
from edgeready_device.normalization import Normalization
from edgeready_device.progress import Progress, no_progress

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
) -> tuple[float, ...]:
    """Fits the model in place on uint8 `images` (n, height, width[, channels]) and class indices `labels` (n,).

    Returns the loss of each epoch; raises TrainingError when it diverges.
    """
    model = named.model
    frames = match_rank(model, images)
    steps = -(-len(frames) // config.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps * config.epochs)
    model.compile(keras.optimizers.Adam(rate), _loss_of(model))
    watcher = _Watcher(progress, steps, config.epochs)
    batches = shuffled_batches(frames, labels, named.normalization, config=config)
    history = model.fit(batches, epochs=config.epochs, shuffle=False, verbose=0, callbacks=[watcher])
    losses = tuple(float(loss) for loss in history.history["loss"])
    if not all(np.isfinite(losses)):
        raise TrainingError(f"the loss is {losses[-1]} after {len(losses)} epochs: give a smaller --learning-rate")
    return losses


def _loss_of(model: keras.Model) -> keras.losses.Loss:
    """Returns the cross-entropy for a row of scores, or for one number, the score of the second of two classes."""
    logits = output_kind(model) == "logits"
    if model.outputs[0].shape[-1] == 1:
        return keras.losses.BinaryCrossentropy(from_logits=logits)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=logits)


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
    pixels, classes = tf.constant(frames), tf.constant(labels)
    mean = tf.constant(normalization.mean, tf.float32)
    std = tf.constant(normalization.std, tf.float32)
    kind = config.augment or "none"

    def batch(rows: tf.Tensor, seed: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.gather(pixels, rows)
        if seed is not None:
            images = augment(images, kind, seed)
        return (tf.cast(images, tf.float32) - mean) / std, tf.gather(classes, rows)

    order = tf.data.Dataset.range(len(frames)).shuffle(len(frames), seed=config.seed).batch(config.batch_size)
    if kind != "none":
        seeds = tf.data.Dataset.random(config.seed, rerandomize_each_iteration=True).batch(2)
        order = tf.data.Dataset.zip((order, seeds))
    return order.map(batch, num_parallel_calls=1).prefetch(_PREFETCH)


class _Watcher(keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self, progress: Progress, steps: int, epochs: int) -> None:
        super().__init__()
        self._progress, self._steps, self._total, self._epoch = progress, steps, steps * epochs, 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        loss = float((logs or {}).get("loss", 0.0))
        label = f"training, epoch {self._epoch + 1} of {self._total // self._steps}, loss {loss:.3f}"
        self._progress(label, self._epoch * self._steps + batch + 1, self._total)
