"""Golden vectors on this machine: are the answers those that the host recorded?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.answers import SCORES, Columns, OutputReading, answers_of, output_readings, sized_as
from edgeready_device.errors import ModelFileError
from edgeready_device.model import Model
from edgeready_device.model_file.golden import GoldenVectors, recording_key
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.runtime.runtime import KERNELS, Runtime, choose_runtime
from edgeready_device.session import Session
from edgeready_device.statistics import Proportion

# The same runtime, version and kernels, recorded on x86-64 and run on arm64 (measured: docs/model-file.md).
SAME_PATH_STEPS = {
    ("ai-edge-litert", "reference"): 0,
    ("ai-edge-litert", "default"): 4,
    ("tflite-runtime", "reference"): 0,
    ("tflite-runtime", "default"): 12,
}
OTHER_PATH_STEPS = 12  # between kernel paths, versions or delegates
MOST_STEPS = 255  # an 8-bit output has no more, and others are counted in steps of the same size


@dataclass(frozen=True)
class PathResult:
    """One kernel path held against one recording.

    Differences are in quantization steps; `histogram[d]` counts output values that differ by d steps, the last of 255
    possible ones those that differ by more, too. A float or 16-bit output has 255 steps over what was recorded.
    `decisive` counts the vectors whose recorded winner leads by more than twice the bound, and of those how many have
    the same winner here. It and `agreement` are None for an output that is no row of class scores. `output` names one
    of several.
    """

    kernels: str
    recording: str
    bound_steps: int
    histogram: tuple[int, ...]
    agreement: Proportion | None
    decisive: Proportion | None
    note: str = ""
    output: str = ""

    @property
    def largest_steps(self) -> int:
        """The largest difference."""
        return len(self.histogram) - 1

    @property
    def passed(self) -> bool:
        """Whether every value is within the bound and every decisive winner the same."""
        same_winners = self.decisive is None or self.decisive.hits == self.decisive.count
        return self.largest_steps <= self.bound_steps and same_winners


@dataclass(frozen=True)
class PathDistance:
    """How far two kernel paths of one runtime are apart on this machine: information, never the verdict."""

    kernels: tuple[str, str]
    largest_steps: int
    agreement: Proportion | None


@dataclass(frozen=True)
class VerifyReport:
    """The result of each kernel path and output of one runtime, and the distance between two paths."""

    model: Path
    runtime: Runtime
    results: tuple[PathResult, ...]
    between: PathDistance | None = None

    @property
    def passed(self) -> bool:
        """Whether every path passed."""
        return all(result.passed for result in self.results)

    @property
    def agreement(self) -> Proportion | None:
        """The top-1 agreement of the path that agrees least; None for a model without a row of class scores."""
        shares = [result.agreement for result in self.results if result.agreement is not None]
        return min(shares, key=lambda share: share.value, default=None)


def verify(
    model: Model | Session | TfliteModel, runtime: str | None = None, delegate: str | None = None
) -> VerifyReport:
    """Runs the golden vectors of `model` through both kernel paths of `runtime` and compares like with like.

    `runtime` None means that of a Model or a Session, and for a TfliteModel what `choose_runtime` says. With a
    `delegate` its answers are compared with the nearest recording. Raises ModelFileError when the file carries no
    golden vectors.
    """
    file = model if isinstance(model, TfliteModel) else model.file
    if not isinstance(model, TfliteModel):
        runtime = runtime or model.runtime.name
    golden = file.golden
    if golden is None:
        raise ModelFileError(
            f"{file.path}: it carries no golden vectors: make it with edgeready build or convert, or add some with "
            "edgeready golden"
        )
    here, file = choose_runtime(runtime), sized_as(file, golden.all_inputs)
    readings = output_readings(file)
    answers: dict[str, Columns] = {}  # by the name of the kernel path
    for kernels in KERNELS if delegate is None else KERNELS[:1]:
        session = Session.from_file(file, runtime=here.name, threads=1, kernels=kernels, delegate=delegate)
        name = kernels if delegate is None else f"delegate {delegate}"
        answers[name] = answers_of(session, golden.all_inputs)
    results = tuple(
        compare(golden, here, name, rows, reading=reading, number=number)
        for name, columns in answers.items()
        for number, (rows, reading) in enumerate(zip(columns, readings))
    )
    return VerifyReport(file.path, here, results, _between(answers, readings) if len(answers) == 2 else None)


def outputs_of(model: Model | Session, inputs: NDArray[Any]) -> NDArray[Any]:
    """The raw first output (n, values) of recorded `inputs` (n, ...) of a model with one input."""
    return answers_of(model.session if isinstance(model, Model) else model, (inputs,))[0]


def compare(
    golden: GoldenVectors,
    runtime: Runtime,
    kernels: str,
    outputs: NDArray[Any],
    *,
    reading: OutputReading = SCORES,
    number: int = 0,
) -> PathResult:
    """Compares `outputs` (n, values) of output `number` with the recording most like `runtime` and `kernels`."""
    key, bound, note = _recording(golden, runtime, kernels)
    columns = golden.outputs_of(key)
    if number >= len(columns):
        raise ModelFileError(
            f"the recording {key!r} has {len(columns)} outputs, and the model more: make the golden vectors again"
        )
    expected, bound = columns[number], 0 if reading.exact else bound
    if expected.shape != outputs.shape or expected.dtype != outputs.dtype:
        raise ModelFileError(
            f"the recording {key!r} has the shape {expected.shape}, the outputs {outputs.shape} "
            f"({expected.dtype} and {outputs.dtype}): make the golden vectors again"
        )
    steps = _steps(expected, outputs, 1.0 if reading.exact else _step(expected))
    agreement = decisive = None
    if reading.scores:
        clear = _lead(expected) > 2 * bound
        same = expected.argmax(axis=1) == outputs.argmax(axis=1)
        agreement = Proportion(int(same.sum()), len(same))
        decisive = Proportion(int(same[clear].sum()), int(clear.sum()))
    return PathResult(
        kernels=kernels,
        recording=key,
        bound_steps=bound,
        histogram=tuple(int(count) for count in np.bincount(steps.reshape(-1), minlength=1)),
        agreement=agreement,
        decisive=decisive,
        note=note,
        output=reading.name,
    )


def distance(outputs: Mapping[str, NDArray[Any]], reading: OutputReading = SCORES) -> PathDistance:
    """How far the outputs (n, values) of two kernel paths are apart, by the paths' names."""
    (first, ours), (second, theirs) = outputs.items()
    steps = _steps(ours, theirs, 1.0 if reading.exact else _step(ours))
    agreement = None
    if reading.scores:
        same = ours.argmax(axis=1) == theirs.argmax(axis=1)
        agreement = Proportion(int(same.sum()), len(same))
    return PathDistance((first, second), int(steps.max(initial=0)), agreement)


