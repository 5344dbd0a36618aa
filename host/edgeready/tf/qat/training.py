"""Fine-tunes a classifier with its weights and activations on the grids of its 8-bit file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeready.config.build import TrainConfig
from edgeready.config.method import QatConfig
from edgeready.errors import ConversionError, TrainingError
from edgeready.files.stored_images import Images
from edgeready.tf import train
from edgeready.tf.models import NamedModel
from edgeready.tf.qat.folding import fold
from edgeready.tf.qat.simulation import Simulation
from edgeready_device.normalization import Normalization
from edgeready_device.progress import Progress, no_progress

layers = keras.layers
_OBSERVE_EVERY = 200  # steps; chosen: the ranges move little in so few, and each observation runs every frame
# Steps from which the rate starts in full; with fewer it is lower by the square root. Chosen: measured on a depthwise
# network and 500 MNIST images, 13 steps at the full rate took the file from 68 % to 64 %.
_FULL_RATE_STEPS = 1000
_USUAL_SIZE = 0.1  # chosen: about the size of the weights of a trained network before normalization is folded in
_MOST_UNEVEN = 1e4  # chosen: a channel 10,000 times smaller than the largest is dead


@dataclass(frozen=True, kw_only=True)
class FineTuned:
    """A network after a training in 8 bits, with the weights of `epoch`; 0: nothing was better than the start."""

    named: NamedModel
    epoch: int


def fine_tune(
    named: NamedModel,
    images: Images,
    labels: NDArray[np.int64],
    calibration: Images,
    *,
    config: QatConfig,
    calibration_labels: NDArray[np.int64] | None = None,
    progress: Progress = no_progress,
) -> FineTuned:
    """Returns a plain model without normalization layers, trained so that its uint8 file loses less accuracy.

    `images` are uint8 (n, height, width[, channels]) with the classes `labels` (n,); `calibration` holds the frames
    that the conversion measures its ranges on. The ranges follow the weights: they are measured again every few steps
    as the conversion does it, so that the trained model is the converted one. `named` stays as it is.

    The frames of `calibration` also judge each epoch, by the simulated loss: the weights of the best one are kept, or
    those before the first. `calibration_labels` are their classes; None takes the answers of `named`.

    Raises ConversionError for a layer that it cannot train and TrainingError when the loss diverges.
    """
    if named.model.outputs[0].shape[-1] == 1:
        raise ConversionError(
            f"{named.name} gives one number, and --qat trains rows of scores: end it in two outputs and a softmax"
        )
    train.seed_everything(config.seed)
    folded = fold(named.model)
    simulation = Simulation(folded)
    frames, observed = train.match_rank(folded, images), np.asarray(train.match_rank(folded, calibration))
    batches = train.shuffled_batches(frames, labels, named.normalization, config=_plan_of(config))
    steps = -(-len(frames) // config.batch_size)
    train_on_batch = _training_step(simulation, keras.optimizers.Adam(_rate(config, steps * config.epochs)))
    judge = _Judge(simulation, observed, calibration_labels, named.normalization)
    judge.judge(0)
    done = 0
    for epoch in range(config.epochs):
        for image, label in batches:
            if done % _OBSERVE_EVERY == 0:
                simulation.observe(observed, named.normalization)
            loss = float(train_on_batch(image, label))
            done += 1
            if not np.isfinite(loss):
                raise TrainingError(f"the loss is {loss} after {done} steps: give a smaller learning rate")
            label = f"training in 8 bits, epoch {epoch + 1} of {config.epochs}, loss {loss:.3f}"
            progress(label, done, steps * config.epochs)
        judge.judge(epoch + 1)
    folded.set_weights(judge.weights)
    return FineTuned(named=NamedModel(named.name, folded, named.normalization), epoch=judge.epoch)


def _plan_of(config: QatConfig) -> TrainConfig:
    """Returns `config` as what shuffles and augments the images of any training."""
    return TrainConfig(
        epochs=config.epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        seed=config.seed,
        augment=config.augment,
    )


def _rate(config: QatConfig, steps: int) -> Any:
    """Returns the learning rate by the step, which falls to 0 along a cosine; few steps start it lower."""
    start = config.learning_rate * min(1.0, math.sqrt(steps / _FULL_RATE_STEPS))
    return keras.optimizers.schedules.CosineDecay(start, steps)


class _Judge:
    """Keeps the weights of a simulated model with the lowest loss on `frames`, and the `epoch` that they are of."""

    def __init__(
        self,
        simulation: Simulation,
        frames: NDArray[np.uint8],
        labels: NDArray[np.int64] | None,
        normalization: Normalization,
    ) -> None:
        self._simulation, self._frames, self._normalization = simulation, frames, normalization
        if labels is None:
            scores = simulation.model.predict(normalization.apply(np.asarray(frames)), verbose=0)
            labels = np.asarray(scores).argmax(1)
        self._labels = labels
        self._least, self.epoch, self.weights = math.inf, 0, simulation.model.get_weights()

    def judge(self, epoch: int) -> None:
        """Measures the ranges and the loss of the weights of `epoch`, and keeps them if they are the best so far."""
        self._simulation.observe(self._frames, self._normalization)
        loss = self._simulation.loss(self._frames, self._labels, self._normalization)
        if loss < self._least:
            self._least, self.epoch, self.weights = loss, epoch, self._simulation.model.get_weights()


def _training_step(simulation: Simulation, optimizer: Any) -> Any:
    """Returns the function that trains on one batch and returns the loss.

    Folding leaves output channels of very different size, and Adam moves every weight by the same amount. So Adam
    works on weights divided by the size of their channel: a step changes all channels by about the same share.
    """
    variables = [(layer, weight) for layer in simulation.model.layers for weight in layer.trainable_variables]
    weights = [variable.value for _, variable in variables]
    sizes = [tf.constant(_sizes(layer, variable.numpy())) for layer, variable in variables]
    evened = [tf.Variable(weight / size) for weight, size in zip(weights, sizes, strict=True)]
    optimizer.build(evened)
    error = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def train_on_batch(image: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = error(label, simulation.logits(image, training=True))
        slopes = tape.gradient(loss, weights)
        optimizer.apply([slope * size for slope, size in zip(slopes, sizes, strict=True)], evened)
        for weight, part, size in zip(weights, evened, sizes, strict=True):
            weight.assign(part * size)
        return loss

    return train_on_batch


def _sizes(layer: Any, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the size of each output channel of a kernel, in a shape that divides it; 1 for biases.

    The unit is the usual size of a weight, so that the learning rate means the same as in other trainings.
    """
    if values.ndim == 1:
        return np.ones_like(values)
    inputs = {layers.DepthwiseConv2D: (0, 1), layers.Conv2DTranspose: (0, 1, 3)}
    axes = inputs.get(type(layer), tuple(range(values.ndim - 1)))
    sizes = np.sqrt(np.mean(values**2, axes, keepdims=True)) / _USUAL_SIZE
    return np.asarray(np.maximum(sizes, sizes.max() / _MOST_UNEVEN) if sizes.any() else np.ones_like(sizes))
