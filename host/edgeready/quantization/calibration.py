"""Reports whether the calibration images can be trusted: what they cover, how stable the ranges are, what is cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from edgeready.dataset import Dataset, Splits
from edgeready.errors import ModelFileError
from edgeready.files.stored_images import Images
from edgeready.quantization.activations import trace_activations
from edgeready.quantization.inputs import image_samples
from edgeready.quantization.layer_names import name_layers
from edgeready.quantization.matching import match_layers
from edgeready.quantization.ranges import Range
from edgeready.quantization.representative import looks_like_noise, neighbour_correlation
from edgeready.quantization.samples import Samples
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.normalization import Normalization
from edgeready_device.tflite.graph import Graph

_SAMPLES = 100  # images in each half, and as many others; chosen: a report must not take longer than the conversion
_LEAST_SAMPLES = 16  # chosen: fewer say nothing about how stable a range is
# Activations that are computed in one pass; chosen: seconds, also for a large network.
_MOST_VALUES = 500_000_000
_CORRELATION_SAMPLES = 200  # images, for the correlation of neighbouring pixels; chosen: its median needs no more
# Bounds of the warnings (docs/quantization.md, Calibration); all three are chosen, no measurement is behind them.
_FEW = 50  # images; a class of ten has five of them
_STABLE = 0.8  # a range that another half of the images makes a quarter wider
_CLIPPED = 1e-3  # of the values; `percentile` itself cuts off a tenth of that


@dataclass(frozen=True, kw_only=True)
class TensorCalibration:
    """The calibration of one activation.

    `stability` is the narrower range of two halves of the images over the wider one. `clipped` is the share of the
    values on other images that lies beyond the range of the file.
    """

    name: str
    stability: float
    clipped: float


@dataclass(frozen=True, kw_only=True)
class CalibrationReport:
    """The facts about the calibration images; `classes` is empty where they carry no labels.

    `distinct` counts different images, `leaked` those that the test set has, too. `neighbours` is the correlation of
    their neighbouring pixels, `training_neighbours` that of the training images. `others` is the number of other
    images that `clipped` of the `tensors` was measured on.
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
        """The activation whose range depends most on the choice of the images."""
        return min(self.tensors, key=lambda tensor: tensor.stability, default=None)

    @property
    def most_clipped(self) -> TensorCalibration | None:
        """The activation whose range cuts off the largest share of values on other images."""
        return max(self.tensors, key=lambda tensor: tensor.clipped, default=None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence for each fault of the images, with the remedy."""
        return (*_image_warnings(self), *_range_warnings(self.least_stable, self.most_clipped))

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as plain data."""
        return {**asdict(self), "classes": dict(self.classes), "warnings": list(self.warnings)}


def inspect_calibration(
    frames: Images,
    splits: Splits,
    float32: TfliteModel,
    integer: TfliteModel,
    normalization: Normalization,
    color: str = "rgb",
) -> CalibrationReport:
    """Returns the CalibrationReport of `frames`, which gave `integer`, made from `float32`, its ranges."""
    own = frames is splits.calibration.images
    unlabelled = np.zeros(len(frames), np.int64)
    distinct = set(
        Dataset(name="calibration", images=frames, labels=unlabelled, classes=splits.train.classes).hashes()
    )
    count = _count_samples(float32.graph)
    others = splits.train.images[:count]
    halves = [
        image_samples(float32.graph, part[:count], normalization, color) for part in (frames[::2], frames[1::2])
    ]
    tensors: tuple[TensorCalibration, ...] = ()
    note = ""
    try:
        grids = _grids(float32.graph, integer.graph)
        tensors = _tensors(float32, grids, halves, image_samples(float32.graph, others, normalization, color))
    except ModelFileError as error:  # the converter changed the model too much to match its layers
        note = f"ranges not looked at: {error}"
    return CalibrationReport(
        samples=len(frames),
        distinct=len(distinct),
        leaked=len(distinct & set(splits.test.hashes())),
        classes=splits.calibration.class_counts() if own else {},
        neighbours=neighbour_correlation(frames[:_CORRELATION_SAMPLES]),
        training_neighbours=neighbour_correlation(splits.train.images[:_CORRELATION_SAMPLES]),
        others=len(others),
        tensors=tensors,
        note=note,
    )


# Ops whose result has a fixed scale by format; 1 is just beyond it, whatever the calibration images are.
_FIXED = ("SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION")


def _count_samples(graph: Graph) -> int:
    """Returns how many images are run through the float model: fewer where it is large."""
    values = sum(tensor.elements for tensor in graph.tensors if not tensor.constant)
    return int(np.clip(_MOST_VALUES // max(values, 1), _LEAST_SAMPLES, _SAMPLES))


def _grids(graph: Graph, integer: Graph) -> dict[int, tuple[str, Range]]:
    """Returns the name and the representable range of each activation, by its tensor in the float model."""
    free = [
        pair for pair in match_layers(graph, integer, same_training=True).pairs if pair.integer.name not in _FIXED
    ]
    pairs = [(ours, theirs) for pair in free for ours, theirs in zip(pair.float32.outputs, pair.integer.outputs)]
    layers = name_layers([[graph.tensors[ours].name] for ours, _ in pairs])
    names = dict(zip((ours for ours, _ in pairs), layers, strict=True))
    grids = {}
    for ours, theirs in [*zip(graph.inputs, integer.inputs), *pairs]:
        tensor = integer.tensors[theirs]
        if tensor.scales and graph.tensors[ours].dtype == "float32":
            limits = np.iinfo(np.dtype(tensor.dtype))
            low, high = ((edge - tensor.zero_points[0]) * tensor.scales[0] for edge in (limits.min, limits.max))
            grids[ours] = names.get(ours, "the input"), Range(float(low), float(high))
    return grids


def _tensors(
    model: TfliteModel, grids: Mapping[int, tuple[str, Range]], halves: Sequence[Samples], others: Samples
) -> tuple[TensorCalibration, ...]:
    first, second = (_extremes(model, grids, half) for half in halves)
    clipped = dict.fromkeys(grids, 0.0)
    for values in trace_activations(model, others, sorted(grids)):
        for index, (_, grid) in grids.items():
            margin = grid.width / 510  # half a step: a value that rounds to the last level is not cut off
            beyond = (values[index] < grid.low - margin) | (values[index] > grid.high + margin)
            clipped[index] += float(beyond.mean()) / len(others)
    return tuple(
        TensorCalibration(name=name, stability=_ratio(first[index], second[index]), clipped=clipped[index])
        for index, (name, _) in grids.items()
    )


def _extremes(model: TfliteModel, grids: Mapping[int, Any], samples: Samples) -> dict[int, Range]:
    ranges = dict.fromkeys(grids, Range(0.0, 0.0))
    for values in trace_activations(model, samples, sorted(grids)):
        for index, so_far in ranges.items():
            ranges[index] = Range(
                min(so_far.low, float(values[index].min())), max(so_far.high, float(values[index].max()))
            )
    return ranges


def _ratio(one: Range, two: Range) -> float:
    wide = max(one.width, two.width)
    return min(one.width, two.width) / wide if wide else 1.0


def _image_warnings(report: CalibrationReport) -> list[str]:
    warnings = []
    missing = [name for name, count in report.classes.items() if not count]
    if looks_like_noise(report.neighbours, report.training_neighbours):
        warnings.append(
            f"the calibration images look like noise: neighbours correlate by {report.neighbours:.2f}, those "
            f"of training images by {report.training_neighbours:.2f}; ranges from noise fit no image: give images"
        )
    if report.leaked:
        warnings.append(
            f"{report.leaked} calibration images are in the test set, too, which flatters the accuracy: take others"
        )
    if missing:
        warnings.append(f"no calibration image of {', '.join(missing[:5])}: take more (--calibration-samples)")
    if report.distinct < report.samples:
        warnings.append(f"only {report.distinct} of {report.samples} calibration images differ: take others")
    if report.samples < _FEW:
        warnings.append(f"{report.samples} calibration images are few: take more (--calibration-samples)")
    return warnings


def _range_warnings(unstable: TensorCalibration | None, clipped: TensorCalibration | None) -> list[str]:
    warnings = []
    if unstable is not None and unstable.stability < _STABLE:
        warnings.append(
            f"the range of {unstable.name!r} depends on which half of the calibration images is taken (ratio "
            f"{unstable.stability:.2f}): take more (--calibration-samples), or --calibration percentile"
        )
    if clipped is not None and clipped.clipped > _CLIPPED:
        warnings.append(
            f"{100 * clipped.clipped:.2g} % of the values of {clipped.name!r} on other images are beyond its range: "
            "take more images (--calibration-samples), of the kind that is seen later"
        )
    return warnings
