"""What quantization does to one layer, and to all of them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class TensorError:
    """How far the dequantized values of a tensor are from the float32 ones.

    `sqnr_db` is the signal's power over the noise's in decibels (inf where there is no error); `bias` and `largest`
    are the mean and the largest error in real units, `bias_steps` and `largest_steps` in steps of the tensor's own
    scale, None where it is not quantized.
    """

    sqnr_db: float
    bias: float
    largest: float
    bias_steps: float | None = None
    largest_steps: float | None = None


@dataclass(frozen=True)
class Range:
    """How a layer's float32 values lie in the grid of its 8-bit result.

    `clipped` is the share of values beyond the grid, `clipped_noise` their part in the noise that the grid makes, of
    which `rounding_db` is the SQNR; `levels` the steps between the least and the greatest value,
    `usual_levels` those that hold 99.9 % of the values; `poor_channels` of `channels` use fewer than 16 levels,
    channels that are always zero left out.
    """

    clipped: float
    clipped_noise: float
    levels: float
    usual_levels: float
    poor_channels: int
    channels: int
    rounding_db: float


@dataclass(frozen=True)
class Weights:
    """How a layer's weights lie in their grid: `poor_channels` of `channels` have fewer than 16 of 127 levels."""

    sqnr_db: float
    poor_channels: int
    channels: int
    per_tensor: bool


@dataclass(frozen=True)
class Damage:
    """What one layer's own error does to the scores: their SQNR, and how many of `images` change their answer."""

    sqnr_db: float
    changed: int
    images: int


@dataclass(frozen=True)
class LayerError:
    """One layer: `total` is its error in the whole integer model, `own` that of its weights and its result's grid.

    `damage` is what the own error does, `share` its part of what those of all layers do (0 to 1). `own` and `damage`
    are None where the layer cannot be run alone. `layer` is the name that its author knows, `tensor` that in the
    file, `op` the operator's index and `kind` its name. `remedy` is a sentence.
    """

    layer: str
    op: int
    kind: str
    tensor: str
    total: TensorError
    own: TensorError | None
    damage: Damage | None
    range: Range | None
    weights: Weights | None
    share: float = 0.0
    cause: str = ""
    remedy: str = ""

    @property
    def noise(self) -> float:
        """The power of the noise that the layer alone brings into the scores, as a share of their own power."""
        return 0.0 if self.damage is None else 10 ** (-self.damage.sqnr_db / 10)


@dataclass(frozen=True)
class LayerReport:
    """Every layer in the order of the file; `scores` is the error of the model's output, over `images` images."""

    float32: str
    integer: str
    images: int
    scores: TensorError
    changed: int
    layers: tuple[LayerError, ...]

    def worst_first(self) -> tuple[LayerError, ...]:
        """The layers sorted by the damage that each does by itself."""
        return tuple(sorted(self.layers, key=lambda layer: -layer.noise))

    def as_dict(self) -> dict[str, Any]:
        """The report as one JSON object, the worst layer first; a SQNR without noise is null."""
        known = {**asdict(self), "layers": [asdict(layer) for layer in self.worst_first()]}
        finite: dict[str, Any] = _finite(known)
        return finite


def _finite(value: Any) -> Any:
    """`value` with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
