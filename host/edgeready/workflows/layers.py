"""The layers of two model files on the test images of a data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.config.build import DataConfig
from edgeready.dataset import Dataset, Splits
from edgeready.dataset.tensors import is_tensor_file, load_tensors
from edgeready.errors import UsageError
from edgeready.layer_analysis.diagnosis import diagnose
from edgeready.layer_analysis.layer_error import LayerReport
from edgeready.layer_analysis.runner import Sample
from edgeready.quantization.equalization import equalized
from edgeready.quantization.inputs import image_feeds, tensor_feeds
from edgeready.workflows.evaluate import splits_for
from edgeready_device.model import Model
from edgeready_device.model_file.manifest import Manifest
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.preprocess import Normalization

IMAGES = 32
Progress = Callable[[str, int, int], None]


def diagnose_files(
    float32: Path, integer: Path, source: str, seed: int | None, images: int, progress: Progress
) -> LayerReport:
    """The LayerReport of the models in two files on `images` test images of `source`, or rows of its arrays.

    `seed` picks the split; None means the seed that the integer file says it was made with. Raises UsageError,
    ModelFileError or DatasetError when files and data do not fit.
    """
    if images < 1:
        raise UsageError(f"the number of images is {images}: use at least 1")
    if is_tensor_file(source):
        return _diagnose_tensors(float32, integer, Path(source), seed, images, progress)
    return diagnose_splits(
        float32, integer, splits_for(Model.load(integer), source, seed, progress), images, progress
    )


def diagnose_splits(
    float32: Path, integer: Path, splits: Splits, images: int, progress: Progress, name: str = ""
) -> LayerReport:
    """The LayerReport of the models in two files on `images` test images of `splits`.

    Where the channels of the integer model were evened out, the float32 one's are, too, on the calibration images:
    its results are the same, and only then its layers can be compared. `name` is what the float32 file is called,
    its path by default.
    """
    exact, rounded = Model.load(float32), Model.load(integer)
    normalization, flatbuffer = exact.contract.frame.normalization, exact.file.flatbuffer
    if _evened_out(rounded.file.manifest):
        feeds = image_feeds(exact.file.graph, splits.calibration.images, normalization)
        flatbuffer = equalized(flatbuffer, feeds)
    return diagnose(
        flatbuffer,
        rounded.file.flatbuffer,
        samples_of(splits.test, normalization, images),
        (name or str(float32), str(integer)),
        partial(progress, "comparing layers"),
    )


def samples_of(data: Dataset, normalization: Normalization, most: int) -> Sequence[Sample]:
    """At most `most` images, from one class after the other, as a network takes them: float32, batch 1."""
    rank = np.zeros(len(data), np.int64)
    for label in range(len(data.classes)):
        rank[data.labels == label] = np.arange(int((data.labels == label).sum()))
    chosen: NDArray[np.intp] = np.argsort(rank, kind="stable")[:most]
    return [[normalization.apply(data.images[index : index + 1])] for index in chosen]


def _diagnose_tensors(
    float32: Path, integer: Path, source: Path, seed: int | None, rows: int, progress: Progress
) -> LayerReport:
    """The LayerReport of a model that is no image classifier, on rows that did not calibrate it."""
    exact, rounded = read_model_file(float32), read_model_file(integer)
    data = load_tensors(source, DataConfig.seed if seed is None else seed)
    samples = list(islice(tensor_feeds(exact.graph, data.test, str(source))(), rows))
    names = (str(float32), str(integer))
    told = partial(progress, "comparing layers")
    return diagnose(exact.flatbuffer, rounded.flatbuffer, samples, names, told)


def _evened_out(manifest: Manifest | None) -> bool:
    """Whether the rung of the accuracy budget that made the file evened out the channels, as its manifest says."""
    budget: Any = manifest.provenance.get("budget") if manifest is not None else None
    try:
        return bool(budget["rungs"][budget["taken"]]["method"]["equalize"])
    except (TypeError, KeyError, IndexError):  # a file without a budget, or not of ours
        return False
