"""Fine-tunes a classifier with its weights and activations on the grids of its 8-bit file."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeready.config.build import TrainConfig
from edgeready.config.method import QatConfig
from edgeready.errors import ConversionError, TrainingError
from edgeready.tf import train
from edgeready.tf.models import NamedModel
from edgeready.tf.qat.folding import fold
from edgeready.tf.qat.simulation import Simulation
from edgeready_device.progress import Progress, no_progress

layers = keras.layers
_OBSERVE_EVERY = 200  # steps; chosen: the ranges move little in so few, and each observation runs every frame
_USUAL_SIZE = 0.1  # chosen: about the size of the weights of a trained network before normalization is folded in
_MOST_UNEVEN = 1e4  # chosen: a channel 10,000 times smaller than the largest is dead


def fine_tune(
    named: NamedModel,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    calibration: NDArray[np.uint8],
    *,
    config: QatConfig,
    progress: Progress = no_progress,
) -> NamedModel:
    """Returns a plain model without normalization layers, trained so that its uint8 file loses less accuracy.

    `images` are uint8 (n, height, width[, channels]) with the classes `labels` (n,); `calibration` holds the frames
    that the conversion measures its ranges on. The ranges follow the weights: they are measured again every few steps
    as the conversion does it, so that the trained model is the converted one. `named` stays as it is.

    Raises ConversionError for a layer that it cannot train and TrainingError when the loss diverges.
    """
    if named.model.outputs[0].shape[-1] == 1:
        raise ConversionError(
            f"{named.name} gives one number, and --qat trains rows of scores: end it in two outputs and a softmax"
        )
    train.seed_everything(config.seed)
    folded = fold(named.model)
    simulation = Simulation(folded)
    frames, observed = (train.match_rank(folded, array) for array in (images, calibration))
    plan = TrainConfig(
        epochs=config.epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        seed=config.seed,
        augment=config.augment,
    )
    batches = train.shuffled_batches(frames, labels, named.normalization, config=plan)
    steps = -(-len(frames) // config.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps * config.epochs)
    train_on_batch = _training_step(simulation, keras.optimizers.Adam(rate))
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
    return NamedModel(named.name, folded, named.normalization)


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
