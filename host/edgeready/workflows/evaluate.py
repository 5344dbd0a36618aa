"""Accuracy of any .tflite classifier on the test images of a data set, through the device package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgeready.config.build import DataConfig
from edgeready.dataset import SET_NAMES, Dataset, Splits, load_splits
from edgeready.errors import DatasetError
from edgeready_device.evaluation import EvaluationReport, evaluate
from edgeready_device.model import Model
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.runtime.runtime import Runtime


def evaluate_file(
    file: Path,
    source: str,
    seed: int | None,
    progress: Callable[[str, int, int], None],
    *,
    follow_links: bool = False,
) -> tuple[EvaluationReport, Runtime]:
    """The EvaluationReport of the model in `file` on the test split of `source`, and the runtime that ran it.

    `seed` picks the split; None means the seed that the file says it was made with, so that no image of the
    training is tested on.

    Raises DatasetError when classes and labels do not agree.
    """
    model = Model.load(file)
    splits = splits_for(model, source, seed, progress, follow_links=follow_links)
    report = evaluate(
        model, splits.test.images, splits.test.labels, progress=lambda done, total: progress("testing", done, total)
    )
    return report, model.runtime


def splits_for(
    model: Model,
    source: str,
    seed: int | None,
    progress: Callable[[str, int, int], None],
    *,
    follow_links: bool = False,
) -> Splits:
    """The Splits of `source` in the image size of `model`; `seed` as for `evaluate_file`.

    Raises DatasetError when classes and labels do not agree.
    """
    frame = model.contract.frame
    # the only source whose images can be read in another size; a name goes before a path
    folder = source not in SET_NAMES and Path(source).is_dir()
    splits = load_splits(
        source,
        seed=recorded_seed(model.file) if seed is None else seed,
        image_size=(frame.height, frame.width) if folder else None,
        channels=frame.channels if folder else None,
        follow_links=follow_links,
        progress=lambda done, total: progress("reading data", done, total),
    )
    _check_labels(model, splits.test)
    return splits


def recorded_seed(file: TfliteModel) -> int:
    """The seed of the split that the model was trained on, as its file says; that of DataConfig where it does not."""
    data = file.manifest.provenance.get("data") if file.manifest else None
    seed = data.get("seed") if isinstance(data, dict) else None
    return seed if isinstance(seed, int) else DataConfig.seed


def _check_labels(model: Model, test: Dataset) -> None:
    named = bool(model.file.labels)
    if len(model.labels) != len(test.classes) or (named and model.labels != test.classes):
        raise DatasetError(
            f"{model.path} knows {len(model.labels)} labels ({', '.join(model.labels[:3])}, ...), {test.name} has "
            f"{len(test.classes)} classes ({', '.join(test.classes[:3])}, ...): give the data that it was made for"
        )
