"""What a layer's error comes from, and what helps: one small function a cause, the first that speaks decides.

The docstring of each is the sentence of the manual (docs/quantization.md has the same).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from edgeready.layer_analysis.layer_error import LayerError

GOOD_DB = 30.0  # noise of a thousandth of the signal's power: as 8 bits are when nothing is wrong
_HARMLESS_DB = 40.0  # noise of 1 % of the scores
_HARMLESS_SHARE = 0.05
_MOSTLY_INHERITED_DB = 3.0
_MOSTLY_CLIPPED = 0.5
_MOSTLY_WEIGHTS_DB = 10.0
_FEW_LEVELS = 64
_CONSTANT_LEVELS = 8
_POOR = 0.1  # the share of channels that makes it the layer's trouble
Said = str | None


def constant(layer: LayerError) -> Said:
    """A result that hardly varies is rounding noise: leave the layer out, or calibrate with images that move it."""
    if layer.range is None or layer.range.levels >= _CONSTANT_LEVELS:
        return None
    return (
        f"its values span {layer.range.levels:.1f} steps of the grid, they are nearly constant: the "
        "layer can go, or the calibration images are not like these"
    )


def clipped(layer: LayerError) -> Said:
    """Values beyond the calibrated range are cut off: calibrate with more images, of the kind that comes later."""
    if layer.range is None or layer.range.clipped_noise < _MOSTLY_CLIPPED:
        return None
    return (
        f"{100 * layer.range.clipped:.2g} % of its values are beyond the calibrated range and cut off: calibrate "
        "with more images (--calibration-samples), of the kind that is seen later"
    )


def weights(layer: LayerError) -> Said:
    """Small weights share a scale with large ones and are rounded away: --max-drop evens them out between layers."""
    grid, own, found = layer.range, layer.own, layer.weights
    if grid is None or own is None or found is None or grid.rounding_db - own.sqnr_db < _MOSTLY_WEIGHTS_DB:
        return None
    if found.per_tensor and found.poor_channels >= _POOR * found.channels:
        why = f"{found.poor_channels} of {found.channels} outputs use fewer than 16 of 127 steps"
    else:
        why = "weights that meet large inputs are small ones"
    return (
        f"rounding its weights costs {grid.rounding_db - own.sqnr_db:.0f} dB, {why}: even them out with "
        "cross-layer equalization (--max-drop does)"
    )


def channels(layer: LayerError) -> Said:
    """Channels with small values share a scale with one that has large ones: --max-drop evens them out."""
    found = layer.range
    if found is None or not found.channels or found.poor_channels < _POOR * found.channels:
        return None
    return (
        f"{found.poor_channels} of {found.channels} channels use fewer than 16 steps of the grid, because "
        "another channel sets the scale: even them out with cross-layer equalization (--max-drop does)"
    )


def outliers(layer: LayerError) -> Said:
    """A few large values set the scale of all the others: cut them off with --calibration percentile or mse."""
    if layer.range is None or layer.range.usual_levels >= _FEW_LEVELS:
        return None
    return (
        f"99.9 % of its values lie within {layer.range.usual_levels:.0f} steps of the grid, a few large "
        "ones set the scale: cut them off with --calibration percentile or mse"
    )


def rounding(layer: LayerError) -> Said:
    """Many small roundings of weights and values: quantization-aware training helps, the end of --max-drop."""
    return "the sum of many roundings: quantization-aware training (the last rung of --max-drop) learns around it"


CAUSES: tuple[Callable[[LayerError], Said], ...] = (
    constant,
    clipped,
    weights,
    channels,
    outliers,
    rounding,
)
_FIXED = {
    "SOFTMAX": "its scale is fixed at 1/256: what is below is 0, and the order of the scores above stays",
    "LOGISTIC": "its scale is fixed at 1/256: what is below is 0, and the order of the scores above stays",
}


def cause_of(layer: LayerError) -> tuple[str, str]:
    """The cause's name and the remedy in a sentence; both empty for a layer that does well."""
    if layer.damage is None or layer.damage.sqnr_db >= _HARMLESS_DB or layer.share < _HARMLESS_SHARE:
        return (
            ("inherited", "the error comes with its input: mend a layer before it") if _inherits(layer) else ("", "")
        )
    if layer.kind in _FIXED:
        return "fixed", _FIXED[layer.kind]
    said = ((cause.__name__, cause(layer)) for cause in CAUSES)
    return next((name, sentence) for name, sentence in said if sentence is not None)


def _inherits(layer: LayerError) -> bool:
    """Whether most of a large error is not the layer's own."""
    own = layer.own.sqnr_db if layer.own is not None else math.inf
    return layer.total.sqnr_db < min(GOOD_DB, own - _MOSTLY_INHERITED_DB)
