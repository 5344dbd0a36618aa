"""Holds a float32 model against the model that it was made from, as that model's own runtime computes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import ConversionError
from edgeready.quantization.samples import Samples
from edgeready_device.model_file.reader import TfliteModel

Reference = Callable[[Sequence[NDArray[Any]]], Sequence[NDArray[Any]]]
"""Returns the outputs of the source model, one array each, for the inputs of the float32 model."""

Finish = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_FRAMES = 8  # chosen: few, because a wrong translation shows on every frame
# Of the largest output. Measured: sums in another order alone put torchvision's networks 2e-6 to 7e-5 from PyTorch.
_TOLERANCE = 1e-4
# What the order of sums may amount to in a network that turns small changes into large ones, as random weights do:
# times what one rounding of the input changes. Measured: 0.7 times that in an Inception-v4 with random weights.
_ROUNDINGS, _ROUNDING = 10, 2.0**-23
_LEAST_OUTPUT = 1e-3  # chosen: smaller outputs are compared as if they were this large


@dataclass(frozen=True, kw_only=True)
class SourceCheck:
    """The largest difference of the float32 model's outputs from those that `runtime` gives for the source model.

    `largest_value` is the largest of these outputs, on `frames` calibration inputs.
    """

    runtime: str
    frames: int
    difference: float
    largest_value: float

    def to_dict(self) -> dict[str, Any]:
        """The check as plain data."""
        return asdict(self)


def hold_against_source(
    float32: TfliteModel, samples: Samples, reference: Reference, runtime: str, *, finish: Finish | None = None
) -> SourceCheck:
    """Returns how far `float32` is from the `reference`, which `runtime` computes, on the first of the `samples`.

    `finish` is what the source model does at its end and the float32 model leaves out.

    Raises ConversionError where that is more than 1e-4 of the largest output, and more than ten times what a rounding
    of the inputs changes, or where the outputs have other sizes.
    """
    translated = reference_of(float32.flatbuffer)
    difference, largest, frames = 0.0, 0.0, 0
    for sample in islice(samples(), _FRAMES):
        for result, expected in zip(translated(sample), reference(sample), strict=True):
            actual = result.astype(np.float64)
            distance, size = _distance(actual if finish is None else finish(actual), np.asarray(expected))
            difference, largest = max(difference, distance), max(largest, size)
        frames += 1
    limit = _TOLERANCE * max(largest, _LEAST_OUTPUT)
    if not difference <= limit and not difference <= _ROUNDINGS * _rounding_noise(translated, samples):
        raise ConversionError(
            f"report this model: translated to TFLite it differs by {difference:g} from what {runtime} computes, "
            f"whose largest output is {largest:g}, and no file is written"
        )
    return SourceCheck(runtime=runtime, frames=frames, difference=difference, largest_value=largest)


def _rounding_noise(model: Reference, samples: Samples) -> float:
    """Returns how much the outputs of `model` change when the values that go in change by a float32 rounding."""
    random, noise = np.random.default_rng(0), 0.0
    for sample in islice(samples(), _FRAMES):
        inputs = [array for array in sample if array.dtype == np.float32]
        changed = [
            array * (1 + _ROUNDING * random.choice([-1, 1], array.shape)).astype(np.float32) for array in inputs
        ]
        if len(inputs) == len(sample):
            pairs = zip(model(sample), model(changed))
            noise = max(noise, *(_distance(first.astype(np.float64), second)[0] for first, second in pairs))
    return noise if np.isfinite(noise) else 0.0


def reference_of(data: bytes) -> Reference:
    """Returns what the float32 .tflite `data` gives."""
    interpreter = _interpreter(data)
    sources = [detail["index"] for detail in interpreter.get_input_details()]
    targets = [detail["index"] for detail in interpreter.get_output_details()]

    def outputs(inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        for index, array in zip(sources, inputs, strict=True):
            interpreter.set_tensor(index, array)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in targets]

    return outputs


def _interpreter(data: bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415  (slow to load)

    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def _distance(actual: NDArray[np.float64], expected: NDArray[Any]) -> tuple[float, float]:
    """Returns the largest difference of two outputs, infinite for other sizes, and the largest value expected."""
    if actual.size != expected.size:
        return np.inf, 0.0
    ours, theirs = actual.reshape(-1), expected.astype(np.float64).reshape(-1)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    apart = np.abs(np.subtract(ours, theirs, out=np.zeros_like(ours), where=~same))
    apart[np.isnan(apart)] = np.inf  # no number in one of the two alone
    return float(apart.max(initial=0.0)), float(np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0))
