"""Whether the images that gave the ranges can be trusted: what they cover, how steady the ranges are, what is cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.dataset import Dataset, Splits
from edgeready.errors import ModelFileError
from edgeready.quantization.activations import activations
from edgeready.quantization.inputs import image_feeds
from edgeready.quantization.layer_names import layer_names
from edgeready.quantization.matching import match
from edgeready.quantization.ranges import Range
from edgeready.quantization.representative import looks_like_noise, neighbour_correlation
from edgeready.quantization.samples import Feeds
from edgeready_device.preprocess import Normalization
from edgeready_device.tflite.graph import Graph, read_graph

_SAMPLES = 100  # images a half, and images beside; fewer for large models
_MOST_VALUES = 500_000_000
_LOOKED_AT = 200  # images, for the correlation of neighbours
_FEW = 50
_STABLE, _CLIPPED = 0.8, 1e-3


@dataclass(frozen=True)
class TensorCalibration:
    """One activation: `stability` is the narrower range of two halves over the wider, `clipped` a share of values.

    The values are those of other images than the calibration's, `clipped` what of them lies beyond the file's range.
    """

    name: str
    stability: float
    clipped: float


@dataclass(frozen=True)
class CalibrationReport:
    """What is known of the calibration images; `classes` is empty where they carry no labels.

    `distinct` counts different images, `leaked` those that the test set has, too. `neighbours` is the correlation of
    neighbouring pixels, beside that of the training images. `others` images were looked at for what is clipped.
    """

    samples: int
    distinct: int
    leaked: int
    classes: Mapping[str, int]
    neighbours: float
    training_neighbours: float
    others: int
    tensors: tuple[TensorCalibration, ...] = field(repr=False)
    note: str = ""

    @property
    def least_stable(self) -> TensorCalibration | None:
        """The activation whose range depends most on which images are taken."""
        return min(self.tensors, key=lambda tensor: tensor.stability, default=None)

    @property
    def most_clipped(self) -> TensorCalibration | None:
        """The activation of which other images lose most."""
        return max(self.tensors, key=lambda tensor: tensor.clipped, default=None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the images, a sentence each, with the remedy."""
        return tuple(_warnings(self))

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        return {**asdict(self), "classes": dict(self.classes), "warnings": list(self.warnings)}


def inspect_calibration(
    frames: NDArray[np.uint8], splits: Splits, float_model: bytes, integer_model: bytes, normalization: Normalization
) -> CalibrationReport:
    """The CalibrationReport of `frames`, which gave `integer_model` its ranges; `float_model` is its origin."""
    own = frames is splits.calibration.images
    seen = Dataset("calibration", frames, np.zeros(len(frames), np.int64), splits.train.classes).hashes()
    graph = read_graph(float_model)
    others = splits.train.images[: _few(graph)]
    halves = [image_feeds(graph, part[: _few(graph)], normalization) for part in (frames[::2], frames[1::2])]
    tensors: tuple[TensorCalibration, ...] = ()
    note = ""
    try:
        grids = _grids(graph, read_graph(integer_model))
        tensors = _tensors(float_model, grids, halves, image_feeds(graph, others, normalization))
    except ModelFileError as error:  # what the converter made is too unlike the float model
        note = f"ranges not looked at: {error}"
    return CalibrationReport(
        len(frames),
        len(set(seen)),
        len(set(seen) & set(splits.test.hashes())),
        splits.calibration.class_counts() if own else {},
        neighbour_correlation(frames[:_LOOKED_AT]),
        neighbour_correlation(splits.train.images[:_LOOKED_AT]),
        len(others),
        tensors,
        note,
    )


# The format gives these a fixed scale; 1 itself is just beyond it, whatever the calibration images are.
_FIXED = ("SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION")


