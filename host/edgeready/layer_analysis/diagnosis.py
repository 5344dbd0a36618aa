"""The error of each layer, what it does to the scores, and what helps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edgeready.errors import DatasetError
from edgeready.layer_analysis.layer_error import Damage, LayerError, LayerReport, Range, Weights
from edgeready.layer_analysis.measures import POOR_LEVELS, Difference, Occupation, Values, decibels, params_of
from edgeready.layer_analysis.remedies import cause_of
from edgeready.layer_analysis.runner import Bench, Sample, Traced
from edgeready.quantization.layer_names import layer_names
from edgeready.quantization.matching import Pair, Twins, match, real_values, weights_of
from edgeready_device.runtime.runtime import choose_runtime
from edgeready_device.tflite.graph import read_graph

Progress = Callable[[int, int], None]


def diagnose(
    float32: bytes,
    integer: bytes,
    samples: Sequence[Sample],
    names: tuple[str, str] = ("float32", "integer"),
    progress: Progress | None = None,
) -> LayerReport:
    """The LayerReport of two .tflite of one network on `samples`: each the float32 inputs, in input order, batch 1.

    `names` are those of the files. Time: the number of layers times that of samples, in inferences.
    Raises ModelFileError when the two do not belong together, DatasetError when the samples do not fit.
    """
    if not samples:
        raise DatasetError("0 samples: give at least one image to compare the layers on")
    twins = match(read_graph(float32), read_graph(integer))
    bench = Bench(twins, float32, integer, choose_runtime("ai-edge-litert"))
    tallies = [_Tally.of(twins, pair) for pair in twins.pairs]
    whole, changed = Difference(), 0
    for number, sample in enumerate(samples):
        traced, total = bench.float_values(sample), bench.integer_values(sample)
        own = bench.own_errors(traced)
        wanted = _joined([traced[index] for index in twins.float32.outputs])
        got = _joined([total[index] for index in twins.integer.outputs])
        whole.add(wanted, got)
        changed += int(wanted.argmax() != got.argmax())
        errors = [tally.add(traced, total, own) for tally in tallies]
        for tally, outputs in zip(tallies, bench.disturbances(sample, errors)):
            tally.add_damage(wanted, _joined(outputs))
        if progress is not None:
            progress(number + 1, len(samples))
    spoken = layer_names(_names(twins, pair) for pair in twins.pairs)
    layers = [tally.layer(twins, name) for tally, name in zip(tallies, spoken)]
    return LayerReport(*names, len(samples), whole.error(), changed, _judged(layers))


def _names(twins: Twins, pair: Pair) -> tuple[str, ...]:
    """What may name a pair's layer: its result, its weights (the result may be named after the output), its kind."""
    weights = weights_of(twins.float32, pair.float32)
    result = twins.float32.tensors[pair.float32.outputs[0]].name
    return (result, *(() if weights is None else (weights.name,)), pair.integer.name.lower())


def _judged(layers: list[LayerError]) -> tuple[LayerError, ...]:
    """The layers with their shares of the damage, the causes and the remedies."""
    noise = sum(layer.noise for layer in layers)
    shared = (replace(layer, share=layer.noise / noise if noise else 0.0) for layer in layers)
    judged = ((layer, *cause_of(layer)) for layer in shared)
    return tuple(replace(layer, cause=cause, remedy=remedy) for layer, cause, remedy in judged)


@dataclass
class _Tally:
    """What is added up of one pair of ops."""

    pair: Pair
    total: Difference
    own: Difference
    scores: Difference = field(default_factory=Difference)
    changed: int = 0
    images: int = 0
    grid: Occupation | None = None

    @classmethod
    def of(cls, twins: Twins, pair: Pair) -> _Tally:
        tensor = twins.integer.tensors[pair.integer.outputs[0]]
        params = params_of(tensor)
        step = None if params is None else params.scale
        grid = None if params is None else Occupation(params, tensor.dtype)
        return cls(pair, Difference(step), Difference(step), grid=grid)

    def add(self, traced: Traced, total: Traced, own: Mapping[int, tuple[Values, Values]]) -> Traced:
        """Adds one image; returns the op's own errors by float32 tensor: none where it was not run alone."""
        errors: dict[int, Values] = {}
        for ours, theirs in zip(self.pair.float32.outputs, self.pair.integer.outputs):
            self.total.add(traced[ours], total[theirs])
            if theirs in own:
                exact, got = own[theirs]
                self.own.add(exact, got)
                if np.any(exact != got):
                    errors[ours] = (got - exact).reshape(traced[ours].shape)
        if self.grid is not None:
            values = traced[self.pair.float32.outputs[0]]
            features = values.ndim == 4 or self.pair.integer.name == "FULLY_CONNECTED"
            self.grid.add(values if features else values.reshape(-1, 1))
        return errors

    def add_damage(self, wanted: Values, got: Values) -> None:
        """Adds the scores of one image that were `wanted`, and those that the op's own error left."""
        self.scores.add(wanted, got)
        self.changed += int(wanted.argmax() != got.argmax())
        self.images += 1

    def layer(self, twins: Twins, name: str) -> LayerError:
        """What it all comes to."""
        return LayerError(
            name,
            self.pair.integer.index,
            self.pair.integer.name,
            twins.integer.tensors[self.pair.integer.outputs[0]].name,
            self.total.error(),
            self.own.error() if self.own.count else None,
            Damage(self.scores.error().sqnr_db, self.changed, self.images) if self.own.count else None,
            self._range(),
            _weights(twins, self.pair),
        )

    def _range(self) -> Range | None:
        return None if self.grid is None else self.grid.range()


def _weights(twins: Twins, pair: Pair) -> Weights | None:
    """How the weights of a layer fare; None of an op without, or whose weights stayed float32."""
    ours, theirs = weights_of(twins.float32, pair.float32), weights_of(twins.integer, pair.integer)
    if ours is None or theirs is None or not theirs.scales or ours.shape != theirs.shape:
        return None
    exact, rounded = real_values(ours), real_values(theirs)
    axis = 3 if pair.integer.name == "DEPTHWISE_CONV_2D" else 0  # where the outputs are
    others = tuple(n for n in range(exact.ndim) if n != axis)
    levels = np.abs(theirs.values().astype(np.int32)).max(axis=others)
    alive = levels[np.abs(exact).max(axis=others) > 0]
    noise = float(np.square(rounded - exact).sum())
    return Weights(
        decibels(float(np.square(exact).sum()), noise),
        int((alive < POOR_LEVELS).sum()),
        len(alive),
        not theirs.per_axis,
    )


def _joined(arrays: Sequence[Values]) -> Values:
    """All outputs of one image in a row, about their mean: what all scores have in common decides nothing."""
    row: Values = np.concatenate([np.asarray(array, np.float32).reshape(-1) for array in arrays])
    return np.asarray(row - row.mean(), np.float32) if row.size > 1 else row
