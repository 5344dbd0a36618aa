"""Diagnoses each layer: its error, the effect on the scores, and what helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edgeready.errors import DatasetError, ModelFileError
from edgeready.layer_analysis.layer_error import Damage, LayerError, LayerReport, Weights
from edgeready.layer_analysis.measures import POOR_LEVELS, Difference, Occupation, Values, decibels, params_of
from edgeready.layer_analysis.remedies import find_cause
from edgeready.layer_analysis.runner import LayerRunner, Sample, Trace
from edgeready.quantization.layer_names import name_layers
from edgeready.quantization.matching import LayerMatch, LayerPair, match_layers, real_values, weights_of
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.progress import Progress, no_progress
from edgeready_device.runtime.runtime import choose_runtime


def diagnose(
    float32: TfliteModel,
    integer: TfliteModel,
    samples: Sequence[Sample],
    *,
    names: tuple[str, str] = ("float32", "integer"),
    progress: Progress = no_progress,
) -> LayerReport:
    """Compares two .tflite of one network on `samples`: each holds the float32 inputs, in input order, with batch 1.

    `names` are those of the files. It takes as many inferences as there are pairs of a layer and a sample.

    Raises ModelFileError when the two do not belong together, DatasetError when the samples do not fit.
    """
    if not samples:
        raise DatasetError("0 samples: give at least one image to compare the layers on")
    for name, model in zip(names, (float32, integer)):
        if model.remembers_outside_tensors:
            raise ModelFileError(
                f"{name}: it keeps values from run to run outside of its tensors (resource variables, or random "
                "numbers), so that its layers depend on the samples before: give the model without them"
            )
    match = match_layers(float32.graph, integer.graph)
    runner = LayerRunner(match, float32.flatbuffer, integer.flatbuffer, runtime=choose_runtime("ai-edge-litert"))
    tallies = [_Tally.of(match, pair) for pair in match.pairs]
    whole, changed = Difference(), 0
    for number, sample in enumerate(samples):
        trace, total = runner.float_values(sample), runner.integer_values(sample)
        own = runner.own_errors(trace)
        exact = _scores([trace[index] for index in match.float32.outputs])
        rounded = _scores([total[index] for index in match.integer.outputs])
        whole.add(exact, rounded)
        changed += int(exact.argmax() != rounded.argmax())
        errors = [tally.add(trace, total, own) for tally in tallies]
        for tally, outputs in zip(tallies, runner.outputs_with_errors(sample, errors)):
            tally.add_damage(exact, _scores(outputs))
        progress("comparing layers", number + 1, len(samples))
    labels = name_layers(_name_candidates(match, pair) for pair in match.pairs)
    layers = [tally.layer_error(match, label) for tally, label in zip(tallies, labels)]
    return LayerReport(
        float32=names[0],
        integer=names[1],
        images=len(samples),
        scores=whole.error(),
        changed=changed,
        layers=_add_causes(layers),
    )


def _name_candidates(match: LayerMatch, pair: LayerPair) -> tuple[str, ...]:
    """Returns the names of a pair's result, of its weights (the result may have the output's name), and of its op."""
    weights = weights_of(match.float32, pair.float32)
    result = match.float32.tensors[pair.float32.outputs[0]].name
    return (result, *(() if weights is None else (weights.name,)), pair.integer.name.lower())


def _add_causes(layers: list[LayerError]) -> tuple[LayerError, ...]:
    """Returns the layers with their shares of the damage, the causes and the remedies."""
    noise = sum(layer.noise for layer in layers)
    with_shares = [replace(layer, share=layer.noise / noise if noise else 0.0) for layer in layers]
    causes = [find_cause(layer) for layer in with_shares]
    return tuple(replace(layer, cause=cause, remedy=remedy) for layer, (cause, remedy) in zip(with_shares, causes))


@dataclass
class _Tally:
    """The running sums of one pair of ops."""

    pair: LayerPair
    total: Difference
    own: Difference
    scores: Difference = field(default_factory=Difference)
    changed: int = 0
    images: int = 0
    grid: Occupation | None = None

    @classmethod
    def of(cls, match: LayerMatch, pair: LayerPair) -> _Tally:
        tensor = match.integer.tensors[pair.integer.outputs[0]]
        params = params_of(tensor)
        step = None if params is None else params.scale
        grid = None if params is None else Occupation(params, tensor.dtype)
        return cls(pair, Difference(step), Difference(step), grid=grid)

    def add(self, trace: Trace, total: Trace, own: Mapping[int, tuple[Values, Values]]) -> Trace:
        """Adds one image and returns the op's own errors by float32 tensor: none where it did not run alone."""
        errors: dict[int, Values] = {}
        for ours, theirs in zip(self.pair.float32.outputs, self.pair.integer.outputs):
            self.total.add(trace[ours], total[theirs])
            if theirs in own:
                exact, rounded = own[theirs]
                self.own.add(exact, rounded)
                if np.any(exact != rounded):
                    errors[ours] = (rounded - exact).reshape(trace[ours].shape)
        if self.grid is not None:
            values = trace[self.pair.float32.outputs[0]]
            features = values.ndim == 4 or self.pair.integer.name == "FULLY_CONNECTED"
            self.grid.add(values if features else values.reshape(-1, 1))
        return errors

    def add_damage(self, exact: Values, disturbed: Values) -> None:
        """Adds the `exact` scores of one image, and those that the op's own error `disturbed`."""
        self.scores.add(exact, disturbed)
        self.changed += int(exact.argmax() != disturbed.argmax())
        self.images += 1

    def layer_error(self, match: LayerMatch, name: str) -> LayerError:
        """Returns the LayerError of all added images."""
        damage = Damage(sqnr_db=self.scores.error().sqnr_db, changed=self.changed, images=self.images)
        return LayerError(
            layer=name,
            op=self.pair.integer.index,
            kind=self.pair.integer.name,
            tensor=match.integer.tensors[self.pair.integer.outputs[0]].name,
            total=self.total.error(),
            own=self.own.error() if self.own.count else None,
            damage=damage if self.own.count else None,
            range=None if self.grid is None else self.grid.range(),
            weights=_weights(match, self.pair),
        )


def _weights(match: LayerMatch, pair: LayerPair) -> Weights | None:
    """Returns how the weights of a layer lie in their grid; None for an op without, or with float32 weights."""
    ours, theirs = weights_of(match.float32, pair.float32), weights_of(match.integer, pair.integer)
    if ours is None or theirs is None or not theirs.scales or ours.shape != theirs.shape:
        return None
    exact, rounded = real_values(ours), real_values(theirs)
    axis = 3 if pair.integer.name == "DEPTHWISE_CONV_2D" else 0  # of the outputs
    others = tuple(n for n in range(exact.ndim) if n != axis)
    levels = np.abs(theirs.values().astype(np.int32)).max(axis=others)
    alive = levels[np.abs(exact).max(axis=others) > 0]
    noise = float(np.square(rounded - exact).sum())
    return Weights(
        sqnr_db=decibels(float(np.square(exact).sum()), noise),
        poor_channels=int((alive < POOR_LEVELS).sum()),
        channels=len(alive),
        per_tensor=not theirs.per_axis,
    )


def _scores(arrays: Sequence[Values]) -> Values:
    """Returns all outputs of one image in a row, minus their mean: what all scores have in common decides nothing."""
    row: Values = np.concatenate([np.asarray(array, np.float32).reshape(-1) for array in arrays])
    return np.asarray(row - row.mean(), np.float32) if row.size > 1 else row
