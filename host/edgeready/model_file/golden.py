"""Records golden vectors: what each installed runtime answers on each kernel path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import ModelFileError
from edgeready_device.answers import answers_of, stack_samples
from edgeready_device.model import Model
from edgeready_device.model_file.contract import AS_THE_FILE_SAYS, Description
from edgeready_device.model_file.golden import GoldenVectors, recording_key
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.runtime.runtime import KERNELS, Runtime, installed_runtimes
from edgeready_device.session import Session

MOST_VECTORS = 32  # chosen: three of each of ten classes
LEAST_VECTORS = 4  # chosen: fewer would seldom show two classes
MOST_INPUT_BYTES = 128 * 1024  # chosen: a quarter of the smallest MobileNet
# The share of a model that the inputs may take, and how much beside the smallest. Chosen: four photos beside a
# network of 17 kB made its file thirty times as large.
_MODEL_SHARE, _BESIDE_THE_SMALLEST = 4, 32 * 1024


def record_golden(
    file: TfliteModel,
    frames: NDArray[np.uint8],
    runtimes: tuple[Runtime, ...] | None = None,
    vectors: int | None = None,
) -> GoldenVectors:
    """The GoldenVectors of `file` on the first of `frames` (n, height, width[, channels]).

    Each of `runtimes` answers; None: all that are installed.
    As many `vectors` as are asked for; None: at most 32, fewer when their inputs would take more than a quarter of
    the model (32 KiB beside a small one, 128 KiB beside a large one); at least 4 where a quarter holds them, else 1.
    """
    # A vector must be the same there as here, and nothing else: where nobody says what becomes of a pixel, 0 to 1.
    described = AS_THE_FILE_SAYS if file.contract.normalization_stated else Description(preset="unit")
    models = [
        (runtime, kernels, Model.from_file(file, runtime=runtime.name, kernels=kernels, description=described))
        for runtime in (installed_runtimes() if runtimes is None else runtimes)
        for kernels in KERNELS
    ]
    first = models[0][2]
    size = len(file.flatbuffer)
    count = count_vectors(first.quantize(frames[0]).nbytes, size, vectors)  # a float model's take four times as much
    samples = [[first.quantize(frame)] for frame in frames[:count]]
    return _record(samples, [(runtime, kernels, model.session) for runtime, kernels, model in models])


def record_samples(
    file: TfliteModel,
    samples: Sequence[Sequence[NDArray[Any]]],
    runtimes: tuple[Runtime, ...],
    vectors: int | None = None,
) -> GoldenVectors:
    """The GoldenVectors of a model of any kind on the first of `samples`, each with one tensor for each input.

    Each of `runtimes` answers, to as many vectors as `record_golden` takes. Raises ModelFileError for answers that
    cannot be recorded.
    """
    count = count_vectors(sum(tensor.nbytes for tensor in samples[0]), len(file.flatbuffer), vectors)
    sessions = [
        (runtime, kernels, Session.from_file(file, runtime=runtime.name, kernels=kernels))
        for runtime in runtimes
        for kernels in KERNELS
    ]
    return _record(samples[:count], sessions)


def count_vectors(sample_bytes: int, model_bytes: int, vectors: int | None) -> int:
    """Returns `vectors`; None: how many of `sample_bytes` suit a model of `model_bytes`, from 1 to 32."""
    if vectors is not None:
        return vectors
    share = model_bytes // _MODEL_SHARE
    beside = max(_BESIDE_THE_SMALLEST, min(MOST_INPUT_BYTES, share))
    least = LEAST_VECTORS if LEAST_VECTORS * sample_bytes <= share else 1
    return max(least, min(MOST_VECTORS, beside // max(1, sample_bytes)))


def _record(
    samples: Sequence[Sequence[NDArray[Any]]], sessions: Sequence[tuple[Runtime, str, Session]]
) -> GoldenVectors:
    inputs = stack_samples(samples)
    if not inputs:
        raise ModelFileError(f"{sessions[0][2].path}: it has no inputs: there is nothing to record")
    answers = {recording_key(runtime, kernels): answers_of(session, inputs) for runtime, kernels, session in sessions}
    if not all(answers.values()):
        raise ModelFileError(f"{sessions[0][2].path}: it has no outputs: there is nothing to record")
    return GoldenVectors(
        inputs[0],
        {key: columns[0] for key, columns in answers.items()},
        inputs[1:],
        {key: columns[1:] for key, columns in answers.items() if columns[1:]},
    )
