"""The error that quantization makes in one layer, and in all of them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from edgeready_device.text import csv_text


@dataclass(frozen=True, kw_only=True)
class TensorError:
    """The distance of the dequantized values of a tensor from the float32 ones.

    `sqnr_db` is the signal's power over the noise's in decibels (inf where there is no error); `bias` and `largest`
    are the mean and the largest error in real units, `bias_steps` and `largest_steps` in steps of the tensor's own
    scale, None where it is not quantized.
    """

    sqnr_db: float
    bias: float
    largest: float
    bias_steps: float | None = None
    largest_steps: float | None = None


@dataclass(frozen=True, kw_only=True)
class Range:
    """The position of a layer's float32 values in the grid of its 8-bit result.

    `clipped` is the share of values beyond the grid, `clipped_noise` their share of the noise that the grid makes;
    `rounding_db` is the SQNR of that noise. `levels` is the number of steps between the least and the greatest value,
    `usual_levels` the number that holds 99.9 % of the values. `poor_channels` of `channels` use fewer than 16 levels;
    channels that are always zero do not count.
    """

    clipped: float
    clipped_noise: float
    levels: float
    usual_levels: float
    poor_channels: int
    channels: int
    rounding_db: float


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The position of a layer's weights in their grid: `poor_channels` use fewer than 16 of the 127 levels."""

    sqnr_db: float
    poor_channels: int
    channels: int
    per_tensor: bool


@dataclass(frozen=True, kw_only=True)
class Damage:
    """The effect of one layer's own error on the scores: their SQNR, and how many of `images` change their answer."""

    sqnr_db: float
    changed: int
    images: int


@dataclass(frozen=True, kw_only=True)
class LayerError:
    """The error of one layer: `total` in the whole integer model, `own` of its weights and its result's grid alone.

    `damage` is the effect of the own error on the scores, `share` its part in the effect of all layers (0 to 1).
    `own` and `damage` are None where the layer cannot run alone. `layer` is the author's name of the layer, `tensor`
    the name in the file, `op` the index of the operator and `kind` its name. `remedy` is a sentence.
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
        """The power of the noise that the layer alone adds to the scores, as a share of the power of the scores."""
        return 0.0 if self.damage is None else 10 ** (-self.damage.sqnr_db / 10)


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """The layers in the order of the file, and the error of the `scores`, measured on `images` images.

    `changed` counts the images whose answer changes; `float32` and `integer` are the names of the two files.
    """

    float32: str
    integer: str
    images: int
    scores: TensorError
    changed: int
    layers: tuple[LayerError, ...]

    def worst_first(self) -> tuple[LayerError, ...]:
        """Returns the layers sorted by the damage that each does by itself, the largest first."""
        return tuple(sorted(self.layers, key=lambda layer: -layer.noise))

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as one JSON object, with the worst layer first; an SQNR without noise is null."""
        finite: dict[str, Any] = _finite({**asdict(self), "layers": [asdict(layer) for layer in self.worst_first()]})
        return finite

    def to_csv(self) -> str:
        """Returns the layers as CSV, one line a layer, the worst first."""
        return csv_text(
            [
                {
                    "layer": layer.layer,
                    "op": layer.op,
                    "kind": layer.kind,
                    "sqnr_db": layer.total.sqnr_db,
                    "own_sqnr_db": None if layer.own is None else layer.own.sqnr_db,
                    "scores_sqnr_db": None if layer.damage is None else layer.damage.sqnr_db,
                    "share": layer.share,
                    "cause": layer.cause,
                    "remedy": layer.remedy,
                }
                for layer in self.worst_first()
            ]
        )


def _finite(value: Any) -> Any:
    """Returns `value` with None in place of infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