def _few(graph: Graph) -> int:
    """How many images are run through the float model: fewer where it is large."""
    values = sum(tensor.elements for tensor in graph.tensors if not tensor.constant)
    return int(np.clip(_MOST_VALUES // max(values, 1), 16, _SAMPLES))


def _grids(graph: Graph, integer: Graph) -> dict[int, tuple[str, Range]]:
    """Name and representable range of each activation, by its tensor in the float model."""
    free = [pair for pair in match(graph, integer).pairs if pair.integer.name not in _FIXED]
    pairs = [(ours, theirs) for pair in free for ours, theirs in zip(pair.float32.outputs, pair.integer.outputs)]
    spoken = layer_names([[graph.tensors[ours].name] for ours, _ in pairs])
    names = dict(zip((ours for ours, _ in pairs), spoken, strict=True))
    found = {}
    for ours, theirs in [*zip(graph.inputs, integer.inputs), *pairs]:
        tensor = integer.tensors[theirs]
        if tensor.scales and graph.tensors[ours].dtype == "float32":
            limits = np.iinfo(np.dtype(tensor.dtype))
            low, high = ((edge - tensor.zero_points[0]) * tensor.scales[0] for edge in (limits.min, limits.max))
            found[ours] = names.get(ours, "the input"), Range(float(low), float(high))
    return found


def _tensors(
    model: bytes, grids: Mapping[int, tuple[str, Range]], halves: Sequence[Feeds], others: Feeds
) -> tuple[TensorCalibration, ...]:
    one, two = (_extremes(model, grids, half) for half in halves)
    clipped = dict.fromkeys(grids, 0.0)
    for values in activations(model, others, sorted(grids)):
        for index, (_, grid) in grids.items():
            margin = grid.width / 510  # half a step: what rounds to the last level is not cut off
            beyond = (values[index] < grid.low - margin) | (values[index] > grid.high + margin)
            clipped[index] += float(beyond.mean()) / len(others)
    return tuple(
        TensorCalibration(name, _ratio(one[index], two[index]), clipped[index]) for index, (name, _) in grids.items()
    )


def _extremes(model: bytes, grids: Mapping[int, Any], feeds: Feeds) -> dict[int, Range]:
    found = dict.fromkeys(grids, Range(0.0, 0.0))
    for values in activations(model, feeds, sorted(grids)):
        for index, seen in found.items():
            found[index] = Range(
                min(seen.low, float(values[index].min())), max(seen.high, float(values[index].max()))
            )
    return found


def _ratio(one: Range, two: Range) -> float:
    wide = max(one.width, two.width)
    return min(one.width, two.width) / wide if wide else 1.0


def _warnings(report: CalibrationReport) -> list[str]:
    found = []
    missing = [name for name, count in report.classes.items() if not count]
    if looks_like_noise(report.neighbours, report.training_neighbours):
        found.append(
            f"the calibration images look like noise: neighbours correlate by {report.neighbours:.2f}, those "
            f"of training images by {report.training_neighbours:.2f}; ranges from noise fit no image: give images"
        )
    if report.leaked:
        found.append(
            f"{report.leaked} calibration images are in the test set, too, which flatters the accuracy: take others"
        )
    if missing:
        found.append(f"no calibration image of {', '.join(missing[:5])}: take more (--calibration-samples)")
    if report.distinct < report.samples:
        found.append(f"only {report.distinct} of {report.samples} calibration images differ: take others")
    if report.samples < _FEW:
        found.append(f"{report.samples} calibration images are few: take more (--calibration-samples)")
    found += _range_warnings(report.least_stable, report.most_clipped)
    return found


def _range_warnings(unsteady: TensorCalibration | None, clipped: TensorCalibration | None) -> list[str]:
    found = []
    if unsteady is not None and unsteady.stability < _STABLE:
        found.append(
            f"the range of {unsteady.name!r} depends on which half of the calibration images is taken (ratio "
            f"{unsteady.stability:.2f}): take more (--calibration-samples), or --calibration percentile"
        )
    if clipped is not None and clipped.clipped > _CLIPPED:
        found.append(
            f"{100 * clipped.clipped:.2g} % of the values of {clipped.name!r} on other images are beyond its range: "
            "take more images (--calibration-samples), of the kind that is seen later"
        )
    return found
