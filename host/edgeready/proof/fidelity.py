"""How far a model's outputs are from its float32 baseline's, where there are no labels to count answers with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import AgreementError
from edgeready.quantization.inputs import plain_name, tensor_samples
from edgeready.quantization.samples import Samples
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.quantization import QuantParams, dequantize, quantize
from edgeready_device.runtime.runtime import Runtime
from edgeready_device.session import Session
from edgeready_device.tflite.graph import Tensor

_LEAST_SNR_DB = 0.0  # chosen: below it there is more error than signal


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """One output on the test rows: signal to error in dB (infinite where there is none), and the largest error.

    `largest_value` is the largest of the float32 output, to hold the error against.
    """

    output: str
    snr_db: float
    largest_error: float
    largest_value: float


def check_fidelity(fidelity: Sequence[Fidelity], mode: str) -> None:
    """Raises AgreementError for an output of a model in `mode` that holds more error than signal."""
    worst = min(fidelity, key=lambda item: item.snr_db, default=None)
    if worst is not None and worst.snr_db < _LEAST_SNR_DB:
        raise AgreementError(
            f"the output {worst.output!r} of the {mode} file is {worst.snr_db:.1f} dB from the float32 model's, more "
            "error than signal, and the file is not written: take other or more calibration rows, or another --mode"
        )


def measure_fidelity(
    float32: TfliteModel, other: TfliteModel, arrays: Mapping[str, NDArray[Any]], runtime: Runtime
) -> tuple[Fidelity, ...]:
    """The Fidelity of each output of the model `other` against `float32` on `arrays` (n, ...) by input name."""
    graph = float32.graph
    samples = tensor_samples(graph, arrays, "the test data")
    expected, actual = (_outputs(model, samples, runtime) for model in (float32, other))
    return tuple(
        compare_outputs(plain_name(tensor), exact, rounded)
        for tensor, exact, rounded in zip(graph.of(graph.outputs), expected, actual, strict=True)
    )


def compare_outputs(name: str, expected: NDArray[np.float64], actual: NDArray[np.float64]) -> Fidelity:
    """Returns the Fidelity of the values `actual` of the output `name` to the float32 model's, which are `expected`.

    The same infinity, or no number, in both is no error; where one alone is finite, nothing of the signal is left.
    """
    same = (expected == actual) | (np.isnan(expected) & np.isnan(actual))
    error = np.subtract(actual, expected, out=np.zeros_like(expected), where=~same)
    error[~np.isfinite(error)] = np.inf
    finite = expected[np.isfinite(expected)]
    noise, signal = float((error**2).sum()), float((finite**2).sum())
    return Fidelity(
        output=name,
        snr_db=_decibels(signal, noise),
        largest_error=float(np.abs(error).max()),
        largest_value=float(np.abs(finite).max(initial=0.0)),
    )


def _decibels(signal: float, noise: float) -> float:
    if not noise:
        return math.inf
    return 10 * math.log10(signal / noise) if signal and math.isfinite(noise) else -math.inf


def _outputs(model: TfliteModel, samples: Samples, runtime: Runtime) -> list[NDArray[np.float64]]:
    """Each output of `model` as real values (n, ...)."""
    graph, session = model.graph, Session.from_file(model, runtime=runtime.name)
    inputs, outputs = graph.of(graph.inputs), graph.of(graph.outputs)
    rows: list[list[NDArray[np.float64]]] = [[] for _ in outputs]
    for sample in samples():
        answers = session.invoke([_put(values, tensor) for tensor, values in zip(inputs, sample)])
        for tensor, column, answer in zip(outputs, rows, answers):
            column.append(_real(answer, tensor))
    return [np.stack(column) for column in rows]


def _put(values: NDArray[Any], tensor: Tensor) -> NDArray[Any]:
    return quantize(values, _params(tensor), tensor.dtype) if tensor.scales else values.astype(tensor.dtype)


def _real(values: NDArray[Any], tensor: Tensor) -> NDArray[np.float64]:
    real = dequantize(values, _params(tensor)) if tensor.scales else values
    return real.astype(np.float64)


def _params(tensor: Tensor) -> QuantParams:
    return QuantParams(tensor.scales[0], tensor.zero_points[0])
