"""Ranges that outliers do not stretch, from the histogram of the values of each tensor on the calibration data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeready.quantization.activations import trace_activations
from edgeready.quantization.ranges import Range, group_by_range
from edgeready.quantization.samples import Samples
from edgeready_device.tflite.graph import Graph, read_graph

BINS = 2048  # chosen: eight for each of the 256 levels
KEPT_PERCENT = 99.99  # of the values; the rest is cut off. Chosen, as is usual for percentile calibration
_SHARES = np.linspace(1.0, 0.1, 37)  # of each end, tried by `fit_least_error`; chosen: steps of 2.5 % down to a tenth
_LEVELS = 256  # of 8 bits
_FIXED = ("SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION")  # the converter sets the range of their outputs


@dataclass(frozen=True, eq=False)
class Histogram:
    """The number of values in each of the equal bins of `range`; exact zeros are counted in `zeros` only."""

    range: Range
    counts: NDArray[np.int64]
    zeros: int = 0

    @property
    def centres(self) -> NDArray[np.float64]:
        """The middle of each bin."""
        edges = np.linspace(self.range.low, self.range.high, len(self.counts) + 1)
        return np.asarray((edges[1:] + edges[:-1]) / 2)


def clip_ranges(calibrated: bytes, full: Mapping[int, Range], samples: Samples, how: str) -> dict[int, Range]:
    """Returns the ranges that `how` ("percentile" or "mse") gives for the inner tensors of a float32 model.

    `full` holds the least and largest values on `samples`. The inputs and outputs of the model keep theirs, because
    every pixel value and the order of the scores count, as do tensors whose range the converter sets. Tensors that
    must share a range get one.
    """
    graph = read_graph(calibrated)
    untouched = _untouched_tensors(graph)
    inner = {index: full[index] for index in full if index not in untouched}
    moving = {index for index in inner if inner[index].width > 0}
    groups = [group for group in group_by_range(graph, full) if group <= moving]
    histograms = _histograms(calibrated, groups, inner, samples)
    choose = {"percentile": fit_percentile, "mse": fit_least_error}[how]
    return {
        index: choose(histogram)
        for group, histogram in zip(groups, histograms, strict=True)
        if histogram.counts.any()
        for index in group
    }


def fit_percentile(histogram: Histogram) -> Range:
    """Returns the range that holds KEPT_PERCENT of the values, as many cut off at each end; it always holds 0."""
    counts = histogram.counts.astype(np.float64)
    whole = counts.sum() + histogram.zeros
    below = np.cumsum(counts) + np.where(histogram.centres >= 0, histogram.zeros, 0)
    cut = whole * (1 - KEPT_PERCENT / 100) / 2
    edges = np.linspace(histogram.range.low, histogram.range.high, len(counts) + 1)
    first = int(np.searchsorted(below, cut, "right"))
    last = int(np.searchsorted(below, whole - cut, "left"))
    low, high = edges[min(first, len(counts) - 1)], edges[min(last, len(counts) - 1) + 1]
    return Range(float(low), float(high)).with_zero if low <= high else histogram.range


def fit_least_error(histogram: Histogram) -> Range:
    """Returns the range whose 256 levels give the least mean squared error of the values; it always holds 0."""
    whole = histogram.range.with_zero
    best, least = whole, np.inf
    used = histogram.counts > 0
    centres, counts = histogram.centres[used], histogram.counts[used].astype(np.float64)
    for low in whole.low * (_SHARES if whole.low < 0 else _SHARES[:1]):
        for high in whole.high * (_SHARES if whole.high > 0 else _SHARES[:1]):
            step = (high - low) / (_LEVELS - 1)
            rounded = np.clip(np.rint(centres / step) * step, low, high)
            error = float(counts @ (rounded - centres) ** 2)
            if error < least:
                best, least = Range(float(low), float(high)), error
    return best


def _untouched_tensors(graph: Graph) -> set[int]:
    """Returns the inputs and outputs of the model, and the results of ops whose range the converter sets."""
    fixed = {index for op in graph.ops if op.name in _FIXED for index in op.outputs}
    return {*graph.inputs, *graph.outputs, *fixed}


def _histograms(
    calibrated: bytes, groups: list[set[int]], full: Mapping[int, Range], samples: Samples
) -> list[Histogram]:
    wide = [Range(min(full[i].low for i in group), max(full[i].high for i in group)) for group in groups]
    counts = [np.zeros(BINS, np.int64) for _ in groups]
    zeros = [0] * len(groups)
    for values in trace_activations(calibrated, samples, sorted(set().union(*groups))):
        for number, group in enumerate(groups):
            for index in group:
                flat = values[index].ravel()
                nonzero = flat[flat != 0]
                zeros[number] += flat.size - nonzero.size
                counts[number] += np.histogram(nonzero, BINS, (wide[number].low, wide[number].high))[0]
    return [Histogram(*parts) for parts in zip(wide, counts, zeros, strict=True)]
