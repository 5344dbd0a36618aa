"""The answers that are expected of a model on this machine, and whether a candidate gives them."""

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

MOST_INPUTS = 16  # chosen: enough to notice wrong kernels, few enough for a slow candidate
_FLOAT_STEPS = 255  # a float output's range counts as so many steps, those of a uint8 output


@dataclass(frozen=True)
class CandidateOutputs:
    """The raw `outputs` (n, classes) of a runtime, or of a delegate, with its `kernels`."""

    runtime: Runtime
    outputs: NDArray[Any] = field(repr=False)
    kernels: str = "default"

    @property
    def name(self) -> str:
        """The runtime and its kernels in words."""
        return f"{self.runtime}" + (f" ({self.kernels} kernels)" if self.kernels != "default" else "")


@dataclass(frozen=True)
class Agreement:
    """How far a candidate's answers are from the expected ones, in quantization steps.

    `same_top1` of `count` answers have the expected top-1 class. `reason` says why that is too far, or is empty.
    """

    largest_steps: int
    bound_steps: int
    same_top1: int
    count: int
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether the answers are within the bound."""
        return not self.reason


@dataclass(frozen=True)
class Expected:
    """The expected outputs (n, classes) by recording key; `source` names their origin in words."""

    outputs: Mapping[str, NDArray[Any]] = field(repr=False)
    source: str


def choose_inputs(file: TfliteModel, contract: Contract) -> NDArray[Any]:
    """Returns input tensors without the batch (n, ...): those of the golden vectors, else seeded noise."""
    golden = _fitting_golden(file, contract)
    if golden is not None:
        return golden.inputs[:MOST_INPUTS]
    shape = (MOST_INPUTS, *contract.input.shape[1:])
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    if contract.table is not None:
        return np.asarray(contract.table(pixels))
    return contract.frame.normalization.apply(pixels).astype(contract.input.dtype)


def recorded_outputs(file: TfliteModel, contract: Contract) -> Expected | None:
    """Returns the outputs that golden vectors record; None for a file without them."""
    golden = _fitting_golden(file, contract)
    if golden is None:
        return None
    outputs = {key: rows[:MOST_INPUTS] for key, rows in golden.outputs.items()}
    return Expected(outputs, f"{min(MOST_INPUTS, len(golden.inputs))} golden vectors in the file")


def find_consensus(candidates: Sequence[CandidateOutputs]) -> tuple[Expected, bool]:
    """Returns the outputs with which most candidates agree, the first of equals, and whether a majority does.

    No kernels are right by their name: on TF1's uint8 MobileNet-v2 the reference kernels of tflite-runtime 2.14
    answer 255 for every class, and those of LiteRT 2.3 abort (measured).
    """
    expectations = [_expect(candidate) for candidate in candidates]
    votes = [sum(check_outputs(expected, other).passed for other in candidates) for expected in expectations]
    best = votes.index(max(votes))
    source = f"the answers of {candidates[best].name} to {len(candidates[best].outputs)} frames of noise"
    if len(candidates) > 1:
        source += f", with which {votes[best] - 1} of {len(candidates) - 1} other ways agree"
    return Expected(expectations[best].outputs, source), 2 * votes[best] > len(candidates)


def check_outputs(expected: Expected, candidate: CandidateOutputs) -> Agreement:
    """Returns whether the candidate's outputs are within verify's bound of the expected ones, and how far off."""
    count = min(len(candidate.outputs), *(len(rows) for rows in expected.outputs.values()))
    outputs = candidate.outputs[:count]
    if not np.isfinite(outputs).all():
        return Agreement(0, 0, 0, count=count, reason="its answers are not finite numbers")
    unit = _unit(next(iter(expected.outputs.values())))
    golden = GoldenVectors(
        np.arange(count), {key: _steps(rows[:count], unit) for key, rows in expected.outputs.items()}
    )
    try:
        result = compare(golden, candidate.runtime, candidate.kernels, outputs=_steps(outputs, unit))
    except ModelFileError as error:  # another number of classes
        return Agreement(0, 0, 0, count=count, reason=str(error))
    reason, clear = "", result.decisive
    if result.largest_steps > result.bound_steps:
        reason = f"its answers are up to {result.largest_steps} steps off, and {result.bound_steps} are allowed"
    elif not result.passed:
        reason = f"of {clear.count} clear cases it answers {clear.count - clear.hits} otherwise"
    return Agreement(
        largest_steps=result.largest_steps,
        bound_steps=result.bound_steps,
        same_top1=result.agreement.hits,
        count=count,
        reason=reason,
    )


def _expect(candidate: CandidateOutputs) -> Expected:
    return Expected({recording_key(candidate.runtime, candidate.kernels): candidate.outputs}, "")


def _fitting_golden(file: TfliteModel, contract: Contract) -> GoldenVectors | None:
    """Returns the file's golden vectors where they fit its input."""
    golden, spec = file.golden, contract.input
    if golden is None or golden.inputs.shape[1:] != spec.shape[1:] or golden.inputs.dtype != spec.dtype:
        return None
    return golden


def _unit(outputs: NDArray[Any]) -> float | None:
    """Returns the size of one step of a float output; None for integers."""
    if outputs.dtype.kind != "f":
        return None
    return float(np.ptp(outputs)) / _FLOAT_STEPS or 1.0


def _steps(outputs: NDArray[Any], unit: float | None) -> NDArray[Any]:
    return outputs if unit is None else np.rint(outputs / unit).astype(np.int64)
