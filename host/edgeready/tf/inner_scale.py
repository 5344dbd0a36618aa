"""Whether a Keras network normalizes pixels in its own first layers, so that it takes them as they are."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from edgeready_device.normalization import RAW, UNIT, Normalization

# Layers and operations that come before the first weights and change values, or pass them on.
_SCALES = (
    "Rescaling",
    "Normalization",
    "TrueDivide",
    "Divide",
    "Multiply",
    "Subtract",
    "Add",
    "Negative",
    "Resizing",
)
_PASSES = ("InputLayer", "Reshape", "Cast", "Dropout", "GaussianNoise", "Permute", "GetItem", "Flip", "Stack")
_PASSES_BEGINNING = ("Random", "ZeroPadding", "CenterCrop", "Cropping")
# A network that divides pixels by 16 or more, or takes 64 or more away, was made for 0 to 255; chosen: those for 0 to
# 1 do neither, and those for pixels divide by 58 or more, or take means of 100 or more away.
_LEAST_DIVISOR, _LEAST_OFFSET = 16.0, 64.0


def inner_normalization(model: keras.Model) -> Normalization:
    """Returns how pixels go into `model` unless somebody says: as they are where it normalizes them, else 0 to 1."""
    tensor = _before_weights(model)
    if tensor is None:
        return UNIT
    front = keras.Model(model.inputs, tensor)
    shape = [1, *(size or 8 for size in model.inputs[0].shape[1:])]  # 8: any size of an open one
    black, white = (np.asarray(front(np.full(shape, level, np.float32), training=False)) for level in (0, 255))
    if black.size == 0 or not (np.isfinite(black).all() and np.isfinite(white).all()):
        return UNIT
    slope = float(np.median(np.abs(white - black))) / 255
    return RAW if slope <= 1 / _LEAST_DIVISOR or float(np.abs(black).max()) >= _LEAST_OFFSET else UNIT


def _before_weights(model: keras.Model) -> Any:
    """Returns the last tensor that only scaling has made of the input of `model`; None where nothing scales it."""
    if len(getattr(model, "inputs", None) or ()) != 1:
        return None
    tensor, scaled = model.inputs[0], None
    for operation in getattr(model, "operations", model.layers):
        kind = type(operation).__name__
        inner = _before_weights(operation) if isinstance(operation, keras.Model) else None
        if inner is not None and scaled is None:
            return keras.Model(operation.inputs, inner)(tensor)
        if kind not in (*_SCALES, *_PASSES) and not kind.startswith(_PASSES_BEGINNING):
            break
        tensor = operation.output
        scaled = tensor if kind in _SCALES else scaled
    return scaled
