"""Golden vectors on this machine: are the answers those that the host recorded?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError
from edgeready_device.model import Model
from edgeready_device.model_file.golden import GoldenVectors, recording_key
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.runtime.runtime import KERNELS, Runtime, choose_runtime
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
    `decisive` counts the vectors whose recorded winner leads by more than twice the bound, and of those how
    many have the same winner here.
    """

    kernels: str
    recording: str
    bound_steps: int
    histogram: tuple[int, ...]
    agreement: Proportion
    decisive: Proportion
    note: str = ""

    @property
    def largest_steps(self) -> int:
        """The largest difference."""
        return len(self.histogram) - 1

    @property
    def passed(self) -> bool:
        """Whether every value is within the bound and every decisive winner the same."""
        return self.largest_steps <= self.bound_steps and self.decisive.hits == self.decisive.count


@dataclass(frozen=True)
class PathDistance:
    """How far two kernel paths of one runtime are apart on this machine: information, never the verdict."""

    kernels: tuple[str, str]
    largest_steps: int
    agreement: Proportion


@dataclass(frozen=True)
class VerifyReport:
    """The result of each kernel path of one runtime, and the distance between the paths where there are two."""

    model: Path
    runtime: Runtime
    results: tuple[PathResult, ...]
    between: PathDistance | None = None

    @property
    def passed(self) -> bool:
        """Whether every path passed."""
        return all(result.passed for result in self.results)

    @property
    def agreement(self) -> Proportion:
        """The top-1 agreement of the path that agrees least."""
        return min((result.agreement for result in self.results), key=lambda share: share.value)


def verify(model: Model | TfliteModel, runtime: str | None = None, delegate: str | None = None) -> VerifyReport:
    """Runs the golden vectors of `model` through both kernel paths of `runtime` and compares like with like.

    `runtime` None means that of a Model, and for a TfliteModel what `choose_runtime` says. With a `delegate` its
    answers are compared with the nearest recording. Raises ModelFileError when the file carries no golden vectors.
    """
    file = model.file if isinstance(model, Model) else model
    if isinstance(model, Model):
        runtime = runtime or model.runtime.name
    golden = file.golden
    if golden is None:
        raise ModelFileError(
            f"{file.path}: it carries no golden vectors: make it with edgeready build or convert, or add some with "
            "edgeready golden"
        )
    here = choose_runtime(runtime)
    outputs: dict[str, NDArray[Any]] = {}  # by the name of the kernel path
    for kernels in KERNELS if delegate is None else KERNELS[:1]:
        under_test = Model.from_file(file, runtime=here.name, threads=1, kernels=kernels, delegate=delegate)
        outputs[kernels if delegate is None else f"delegate {delegate}"] = outputs_of(under_test, golden.inputs)
    results = tuple(compare(golden, here, kernels, rows) for kernels, rows in outputs.items())
    return VerifyReport(file.path, here, results, distance(outputs) if len(outputs) == 2 else None)


def outputs_of(model: Model, inputs: NDArray[Any]) -> NDArray[Any]:
    """The raw outputs (n, classes) of quantized `inputs` (n, ...)."""
    if inputs.shape[1:] != model.input.shape[1:] or inputs.dtype != model.input.dtype:
        raise ModelFileError(
            f"the golden vectors are {inputs.dtype} {list(inputs.shape[1:])}, the model takes "
            f"{model.input.dtype} {list(model.input.shape[1:])}: make the file again"
        )
    return np.stack([model.invoke(tensor[np.newaxis]) for tensor in inputs])


def compare(golden: GoldenVectors, runtime: Runtime, kernels: str, outputs: NDArray[Any]) -> PathResult:
    """Compares `outputs` (n, classes) with the recording that is most like `runtime` and `kernels`."""
    key, bound, note = _recording(golden, runtime, kernels)
    expected = golden.outputs[key]
    if expected.shape != outputs.shape or expected.dtype != outputs.dtype:
        raise ModelFileError(
            f"the recording {key!r} has the shape {expected.shape}, the outputs {outputs.shape} "
            f"({expected.dtype} and {outputs.dtype}): make the golden vectors again"
        )
    steps = _steps(expected, outputs)
    decisive = _lead(expected) > 2 * bound
    same = expected.argmax(axis=1) == outputs.argmax(axis=1)
    return PathResult(
        kernels=kernels,
        recording=key,
        bound_steps=bound,
        histogram=tuple(int(count) for count in np.bincount(steps.reshape(-1))),
        agreement=Proportion(int(same.sum()), len(same)),
        decisive=Proportion(int(same[decisive].sum()), int(decisive.sum())),
        note=note,
    )


def distance(outputs: Mapping[str, NDArray[Any]]) -> PathDistance:
    """How far the outputs (n, classes) of two kernel paths are apart, by the paths' names."""
    (first, ours), (second, theirs) = outputs.items()
    same = ours.argmax(axis=1) == theirs.argmax(axis=1)
    return PathDistance((first, second), int(_steps(ours, theirs).max()), Proportion(int(same.sum()), len(same)))


def _step(expected: NDArray[Any]) -> float:
    """What one step is: that of an 8-bit output, or for wider ones the 255th part of what was recorded."""
    if expected.dtype.itemsize == 1:
        return 1.0
    return max(float(np.ptp(expected.astype(np.float64))) / MOST_STEPS, float(np.finfo(np.float32).tiny))


def _steps(expected: NDArray[Any], outputs: NDArray[Any]) -> NDArray[np.intp]:
    """The differences in whole steps, at most MOST_STEPS; what is no number is as far off as can be."""
    apart = np.abs(expected.astype(np.float64) - outputs.astype(np.float64)) / _step(expected)
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
