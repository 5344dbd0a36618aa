"""Fine-tunes a classifier with its weights and activations on the grids of its 8-bit file."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeready.config.build import TrainConfig
from edgeready.config.method import QatConfig
from edgeready.errors import TrainingError
from edgeready.tf import train
from edgeready.tf.models import NamedModel
from edgeready.tf.qat.folding import fold
from edgeready.tf.qat.simulation import Simulation
from edgeready_device.progress import Progress

layers = keras.layers
_OBSERVED_EVERY = 200  # steps
_USUAL_SIZE = 0.1  # of the weights of a trained network before its normalization is folded in
_MOST_UNEVEN = 1e4  # channels that are smaller than this share of the largest are dead


def fine_tune(
    named: NamedModel,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    calibration: NDArray[np.uint8],
    config: QatConfig,
    progress: Progress | None = None,
) -> NamedModel:
    """A plain model without normalization layers, trained so that its uint8 file loses less; `named` stays as it is.

    Takes uint8 `images` (n, height, width[, channels]) with the classes `labels` (n,)
    and the frames `calibration` from which the conversion takes its ranges. The ranges follow the weights: they are
    taken anew every few steps in the very way of the conversion, so that what is trained is what is converted.
    Raises ConversionError for a layer that it cannot take and TrainingError when the loss diverges.
    """
    train.seed_everything(config.seed)
    folded = fold(named.model)
    simulation = Simulation(folded)
    frames, calibrating = (train.fitting_frames(folded, each) for each in (images, calibration))
    plan = TrainConfig(
        epochs=config.epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        seed=config.seed,
        augment=config.augment,
    )
    batches = train.shuffled_batches(frames, labels, named.normalization, plan)
    steps = -(-len(frames) // config.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps * config.epochs)
    learn = _step(simulation, keras.optimizers.Adam(rate))
    done = 0
    for _ in range(config.epochs):
        for image, label in batches:
            if done % _OBSERVED_EVERY == 0:
                simulation.observe(calibrating, named.normalization)
            loss = float(learn(image, label))
            done += 1
            if not np.isfinite(loss):
                raise TrainingError(f"the loss is {loss} after {done} steps: give a smaller learning rate")
            if progress is not None:
                progress(f"training in 8 bits, loss {loss:.3f}", done, steps * config.epochs)
    return NamedModel(named.name, folded, named.normalization)


def _step(simulation: Simulation, optimizer: Any) -> Any:
    """The function that takes a batch, improves the weights once and gives the loss.

    Folding leaves output channels of very different size, and Adam moves every weight by the same amount. So it works
    on weights that are divided by the size of their channel: a step changes all channels by about the same share.
    """
    variables = [(layer, weight) for layer in simulation.model.layers for weight in layer.trainable_variables]
    weights = [variable.value for _, variable in variables]
    sizes = [tf.constant(_sizes(layer, variable.numpy())) for layer, variable in variables]
    evened = [tf.Variable(weight / size) for weight, size in zip(weights, sizes, strict=True)]
    optimizer.build(evened)
    error = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def learn(image: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = error(label, simulation.logits(image, training=True))
        slopes = tape.gradient(loss, weights)
        optimizer.apply([slope * size for slope, size in zip(slopes, sizes, strict=True)], evened)
        for weight, part, size in zip(weights, evened, sizes, strict=True):
            weight.assign(part * size)
        return loss

    return learn


def _sizes(layer: Any, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The size of each output channel of a kernel, in a shape that divides it; 1 for biases.

    It is the root of the mean square in units of a usual one, so that the learning rate means what it does elsewhere.
    """
    if values.ndim == 1:
        return np.ones_like(values)
    inputs = {layers.DepthwiseConv2D: (0, 1), layers.Conv2DTranspose: (0, 1, 3)}
    axes = inputs.get(type(layer), tuple(range(values.ndim - 1)))
    found = np.sqrt(np.mean(values**2, axes, keepdims=True)) / _USUAL_SIZE
    return np.asarray(np.maximum(found, found.max() / _MOST_UNEVEN) if found.any() else np.ones_like(found))
