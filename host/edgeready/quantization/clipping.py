"""Ranges that outliers do not stretch: from the histogram of what each tensor held on the calibration data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeready.quantization.activations import activations
from edgeready.quantization.ranges import Range, one_range_groups
from edgeready.quantization.samples import Feeds
from edgeready_device.tflite.graph import Graph, read_graph

BINS = 2048
KEPT_PERCENT = 99.99  # of the values, between the two ends; the rest is clipped
_SHARES = np.linspace(1.0, 0.1, 37)  # of each end, tried by `least_error`
_LEVELS = 256
_FIXED = ("SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION")  # the converter sets the range of their outputs


@dataclass(frozen=True, eq=False)
class Histogram:
    """How often values fell into each of the equal bins of `range`; exact zeros are counted in `zeros` only."""

    range: Range
    counts: NDArray[np.int64]
    zeros: int = 0

    @property
    def centres(self) -> NDArray[np.float64]:
        """The middle of each bin."""
        edges = np.linspace(self.range.low, self.range.high, len(self.counts) + 1)
        return np.asarray((edges[1:] + edges[:-1]) / 2)


def clipped_ranges(calibrated: bytes, found: Mapping[int, Range], feeds: Feeds, how: str) -> dict[int, Range]:
    """The ranges that `how` ("percentile" or "mse") gives for the inner tensors of a float32 model on `feeds`.

    `found` are the least and largest values. The model's ends keep theirs (every pixel value and the order of the
    scores count), as do tensors whose range the converter sets. Tensors that must share a range get one.
    """
    graph = read_graph(calibrated)
    inner = {index: found[index] for index in found if index not in _kept(graph)}
    moving = {index for index in inner if inner[index].width > 0}
    groups = [group for group in one_range_groups(graph, found) if group <= moving]
    histograms = _histograms(calibrated, groups, inner, feeds)
    choose = {"percentile": percentile, "mse": least_error}[how]
    return {
        index: choose(histogram)
        for group, histogram in zip(groups, histograms, strict=True)
        if histogram.counts.any()
        for index in group
    }


def percentile(histogram: Histogram) -> Range:
    """The range that holds KEPT_PERCENT of the values, as much cut off at each end; 0 is always in it."""
    counts = histogram.counts.astype(np.float64)
    whole = counts.sum() + histogram.zeros
    below = np.cumsum(counts) + np.where(histogram.centres >= 0, histogram.zeros, 0)
    cut = whole * (1 - KEPT_PERCENT / 100) / 2
    edges = np.linspace(histogram.range.low, histogram.range.high, len(counts) + 1)
    first = int(np.searchsorted(below, cut, "right"))
    last = int(np.searchsorted(below, whole - cut, "left"))
    low, high = edges[min(first, len(counts) - 1)], edges[min(last, len(counts) - 1) + 1]
    return Range(float(low), float(high)).with_zero if low <= high else histogram.range


def least_error(histogram: Histogram) -> Range:
    """The range whose 256 levels give the values back with the least mean squared error; 0 is always in it."""
    whole = histogram.range.with_zero
    best, least = whole, np.inf
    used = histogram.counts > 0
    centres, counts = histogram.centres[used], histogram.counts[used].astype(np.float64)
    for low in whole.low * (_SHARES if whole.low < 0 else _SHARES[:1]):
        for high in whole.high * (_SHARES if whole.high > 0 else _SHARES[:1]):
            step = (high - low) / (_LEVELS - 1)
            given = np.clip(np.rint(centres / step) * step, low, high)
            error = float(counts @ (given - centres) ** 2)
            if error < least:
                best, least = Range(float(low), float(high)), error
    return best


def _kept(graph: Graph) -> set[int]:
    fixed = {index for op in graph.ops if op.name in _FIXED for index in op.outputs}
    return {*graph.inputs, *graph.outputs, *fixed}


def _histograms(
    calibrated: bytes, groups: list[set[int]], found: Mapping[int, Range], feeds: Feeds
) -> list[Histogram]:
    wide = [Range(min(found[i].low for i in group), max(found[i].high for i in group)) for group in groups]
    counts = [np.zeros(BINS, np.int64) for _ in groups]
    zeros = [0] * len(groups)
    for values in activations(calibrated, feeds, sorted(set().union(*groups))):
        for number, group in enumerate(groups):
            for index in group:
                flat = values[index].ravel()
                nonzero = flat[flat != 0]
                zeros[number] += flat.size - nonzero.size
                counts[number] += np.histogram(nonzero, BINS, (wide[number].low, wide[number].high))[0]
    return [Histogram(*parts) for parts in zip(wide, counts, zeros, strict=True)]
