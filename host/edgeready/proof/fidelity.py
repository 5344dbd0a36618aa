"""How far a model's outputs are from its float32 twin's, where there are no labels to count answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.quantization.inputs import plain_name, tensor_feeds
from edgeready.quantization.samples import Feeds
from edgeready_device.quantization import QuantParams, dequantize, quantize
from edgeready_device.runtime.runtime import Runtime, open_interpreter
from edgeready_device.tflite.graph import Tensor, read_graph


@dataclass(frozen=True)
class Fidelity:
    """One output on the test rows: signal to error in dB (infinite where there is none), and the largest error.

    `largest_value` is the largest of the float32 output, to hold the error against.
    """

    output: str
    snr_db: float
    largest_error: float
    largest_value: float


def measure_fidelity(
    float32: bytes, other: bytes, arrays: Mapping[str, NDArray[Any]], runtime: Runtime
) -> tuple[Fidelity, ...]:
    """The Fidelity of each output of the model `other` against `float32` on `arrays` (n, ...) by input name."""
    graph = read_graph(float32)
    feeds = tensor_feeds(graph, arrays, "the test data")
    expected, found = (_outputs(model, feeds, runtime) for model in (float32, other))
    return tuple(
        _compared(plain_name(tensor), one, two)
        for tensor, one, two in zip(graph.of(graph.outputs), expected, found, strict=True)
    )


def _compared(name: str, expected: NDArray[np.float64], found: NDArray[np.float64]) -> Fidelity:
    error = found - expected
    noise, signal = float((error**2).sum()), float((expected**2).sum())
    snr = 10 * np.log10(signal / noise) if noise and signal else (float("inf") if not noise else float("-inf"))
    return Fidelity(name, float(snr), float(np.abs(error).max()), float(np.abs(expected).max()))


def _outputs(model: bytes, feeds: Feeds, runtime: Runtime) -> list[NDArray[np.float64]]:
    """Each output of `model` as real values (n, ...)."""
    graph, interpreter = read_graph(model), open_interpreter(runtime, model)
    inputs, outputs = graph.of(graph.inputs), graph.of(graph.outputs)
    rows: list[list[NDArray[np.float64]]] = [[] for _ in outputs]
    for sample in feeds():
        for tensor, values in zip(inputs, sample):
            interpreter.set_tensor(tensor.index, _put(values, tensor))
        interpreter.invoke()
        for tensor, kept in zip(outputs, rows):
            kept.append(_real(interpreter.get_tensor(tensor.index), tensor))
    return [np.stack(kept) for kept in rows]


def _put(values: NDArray[Any], tensor: Tensor) -> NDArray[Any]:
    return quantize(values, _params(tensor), tensor.dtype) if tensor.scales else values.astype(tensor.dtype)


def _real(values: NDArray[Any], tensor: Tensor) -> NDArray[np.float64]:
    real = dequantize(values, _params(tensor)) if tensor.scales else values
    return real.astype(np.float64)


def _params(tensor: Tensor) -> QuantParams:
    return QuantParams(tensor.scales[0], tensor.zero_points[0])
