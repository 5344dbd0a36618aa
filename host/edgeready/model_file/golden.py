"""Records golden vectors: what each installed runtime answers on each kernel path."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeready_device.model import Model
from edgeready_device.model_file.contract import AS_THE_FILE_SAYS, Description
from edgeready_device.model_file.golden import GoldenVectors, recording_key
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.runtime.runtime import KERNELS, Runtime, installed_runtimes
from edgeready_device.verification import outputs_of

MOST_VECTORS = 32  # chosen: three of each of ten classes
LEAST_VECTORS = 4  # chosen: fewer would seldom show two classes
MOST_INPUT_BYTES = 128 * 1024  # chosen: a quarter of the smallest MobileNet


def record_golden(
    file: TfliteModel,
    frames: NDArray[np.uint8],
    runtimes: tuple[Runtime, ...] | None = None,
    vectors: int | None = None,
) -> GoldenVectors:
    """The GoldenVectors of `file` on the first of `frames` (n, height, width[, channels]).

    Each of `runtimes` answers; None: all that are installed.
    As many `vectors` as are asked for; None: at most 32, fewer when their inputs would take over 128 KiB, but at
    least 4 where there are as many.
    """
    # A vector must be the same there as here, and nothing else: where nobody says what becomes of a pixel, 0 to 1.
    described = AS_THE_FILE_SAYS if file.contract.normalization_stated else Description(preset="unit")
    models = [
        (runtime, kernels, Model.from_file(file, runtime=runtime.name, kernels=kernels, description=described))
        for runtime in (installed_runtimes() if runtimes is None else runtimes)
        for kernels in KERNELS
    ]
    first = models[0][2]
    fit = MOST_INPUT_BYTES // max(1, first.quantize(frames[0]).nbytes)  # a float model's take four times the bytes
    recorded_frames = frames[: vectors or max(LEAST_VECTORS, min(MOST_VECTORS, fit))]
    inputs = np.concatenate([first.quantize(frame) for frame in recorded_frames])
    return GoldenVectors(
        inputs, {recording_key(runtime, kernels): outputs_of(model, inputs) for runtime, kernels, model in models}
    )
