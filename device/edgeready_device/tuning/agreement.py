"""The answers that are expected of a model on this machine, and whether a candidate gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.answers import SCORES, Columns, OutputReading, output_readings, restore_rows, stack_samples
from edgeready_device.errors import ModelFileError
from edgeready_device.frame_encoder import FrameEncoder
from edgeready_device.model_file.golden import GoldenVectors, recording_key
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.model_inputs import input_specs, seeded_inputs
from edgeready_device.runtime.runtime import Runtime
from edgeready_device.verification import compare

_MOST_INPUT_BYTES, _VALUE_BYTES = 256 << 20, 8  # chosen: of all samples, as they are made; a board has a gigabyte
MOST_INPUTS = 16  # chosen: enough to notice wrong kernels, few enough for a slow candidate
_FLOAT_STEPS = 255  # a float output's range counts as so many steps, those of a uint8 output


@dataclass(frozen=True)
class CandidateOutputs:
    """The raw `outputs` (n, values) of a runtime, or of a delegate, with its `kernels`; `more` are other outputs."""

    runtime: Runtime
    outputs: NDArray[Any] = field(repr=False)
    kernels: str = "default"
    more: Columns = field(default=(), repr=False)

    @property
    def name(self) -> str:
        """The runtime and its kernels in words."""
        return f"{self.runtime}" + (f" ({self.kernels} kernels)" if self.kernels != "default" else "")


@dataclass(frozen=True)
class Agreement:
    """How far a candidate's answers are from the expected ones, in quantization steps.

    `same_top1` of `count` answers have the expected top-1 class, None where no output is a row of class scores.
    `reason` says why that is too far, or is empty.
    """

    largest_steps: int
    bound_steps: int
    same_top1: int | None
    count: int
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether the answers are within the bound."""
        return not self.reason


@dataclass(frozen=True)
class Expected:
    """The expected outputs (n, values) by recording key; `source` names their origin in words.

    `more` has the other outputs by the same keys, and `readings` says how each output is judged.
    """

    outputs: Mapping[str, NDArray[Any]] = field(repr=False)
    source: str
    more: Mapping[str, Columns] = field(default_factory=dict, repr=False)
    readings: tuple[OutputReading, ...] = (SCORES,)


def choose_inputs(file: TfliteModel) -> Columns:
    """Returns the samples (n, ...) of each input: those of the golden vectors, else seeded noise."""
    golden = _fitting_golden(file)
    if golden is not None:
        return tuple(rows[:MOST_INPUTS] for rows in golden.all_inputs)
    try:
        contract = file.contract
        contract.check()
    except ModelFileError:  # no image classifier, or one of which more must be said
        return stack_samples(seeded_inputs(file, _fitting_count(file)).samples)
    frame, encoder = contract.frame, FrameEncoder(contract)
    shape = (_fitting_count(file), frame.height, frame.width, frame.channels)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return stack_samples([[encoder.encode(picture)] for picture in pixels])


