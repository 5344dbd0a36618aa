"""Computes a folded model as its 8-bit file will, in floats that can be trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeready.errors import ConversionError
from edgeready.tf.qat.calls import read_calls
from edgeready.tf.qat.fake_quantization import fit_grid, lower_halves, round_to_grid
from edgeready.tf.qat.steps import Grid, Step, expand_calls
from edgeready_device.normalization import Normalization

_BATCH = 100  # frames at once; chosen: large enough that the overhead of a call does not count


class Simulation:
    """A simulation of the uint8 file of the folded `model`, with the ranges of the last `observe`.

    The grids are the converter's: one for each tensor of the file. Ops that only move or pool values share the grid
    of their input; all ops that a Concatenate ties together have the grid of the Concatenate.
    """

    def __init__(self, model: keras.Model) -> None:
        calls = read_calls(model)
        self.model = model
        self._steps = expand_calls(calls)
        self._entry, self._exit = calls.entry, calls.exit
        self._source = _sources(self._steps, calls.entry)
        places = sorted(set(self._source.values()))
        self._row = {number: row for row, number in enumerate(places)}
        self._ranges = tf.Variable(np.zeros((len(places), 2), np.float32), trainable=False)

    def observe(self, frames: NDArray[np.uint8], normalization: Normalization) -> None:
        """Sets the ranges from `frames`: the least and largest value of each tensor, all in floats.

        Raises ConversionError when one is not finite.
        """
        extremes = [self._extremes(batch) for batch in _batches(frames, normalization)]
        low, high = np.min([low for low, _ in extremes], 0), np.max([high for _, high in extremes], 0)
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise ConversionError("the model's activations are not finite on the calibration images: train it again")
        scale, zero_point = fit_grid(low, high)
        self._ranges.assign(np.stack([(-128 - zero_point) * scale, (127 - zero_point) * scale], 1))

    def logits(self, image: Any, training: bool = False) -> Any:
        """Returns the simulated scores of normalized float frames, before the softmax if the model ends in one."""
        values = self._values(image, training)
        last = self._steps[-1]
        softmax = last.grid is Grid.FIXED and last.exact is tf.nn.softmax
        return values[last.inputs[0] if softmax else self._exit]

    def predict(self, frames: NDArray[np.uint8], normalization: Normalization) -> NDArray[np.float32]:
        """Returns the simulated scores (n, classes) of uint8 `frames` in the rank of the model."""
        return np.concatenate([self._answer(batch).numpy() for batch in _batches(frames, normalization)])

    def loss(self, frames: NDArray[np.uint8], labels: NDArray[np.int64], normalization: Normalization) -> float:
        """Returns the mean cross-entropy of the simulated scores of uint8 `frames` with the classes `labels`."""
        error = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
        total, start = 0.0, 0
        for batch in _batches(frames, normalization):
            total += float(error(labels[start : start + len(batch)], self._logits(batch)))
            start += len(batch)
        return total / len(frames)

    @property
    def ranges(self) -> NDArray[np.float32]:
        """The least and largest value, (tensors, 2), on each grid that the format does not set."""
        return np.asarray(self._ranges.numpy())

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def _answer(self, image: Any) -> Any:
        return self._values(image, False)[self._exit]

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def _logits(self, image: Any) -> Any:
        return self.logits(image)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def _extremes(self, image: Any) -> Any:
        values = {self._entry: image}
        for step in self._steps:
            values[step.output] = step.exact(*(values[number] for number in step.inputs))
        watched = [values[number] for number in self._row]
        return tf.stack([tf.reduce_min(v) for v in watched]), tf.stack([tf.reduce_max(v) for v in watched])

    def _values(self, image: Any, training: bool) -> dict[int, Any]:
        values = {self._entry: self._round(self._entry, image)}
        for step in self._steps:
            inputs = [values[number] for number in step.inputs]
            if isinstance(step.layer, _RANDOM) and training:
                values[step.output] = step.layer(inputs[0], training=True)
            elif step.ends is not None:
                values[step.output] = round_to_grid(step.exact(*inputs), *step.ends)
            else:
                pooled = isinstance(step.layer, keras.layers.AveragePooling2D)
                values[step.output] = self._round(step.output, step.quantized(*inputs), pooled)
        return values

    def _round(self, number: int, value: Any, pooled: bool = False) -> Any:
        source = self._source.get(number)
        if source is None:
            return value
        low, high = tf.unstack(self._ranges[self._row[source]])
        return round_to_grid(lower_halves(value, low, high) if pooled else value, low, high)


_RANDOM = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout2D,
    keras.layers.GaussianNoise,
    keras.layers.GaussianDropout,
)


def _sources(steps: tuple[Step, ...], entry: int) -> dict[int, int]:
    """Returns for each tensor the tensor whose values set its range; tensors whose range the format sets are absent.

    Tied tensors have the range of the last Concatenate that ties them, else that of the first of them: the converter
    was seen to do so (TensorFlow 2.21).
    """
    groups: dict[int, list[int]] = {entry: [entry]}
    sources: dict[int, int] = {entry: entry}
    for step in steps:
        if step.grid is Grid.FIXED:
            continue
        members, source = [step.output], step.output
        if step.grid is Grid.JOINED:
            tied = {id(groups[number]): groups[number] for number in step.inputs if number in groups}
            members += [number for group in tied.values() for number in group]
        elif step.grid is Grid.SAME:
            if step.inputs[0] not in groups:
                continue  # moved values of a fixed grid
            members += groups[step.inputs[0]]
            source = sources[step.inputs[0]]
        for number in members:
            groups[number], sources[number] = members, source
    return sources


def _batches(frames: NDArray[np.uint8], normalization: Normalization) -> Iterator[Any]:
    for start in range(0, len(frames), _BATCH):
        yield tf.constant(normalization.apply(np.asarray(frames[start : start + _BATCH])))
