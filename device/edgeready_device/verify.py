"""Golden vectors on this machine: are the answers those that the host recorded?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError
from edgeready_device.golden import GoldenVectors, recording_key
from edgeready_device.model import Model
from edgeready_device.model_file import ModelFile
from edgeready_device.runtime import KERNELS, Runtime, choose_runtime
from edgeready_device.statistics import Proportion

# The same runtime, version and kernels, recorded on x86-64 and run on arm64 (measured: docs/model-file.md).
SAME_PATH_STEPS = {
    ("ai-edge-litert", "reference"): 0,
    ("ai-edge-litert", "default"): 4,
    ("tflite-runtime", "reference"): 0,
    ("tflite-runtime", "default"): 12,
}
OTHER_PATH_STEPS = 12  # between kernel paths or versions


@dataclass(frozen=True)
class PathResult:
    """One kernel path held against one recording.

    Differences are in quantization steps; `histogram[d]` counts output values that differ by d steps.
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
class VerifyReport:
    """The result of each kernel path of one runtime."""

    model: Path
    runtime: Runtime
    results: tuple[PathResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every path passed."""
        return all(result.passed for result in self.results)


def verify(file: ModelFile, runtime: str | None = None) -> VerifyReport:
    """Runs the file's golden vectors through both kernel paths of `runtime` and compares like with like.

    Raises ModelFileError when the file carries none.
    """
    if file.golden is None:
        raise ModelFileError(f"{file.path}: it carries no golden vectors: make it with edgeready build or convert")
    chosen = choose_runtime(runtime)
    results = []
    for kernels in KERNELS:
        model = Model.from_file(file, runtime=chosen.name, kernels=kernels)
        results.append(compare(file.golden, chosen, kernels, outputs_of(model, file.golden.inputs)))
    return VerifyReport(file.path, chosen, tuple(results))


def outputs_of(model: Model, inputs: NDArray[Any]) -> NDArray[Any]:
    """The raw outputs (n, classes) of quantized `inputs` (n, ...)."""
    if inputs.shape[1:] != model.input.shape[1:] or inputs.dtype != model.input.dtype:
        raise ModelFileError(
            f"the golden vectors are {inputs.dtype} {list(inputs.shape[1:])}, the model takes "
            f"{model.input.dtype} {list(model.input.shape[1:])}: make the file again"
        )
    return np.stack([model.invoke(tensor[np.newaxis]) for tensor in inputs])


def compare(golden: GoldenVectors, runtime: Runtime, kernels: str, found: NDArray[Any]) -> PathResult:
    """`found` (n, classes) against the recording that is most like `runtime` and `kernels`."""
    key, bound, note = _recording(golden, runtime, kernels)
    expected = golden.outputs[key]
    if expected.shape != found.shape:
        raise ModelFileError(f"the recording {key!r} has the shape {expected.shape}, the outputs {found.shape}")
    steps = np.abs(expected.astype(np.int64) - found.astype(np.int64))
    ranked = np.sort(expected.astype(np.int64), axis=1)
    decisive = ranked[:, -1] - ranked[:, -2] > 2 * bound
    same = expected.argmax(axis=1) == found.argmax(axis=1)
    return PathResult(
        kernels,
        key,
        bound,
        tuple(int(count) for count in np.bincount(steps.reshape(-1).astype(np.intp))),
        Proportion(int(same.sum()), len(same)),
        Proportion(int(same[decisive].sum()), int(decisive.sum())),
        note,
    )


def _recording(golden: GoldenVectors, runtime: Runtime, kernels: str) -> tuple[str, int, str]:
    exact = recording_key(runtime, kernels)
    if exact in golden.outputs:
        return exact, SAME_PATH_STEPS[runtime.name, kernels], ""
    ranked = sorted(
        golden.outputs, key=lambda key: (not key.startswith(runtime.name), not key.endswith(kernels), key)
    )
    return (
        ranked[0],
        OTHER_PATH_STEPS,
        f"{exact} was not recorded: held against {ranked[0]}, with a wider bound",
    )
