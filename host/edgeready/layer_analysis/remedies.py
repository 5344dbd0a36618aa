"""Names the cause of a layer's error and the remedy: one function for each cause, the first that applies decides.

The docstring of each function is its sentence in the manual (docs/comparison.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from edgeready.layer_analysis.layer_error import LayerError

# All of these are chosen: no measurement decides where an error begins to matter.
GOOD_DB = 30.0  # noise of a thousandth of the signal's power, as 8 bits have when nothing is wrong
_HARMLESS_DB = 40.0  # noise of 1 % of the size of the scores
_HARMLESS_SHARE = 0.05  # of the damage of all layers
_MOSTLY_INHERITED_DB = 3.0  # the layer's own noise is less than half of its noise
_MOSTLY_CLIPPED = 0.5  # of the noise of the grid
_MOSTLY_WEIGHTS_DB = 10.0  # the weights make nine tenths of the layer's own noise
_FEW_LEVELS = 64  # a quarter of the grid: 2 of 8 bits are lost to outliers
_CONSTANT_LEVELS = 8  # 3 of 8 bits
_POOR = 0.1  # of the channels: fewer are no fault of the whole layer


def explain_constant(layer: LayerError) -> str | None:
    """A result that hardly varies is rounding noise: leave the layer out, or calibrate with images that move it."""
    if layer.range is None or layer.range.levels >= _CONSTANT_LEVELS:
        return None
    return (
        f"its values span {layer.range.levels:.1f} steps of the grid, they are nearly constant: the "
        "layer can go, or the calibration images are not like these"
    )


def explain_clipped(layer: LayerError) -> str | None:
    """Values beyond the calibrated range are cut off: calibrate with more images, of the kind that comes later."""
    if layer.range is None or layer.range.clipped_noise < _MOSTLY_CLIPPED:
        return None
    return (
        f"{100 * layer.range.clipped:.2g} % of its values are beyond the calibrated range and cut off: calibrate "
        "with more images (--calibration-samples), of the kind that is seen later"
    )


def explain_weights(layer: LayerError) -> str | None:
    """Small weights share a scale with large ones and are rounded away: --max-drop evens them out between layers."""
    grid, own, weights = layer.range, layer.own, layer.weights
    if grid is None or own is None or weights is None or grid.rounding_db - own.sqnr_db < _MOSTLY_WEIGHTS_DB:
        return None
    if weights.per_tensor and weights.poor_channels >= _POOR * weights.channels:
        why = f"{weights.poor_channels} of {weights.channels} outputs use fewer than 16 of 127 steps"
    else:
        why = "weights that meet large inputs are small ones"
    return (
        f"rounding its weights costs {grid.rounding_db - own.sqnr_db:.0f} dB, {why}: even them out with "
        "cross-layer equalization (--max-drop does)"
    )


def explain_channels(layer: LayerError) -> str | None:
    """Channels with small values share a scale with one that has large ones: --max-drop evens them out."""
    grid = layer.range
    if grid is None or not grid.channels or grid.poor_channels < _POOR * grid.channels:
        return None
    return (
        f"{grid.poor_channels} of {grid.channels} channels use fewer than 16 steps of the grid, because "
        "another channel sets the scale: even them out with cross-layer equalization (--max-drop does)"
    )


def explain_outliers(layer: LayerError) -> str | None:
    """A few large values set the scale of all the others: cut them off with --calibration percentile or mse."""
    if layer.range is None or layer.range.usual_levels >= _FEW_LEVELS:
        return None
    return (
        f"99.9 % of its values lie within {layer.range.usual_levels:.0f} steps of the grid, a few large "
        "ones set the scale: cut them off with --calibration percentile or mse"
    )


def explain_rounding(layer: LayerError) -> str | None:
    """Many small roundings of weights and values: quantization-aware training helps, the end of --max-drop."""
    return "the sum of many roundings: quantization-aware training (the last attempt of --max-drop) learns around it"


CAUSES: dict[str, Callable[[LayerError], str | None]] = {
    "constant": explain_constant,
    "clipped": explain_clipped,
    "weights": explain_weights,
    "channels": explain_channels,
    "outliers": explain_outliers,
    "rounding": explain_rounding,
}
"""The causes by name, in the order in which they are tried."""

_FIXED = {
    "SOFTMAX": "its scale is fixed at 1/256: what is below is 0, and the order of the scores above stays",
    "LOGISTIC": "its scale is fixed at 1/256: what is below is 0, and the order of the scores above stays",
}


def find_cause(layer: LayerError) -> tuple[str, str]:
    """Returns the name of the cause and the remedy in a sentence; both are empty for a layer that does well."""
    if layer.damage is None or layer.damage.sqnr_db >= _HARMLESS_DB or layer.share < _HARMLESS_SHARE:
        return (
            ("inherited", "the error comes with its input: fix a layer before it") if _inherits(layer) else ("", "")
        )
    if layer.kind in _FIXED:
        return "fixed", _FIXED[layer.kind]
    sentences = ((name, explain(layer)) for name, explain in CAUSES.items())
    return next((name, sentence) for name, sentence in sentences if sentence is not None)


def _inherits(layer: LayerError) -> bool:
    """Returns whether most of a large error is not the layer's own."""
    own = layer.own.sqnr_db if layer.own is not None else math.inf
    return layer.total.sqnr_db < min(GOOD_DB, own - _MOSTLY_INHERITED_DB)
