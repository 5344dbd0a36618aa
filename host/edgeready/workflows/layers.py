"""The layers of two model files on the test images of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from edgeready.config.build import DataConfig
from edgeready.config.layers import IMAGES
from edgeready.dataset import Dataset, Splits, alternate_classes
from edgeready.dataset.tensors import is_tensor_file, load_tensors
from edgeready.errors import UsageError
from edgeready.layer_analysis.diagnosis import diagnose
from edgeready.layer_analysis.layer_error import LayerReport
from edgeready.layer_analysis.runner import Sample
from edgeready.quantization.equalization import equalize_channels
from edgeready.quantization.inputs import image_samples, in_color_order, tensor_samples
from edgeready.workflows.evaluate import splits_for
from edgeready_device.first_run import try_first
from edgeready_device.model_file.manifest import Manifest
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.normalization import Normalization
from edgeready_device.progress import Progress, no_progress
from edgeready_device.runtime.runtime import choose_runtime


def diagnose_files(
    float32: Path,
    integer: Path,
    source: str,
    *,
    seed: int | None = None,
    images: int = IMAGES,
    follow_links: bool = False,
    skip_damaged: bool = False,
    cache: bool = True,
    test: str | None = None,
    progress: Progress = no_progress,
) -> LayerReport:
    """Compares the layers of the models in two files on `images` test images of `source`, or rows of its arrays.

    `seed` picks the split; None means the seed that the integer file says it was made with. `test` names other test
    images, `skip_damaged` leaves out those that cannot be read, `cache` keeps decoded photos for the next run. Raises
    UsageError, ModelFileError or DatasetError when files and data do not fit.
    """
    if images < 1:
        raise UsageError(f"the number of images is {images}: use at least 1")
    exact, rounded = read_model_file(float32), read_model_file(integer)
    for file in (exact, rounded):
        try_first(file, choose_runtime("ai-edge-litert"))
    if is_tensor_file(source):
        return _diagnose_tensors(exact, rounded, Path(source), seed=seed, rows=images, progress=progress)
    splits = splits_for(
        rounded,
        source,
        seed,
        progress=progress,
        follow_links=follow_links,
        skip_damaged=skip_damaged,
        cache=cache,
        test=test,
    )
    return diagnose_models(exact, rounded, splits, images=images, progress=progress)


def diagnose_models(
    float32: TfliteModel,
    integer: TfliteModel,
    splits: Splits,
    *,
    images: int = IMAGES,
    progress: Progress = no_progress,
    name: str = "",
) -> LayerReport:
    """Compares the layers of two models on `images` test images of `splits`.

    Where the channels of the integer model were evened out, the float32 one's are, too, on the calibration images:
    its results are the same, and only then its layers can be compared. `name` is what the float32 model is called,
    its path by default.
    """
    normalization, color, exact = *_convention(float32, integer), float32
    if _is_equalized(integer.manifest):
        samples = image_samples(float32.graph, splits.calibration.images, normalization, color)
        exact = TfliteModel(equalize_channels(float32.flatbuffer, samples), trusted=True)
    return diagnose(
        exact,
        integer,
        samples_of(splits.test, normalization, images, color=color),
        names=(name or str(float32.path), str(integer.path)),
        progress=progress,
    )


def _convention(float32: TfliteModel, integer: TfliteModel) -> tuple[Normalization, str]:
    """What the float32 model's pixels become, as it says itself, or else as the integer model of it takes them.

    With it comes the order of the channels.

    Raises ModelFileError where neither says so.
    """
    for contract in (float32.contract, integer.contract):
        if contract.normalization_stated and not contract.raw_pixels:
            return contract.frame.normalization, contract.frame.color
    spec = integer.contract.input
    if integer.contract.normalization_stated and spec.quant is not None:  # pixels are the least value on
        mean = float(spec.quant.zero_point - np.iinfo(np.dtype(spec.dtype)).min)
        return Normalization((mean,), (1 / spec.quant.scale,)), integer.contract.frame.color
    float32.contract.check()
    return float32.contract.frame.normalization, float32.contract.frame.color


def samples_of(data: Dataset, normalization: Normalization, most: int, *, color: str = "rgb") -> Sequence[Sample]:
    """At most `most` images, from the classes in turn, as a network takes them: float32, batch 1."""
    order = alternate_classes(data.labels)[:most]
    return [[normalization.apply(in_color_order(data.images[index : index + 1], color))] for index in order]


def _diagnose_tensors(
    float32: TfliteModel,
    integer: TfliteModel,
    source: Path,
    *,
    seed: int | None,
    rows: int,
    progress: Progress,
) -> LayerReport:
    """The LayerReport of a model that is no image classifier, on rows that did not calibrate it."""
    data = load_tensors(source, DataConfig.seed if seed is None else seed)
    samples = list(islice(tensor_samples(float32.graph, data.test, str(source))(), rows))
    names = (str(float32.path), str(integer.path))
    return diagnose(float32, integer, samples, names=names, progress=progress)


def _is_equalized(manifest: Manifest | None) -> bool:
    """Whether the attempt of the accuracy budget that was taken evened out the channels, as the manifest says."""
    budget: Any = manifest.provenance.get("budget") if manifest is not None else None
    try:
        return bool(budget["attempts"][budget["choice"]]["method"]["equalize"])
    except (TypeError, KeyError, IndexError):  # a file without a budget, or not of ours
        return False
