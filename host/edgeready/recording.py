"""Records golden vectors: what each installed runtime answers on each kernel path."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeready_device.golden import GoldenVectors, recording_key
from edgeready_device.model import Model
from edgeready_device.model_file import ModelFile
from edgeready_device.runtime import KERNELS, installed_runtimes
from edgeready_device.verify import outputs_of

MOST_VECTORS = 32
LEAST_VECTORS = 4
MOST_INPUT_BYTES = 128 * 1024


def record_golden(file: ModelFile, frames: NDArray[np.uint8]) -> GoldenVectors:
    """The GoldenVectors of `file` on the first of `frames` (n, height, width[, channels]).

    At most 32 vectors, fewer when their inputs would take over 128 KiB, but at least 4 where there are as many.
    """
    fit = MOST_INPUT_BYTES // max(1, frames[0].nbytes)
    chosen = frames[: max(LEAST_VECTORS, min(MOST_VECTORS, fit))]
    models = [
        (runtime, kernels, Model.from_file(file, runtime=runtime.name, kernels=kernels))
        for runtime in installed_runtimes()
        for kernels in KERNELS
    ]
    inputs = np.concatenate([models[0][2].quantize(frame) for frame in chosen])
    return GoldenVectors(
        inputs, {recording_key(runtime, kernels): outputs_of(model, inputs) for runtime, kernels, model in models}
    )