def _between(answers: Mapping[str, Columns], readings: Sequence[OutputReading]) -> PathDistance:
    """The distance of the output whose paths are the furthest apart, with the agreement of the class scores."""
    distances = [
        distance({name: columns[number] for name, columns in answers.items()}, reading)
        for number, reading in enumerate(readings)
    ]
    agreements = [apart.agreement for apart in distances if apart.agreement is not None]
    furthest = max(apart.largest_steps for apart in distances)
    return PathDistance(distances[0].kernels, furthest, agreements[0] if agreements else None)


def _step(expected: NDArray[Any]) -> float:
    """What one step is: that of an 8-bit output, or for wider ones the 255th part of what was recorded."""
    if expected.dtype.itemsize == 1:
        return 1.0
    finite = expected[np.isfinite(expected)].astype(np.float64)
    spread = float(np.ptp(finite)) if finite.size else 0.0
    return max(spread / MOST_STEPS, float(np.finfo(np.float32).tiny))


def _steps(expected: NDArray[Any], outputs: NDArray[Any], step: float) -> NDArray[np.intp]:
    """The differences in whole steps, at most MOST_STEPS; what is no number is as far off as can be.

    What was recorded as no number must be none here.
    """
    ours, theirs = expected.astype(np.float64), outputs.astype(np.float64)
    with np.errstate(invalid="ignore"):
        apart = np.abs(ours - theirs) / step
    apart = np.where((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)), 0.0, apart)
    whole = np.rint(np.clip(np.where(np.isnan(apart), MOST_STEPS, apart), 0, MOST_STEPS))
    return np.asarray(whole, np.intp)


def _lead(expected: NDArray[Any]) -> NDArray[np.float64]:
    """By how many steps the winner of each vector leads."""
    ranked = np.sort(expected.astype(np.float64), axis=1)
    return np.asarray((ranked[:, -1] - ranked[:, -2]) / _step(expected))


def _recording(golden: GoldenVectors, runtime: Runtime, kernels: str) -> tuple[str, int, str]:
    exact = recording_key(runtime, kernels)
    if exact in golden.outputs:
        return exact, SAME_PATH_STEPS.get((runtime.name, kernels), OTHER_PATH_STEPS), ""
    ranked = sorted(
        golden.outputs, key=lambda key: (not key.startswith(runtime.name), not key.endswith(kernels), key)
    )
    return (
        ranked[0],
        OTHER_PATH_STEPS,
        f"{exact} was not recorded: held against {ranked[0]}, with a wider bound",
    )
