"""A folded model computed as its 8-bit file will compute it, in floats that can be trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeready.errors import ConversionError
from edgeready.tf.qat.calls import read_calls
from edgeready.tf.qat.fake_quantization import grid_of, on_grid, with_halves_down
from edgeready.tf.qat.steps import Grid, Step, steps_of
from edgeready_device.preprocess import Normalization

_BATCH = 100


class Simulation:
    """What the uint8 file of the folded `model` will answer, with the ranges that `observe` found last.

    The grids are the converter's: one per tensor that the file has. Ops that only move or pool values share one
    with what they take; ops that a Concatenate ties together all have the Concatenate's.
    """

    def __init__(self, model: keras.Model) -> None:
        calls = read_calls(model)
        self.model = model
        self._steps = steps_of(calls)
        self._entry, self._exit = calls.entry, calls.exit
        self._source = _sources(self._steps, calls.entry)
        places = sorted(set(self._source.values()))
        self._row = {number: row for row, number in enumerate(places)}
        self._ranges = tf.Variable(np.zeros((len(places), 2), np.float32), trainable=False)

    def observe(self, frames: NDArray[np.uint8], normalization: Normalization) -> None:
        """Takes the ranges from `frames`: the least and largest value of each tensor, all in floats.

        Raises ConversionError when one is not finite.
        """
        found = [self._extremes(batch) for batch in _batches(frames, normalization)]
        low, high = np.min([low for low, _ in found], 0), np.max([high for _, high in found], 0)
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise ConversionError("the model's activations are not finite on the calibration images: train it again")
        scale, zero_point = grid_of(low, high)
        self._ranges.assign(np.stack([(-128 - zero_point) * scale, (127 - zero_point) * scale], 1))

    def logits(self, image: Any, training: bool = False) -> Any:
        """The simulated scores of normalized float frames, ahead of a softmax where the model ends in one."""
        values = self._values(image, training)
        last = self._steps[-1]
        softmax = last.grid is Grid.FIXED and last.exact is tf.nn.softmax
        return values[last.takes[0] if softmax else self._exit]

    def predict(self, frames: NDArray[np.uint8], normalization: Normalization) -> NDArray[np.float32]:
        """The simulated scores (n, classes) of uint8 `frames` in the rank of the model."""
        return np.concatenate([self._answer(batch).numpy() for batch in _batches(frames, normalization)])

    @property
    def ranges(self) -> NDArray[np.float32]:
        """(tensors, 2): the least and largest value on each grid that is not set by the format."""
        return np.asarray(self._ranges.numpy())

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def _answer(self, image: Any) -> Any:
        return self._values(image, False)[self._exit]

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def _extremes(self, image: Any) -> Any:
        values = {self._entry: image}
        for step in self._steps:
            values[step.gives] = step.exact(*(values[number] for number in step.takes))
        watched = [values[number] for number in self._row]
        return tf.stack([tf.reduce_min(v) for v in watched]), tf.stack([tf.reduce_max(v) for v in watched])

    def _values(self, image: Any, training: bool) -> dict[int, Any]:
        values = {self._entry: self._rounded(self._entry, image)}
        for step in self._steps:
            taken = [values[number] for number in step.takes]
            if isinstance(step.layer, _RANDOM) and training:
                values[step.gives] = step.layer(taken[0], training=True)
            elif step.ends is not None:
                values[step.gives] = on_grid(step.exact(*taken), *step.ends)
            else:
                pooled = isinstance(step.layer, keras.layers.AveragePooling2D)
                values[step.gives] = self._rounded(step.gives, step.quantized(*taken), pooled)
        return values

    def _rounded(self, number: int, value: Any, pooled: bool = False) -> Any:
        source = self._source.get(number)
        if source is None:
            return value
        low, high = tf.unstack(self._ranges[self._row[source]])
        return on_grid(with_halves_down(value, low, high) if pooled else value, low, high)


_RANDOM = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout2D,
    keras.layers.GaussianNoise,
    keras.layers.GaussianDropout,
)


def _sources(steps: tuple[Step, ...], entry: int) -> dict[int, int]:
    """By tensor the one whose values give its range; without the tensors whose range the format sets.

    Tied tensors take the last Concatenate's that ties them, else that of the first of them: this is what the
    converter was seen to do (TensorFlow 2.21).
    """
    groups: dict[int, list[int]] = {entry: [entry]}
    chosen: dict[int, int] = {entry: entry}
    for step in steps:
        if step.grid is Grid.FIXED:
            continue
        members, source = [step.gives], step.gives
        if step.grid is Grid.JOINED:
            tied = {id(groups[number]): groups[number] for number in step.takes if number in groups}
            members += [number for group in tied.values() for number in group]
        elif step.grid is Grid.SAME:
            if step.takes[0] not in groups:
                continue  # moved values of a fixed grid
            members += groups[step.takes[0]]
            source = chosen[step.takes[0]]
        for number in members:
            groups[number], chosen[number] = members, source
    return chosen


def _batches(frames: NDArray[np.uint8], normalization: Normalization) -> Iterator[Any]:
    for start in range(0, len(frames), _BATCH):
        yield tf.constant(normalization.apply(np.asarray(frames[start : start + _BATCH])))