def _fitting_count(file: TfliteModel) -> int:
    """How many samples fit into the memory that inputs may take, at least one."""
    values = sum(tensor.elements for tensor in file.graph.of(file.graph.inputs))
    return max(1, min(MOST_INPUTS, _MOST_INPUT_BYTES // max(1, values * _VALUE_BYTES)))


def recorded_outputs(file: TfliteModel) -> Expected | None:
    """Returns the outputs that golden vectors record; None for a file without them."""
    golden = _fitting_golden(file)
    if golden is None:
        return None
    return Expected(
        {key: rows[:MOST_INPUTS] for key, rows in golden.outputs.items()},
        f"{min(MOST_INPUTS, len(golden.inputs))} golden vectors in the file",
        {key: tuple(rows[:MOST_INPUTS] for rows in more) for key, more in golden.more_outputs.items()},
        readings=output_readings(file),
    )


def find_consensus(
    candidates: Sequence[CandidateOutputs],
    readings: tuple[OutputReading, ...] = (SCORES,),
    source: str = "frames of noise",
) -> tuple[Expected, bool]:
    """Returns the outputs with which most candidates agree, the first of equals, and whether a majority does.

    `readings` says how each output is judged, and `source` what the inputs were. No kernels are right by their name:
    on TF1's uint8 MobileNet-v2 the reference kernels of tflite-runtime 2.14 answer 255 for every class, and those of
    LiteRT 2.3 abort (measured).
    """
    expectations = [_expect(candidate, readings) for candidate in candidates]
    votes = [sum(check_outputs(expected, other).passed for other in candidates) for expected in expectations]
    best = votes.index(max(votes))
    origin = f"the answers of {candidates[best].name} to {len(candidates[best].outputs)} {source}"
    if len(candidates) > 1:
        origin += f", with which {votes[best] - 1} of {len(candidates) - 1} other ways agree"
    return replace(expectations[best], source=origin), 2 * votes[best] > len(candidates)


def check_outputs(expected: Expected, candidate: CandidateOutputs) -> Agreement:
    """Returns whether the candidate's outputs are within verify's bound of the expected ones, and how far off.

    Of several outputs the one that is furthest off counts.
    """
    count = min(len(candidate.outputs), *(len(rows) for rows in expected.outputs.values()))
    agreements = []
    for number, reading in enumerate(expected.readings):
        ours = (candidate.outputs, *candidate.more)
        if number >= len(ours):
            return Agreement(0, 0, None, count=count, reason=f"it gives {len(ours)} outputs")
        columns = {key: (rows, *expected.more.get(key, ()))[number][:count] for key, rows in expected.outputs.items()}
        agreements.append(_check_output(columns, candidate, ours[number][:count], reading=reading))
    worst = max(agreements, key=lambda agreement: (bool(agreement.reason), agreement.largest_steps))
    scored = [agreement.same_top1 for agreement in agreements if agreement.same_top1 is not None]
    return replace(worst, same_top1=scored[0] if scored else None)


def _check_output(
    expected: Mapping[str, NDArray[Any]],
    candidate: CandidateOutputs,
    outputs: NDArray[Any],
    *,
    reading: OutputReading,
) -> Agreement:
    count = len(outputs)
    finite = np.isfinite(next(iter(expected.values()))).all()
    if finite and not np.isfinite(outputs).all():
        return Agreement(0, 0, 0, count=count, reason="its answers are not finite numbers")
    unit = None if reading.exact or not finite else _unit(next(iter(expected.values())))
    golden = GoldenVectors(np.arange(count), {key: _steps(rows, unit) for key, rows in expected.items()})
    try:
        result = compare(golden, candidate.runtime, candidate.kernels, _steps(outputs, unit), reading=reading)
    except ModelFileError as error:  # another number of classes
        return Agreement(0, 0, 0, count=count, reason=str(error))
    reason, clear = "", result.decisive
    if result.largest_steps > result.bound_steps:
        reason = f"its answers are up to {result.largest_steps} steps off, and {result.bound_steps} are allowed"
    elif clear is not None and not result.passed:
        reason = f"of {clear.count} clear cases it answers {clear.count - clear.hits} otherwise"
    return Agreement(
        largest_steps=result.largest_steps,
        bound_steps=result.bound_steps,
        same_top1=None if result.agreement is None else result.agreement.hits,
        count=count,
        reason=reason,
    )


def _expect(candidate: CandidateOutputs, readings: tuple[OutputReading, ...]) -> Expected:
    key = recording_key(candidate.runtime, candidate.kernels)
    return Expected({key: candidate.outputs}, "", {key: candidate.more}, readings=readings)


def _fitting_golden(file: TfliteModel) -> GoldenVectors | None:
    """Returns the file's golden vectors where they fit its inputs."""
    golden, specs = file.golden, input_specs(file)
    if golden is None or len(golden.all_inputs) != len(specs):
        return None
    try:
        for rows, spec in zip(golden.all_inputs, specs):
            restore_rows(rows, spec)
    except ModelFileError:  # those of another model
        return None
    return golden


def _unit(outputs: NDArray[Any]) -> float | None:
    """Returns the size of one step of a float output; None for integers."""
    if outputs.dtype.kind != "f":
        return None
    return float(np.ptp(outputs)) / _FLOAT_STEPS or 1.0


def _steps(outputs: NDArray[Any], unit: float | None) -> NDArray[Any]:
    return outputs if unit is None else np.rint(outputs / unit).astype(np.int64)
