"""What a model's answers should be on this machine, and whether one way to run it gives them: tune's proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.contract import Contract
from edgeready_device.model_file.golden import GoldenVectors, recording_key
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.runtime.runtime import Runtime
from edgeready_device.verification import compare

MOST_INPUTS = 16
_FLOAT_STEPS = 255  # a float output's range counts as so many steps


@dataclass(frozen=True)
class Voice:
    """The raw `outputs` (n, classes) of one way to run the model: a runtime, or a delegate, and its kernels."""

    runtime: Runtime
    outputs: NDArray[Any] = field(repr=False)
    kernels: str = "default"

    @property
    def name(self) -> str:
        """The way in words."""
        return f"{self.runtime}" + (f" ({self.kernels} kernels)" if self.kernels != "default" else "")


@dataclass(frozen=True)
class Answers:
    """How far one candidate's answers are from the expected ones, in quantization steps; in `reason` why that is
    too far, or empty."""

    largest_steps: int
    bound_steps: int
    same: int
    count: int
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether they are within the bound."""
        return not self.reason


@dataclass(frozen=True)
class Expected:
    """The expected outputs (n, classes) by recording key; `source` says in words where they are from."""

    outputs: Mapping[str, NDArray[Any]] = field(repr=False)
    source: str


def inputs_of(file: TfliteModel, contract: Contract) -> NDArray[Any]:
    """Input tensors without the batch (n, ...): the golden vectors' where the file has some, else seeded noise."""
    golden = _fitting_golden(file, contract)
    if golden is not None:
        return golden.inputs[:MOST_INPUTS]
    shape = (MOST_INPUTS, *contract.input.shape[1:])
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    if contract.table is not None:
        return np.asarray(contract.table(pixels))
    return contract.frame.normalization.apply(pixels).astype(contract.input.dtype)


def expected_of(file: TfliteModel, contract: Contract) -> Expected | None:
    """The golden vectors' recordings; None for a file without them."""
    golden = _fitting_golden(file, contract)
    if golden is None:
        return None
    outputs = {key: rows[:MOST_INPUTS] for key, rows in golden.outputs.items()}
    return Expected(outputs, f"{min(MOST_INPUTS, len(golden.inputs))} golden vectors in the file")


def consensus(voices: Sequence[Voice]) -> tuple[Expected, bool]:
    """The answers that most voices agree with, the first of equals; and whether that settles it.

    It does where more voices agree than not. No kernels are right by their name: on TF1's uint8 MobileNet-v2 the
    reference kernels of tflite-runtime 2.14 answer 255 for every class, and those of LiteRT 2.3 abort (measured).
    """
    agreed = [[judged(_from(one), other).passed for other in voices] for one in voices]
    best = max(range(len(voices)), key=lambda i: (sum(agreed[i]), -i))
    votes = sum(agreed[best])
    source = f"the answers of {voices[best].name} to {len(voices[best].outputs)} frames of noise"
    if len(voices) > 1:
        source += f", with which {votes - 1} of {len(voices) - 1} other ways agree"
    return Expected(_from(voices[best]).outputs, source), 2 * votes > len(voices)


def judged(expected: Expected, voice: Voice) -> Answers:
    """Whether the voice is within verify's bound of what is expected."""
    count = min(len(voice.outputs), *(len(rows) for rows in expected.outputs.values()))
    found = voice.outputs[:count]
    if not np.isfinite(found).all():
        return Answers(0, 0, 0, count, "its answers are not finite numbers")
    unit = _unit(next(iter(expected.outputs.values())))
    outputs = {key: _steps(rows[:count], unit) for key, rows in expected.outputs.items()}
    try:
        result = compare(GoldenVectors(np.arange(count), outputs), voice.runtime, voice.kernels, _steps(found, unit))
    except ModelFileError as error:  # another number of classes
        return Answers(0, 0, 0, count, str(error))
    reason, clear = "", result.decisive
    if result.largest_steps > result.bound_steps:
        reason = f"its answers are up to {result.largest_steps} steps off, and {result.bound_steps} are allowed"
    elif not result.passed:
        reason = f"of {clear.count} clear cases it answers {clear.count - clear.hits} otherwise"
    return Answers(result.largest_steps, result.bound_steps, result.agreement.hits, count, reason)


def _from(voice: Voice) -> Expected:
    return Expected({recording_key(voice.runtime, voice.kernels): voice.outputs}, "")


def _fitting_golden(file: TfliteModel, contract: Contract) -> GoldenVectors | None:
    """The file's golden vectors where they fit its input."""
    golden, taken = file.golden, contract.input
    if golden is None or golden.inputs.shape[1:] != taken.shape[1:] or golden.inputs.dtype != taken.dtype:
        return None
    return golden


def _unit(outputs: NDArray[Any]) -> float | None:
    """What one step of a float output is; None for integers."""
    if outputs.dtype.kind != "f":
        return None
    return float(np.ptp(outputs)) / _FLOAT_STEPS or 1.0


def _steps(outputs: NDArray[Any], unit: float | None) -> NDArray[Any]:
    return outputs if unit is None else np.rint(outputs / unit).astype(np.int64)
