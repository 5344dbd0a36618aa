"""Accuracy of any .tflite classifier on the test images of a data set, through the device package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeready.config.build import DataConfig
from edgeready.dataset import SET_NAMES, Dataset, Splits, load_splits
from edgeready.dataset.class_names import ClassNames
from edgeready.errors import DatasetError, UsageError
from edgeready_device.evaluation import EvaluationReport, evaluate
from edgeready_device.first_run import run_first
from edgeready_device.images.fitted_frames import fit_frames
from edgeready_device.model import Model, contract_of
from edgeready_device.model_file.contract import AS_THE_FILE_SAYS, Contract, Description
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.progress import Progress, no_progress, relabel
from edgeready_device.report.predictions import evaluation_json
from edgeready_device.runtime.runtime import Runtime
from edgeready_device.statistics import Proportion
from edgeready_device.text import csv_text

_REMEDY = "give the data that it was made for"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a model said of the test images of a data set, and the runtime that ran it.

    `file` and `data` are the names of the two; `notes` say where the file contradicts itself, `data_notes` which
    images were left out.
    """

    report: EvaluationReport
    runtime: Runtime
    notes: tuple[str, ...] = ()
    data_notes: tuple[str, ...] = ()
    file: str = ""
    data: str = ""

    @property
    def top1(self) -> Proportion:
        """Top-1 accuracy."""
        return self.report.top1

    def to_dict(self) -> dict[str, Any]:
        """The evaluation as plain data."""
        return {"model": self.file, "data": self.data, **evaluation_json(self.report, self.runtime)}

    def to_csv(self) -> str:
        """The accuracy of each class as CSV, one line a class."""
        shares = zip(self.report.labels, self.report.per_class)
        return csv_text([{"label": label, "hits": share.hits, "count": share.count} for label, share in shares])


def evaluate_file(
    file: Path,
    source: str,
    description: Description | None = None,
    *,
    seed: int | None = None,
    follow_links: bool = False,
    skip_damaged: bool = False,
    cache: bool = True,
    test: str | None = None,
    progress: Progress = no_progress,
) -> Evaluation:
    """Evaluates the model in `file` on the test split of `source`, or on the images of `test` in its place.

    `seed` picks the split; None means the seed that the file says it was made with, so that no image of the
    training is tested on. `skip_damaged` leaves out images that cannot be read, `cache` keeps the decoded photos of a
    folder for the next run. `description` goes before what the file says. A file that has not run on this machine
    runs in a child process first. Raises DatasetError when classes and labels do not agree, ModelFileError where more
    must be said before the model can classify.
    """
    contents, described = read_model_file(file), description or AS_THE_FILE_SAYS
    contract_of(contents, described).check()
    run_first(contents)
    model = Model.from_file(contents, description=described)
    splits = splits_for(
        contents,
        source,
        seed,
        progress=progress,
        follow_links=follow_links,
        skip_damaged=skip_damaged,
        cache=cache,
        test=test,
        contract=model.contract,
    )
    frames, note = fit_frames(splits.test.images, model.contract.frame, splits.test.name)
    report = evaluate(model, frames, splits.test.labels, progress=relabel(progress, "testing"))
    return Evaluation(
        report=report,
        runtime=model.runtime,
        notes=model.contract.notes,
        data_notes=(*splits.notes, note) if note else splits.notes,
        file=str(file),
        data=splits.test.name,
    )


def splits_for(
    model: TfliteModel,
    source: str,
    seed: int | None,
    *,
    progress: Progress = no_progress,
    follow_links: bool = False,
    skip_damaged: bool = False,
    cache: bool = True,
    test: str | None = None,
    contract: Contract | None = None,
) -> Splits:
    """The Splits of `source` in the image size of `model`; `seed` and the rest as for `evaluate_file`.

    The classes have the order of the model's labels. `contract` is how the model is read, None as its file says.
    Raises DatasetError when classes and labels do not agree, UsageError for images that would have to be cropped.
    """
    contract = contract or model.contract
    frame = contract.frame
    # the only source whose images can be read in another size; a name goes before a path
    folder = source not in SET_NAMES and Path(source).is_dir()
    if folder and (frame.resize != "stretch" or frame.crop != 1):
        raise UsageError(
            f"{model.path} takes images by the rule {frame.resize} and the centre {frame.crop:g} of each side, and "
            "edgeready stretches the images of a folder: measure it with edgeready-device evaluate"
        )
    splits = load_splits(
        source,
        seed=recorded_seed(model) if seed is None else seed,
        image_size=(frame.height, frame.width) if folder else None,
        channels=frame.channels if folder else None,
        follow_links=follow_links,
        skip_damaged=skip_damaged,
        keep=cache,
        test=test,
        class_names=_class_names(model.path, contract),
        progress=progress,
    )
    _check_labels(model.path, contract, splits.test)
    return splits


def recorded_seed(model: TfliteModel) -> int:
    """The seed of the split that the model was trained on, as its file says; that of DataConfig where it does not."""
    data = model.manifest.provenance.get("data") if model.manifest else None
    seed = data.get("seed") if isinstance(data, dict) else None
    return seed if isinstance(seed, int) else DataConfig.seed


def _class_names(path: Path, contract: Contract) -> ClassNames | None:
    """The labels of a model, by whose names the classes of the data are ordered; None where they are numbers."""
    if contract.labels == tuple(map(str, range(len(contract.labels)))):
        return None
    return ClassNames(readings=(contract.labels,), origin=str(path), remedy=_REMEDY, by_number=False)


def _check_labels(path: Path, contract: Contract, test: Dataset) -> None:
    labels = contract.labels
    if len(labels) != len(test.classes):
        raise DatasetError(
            f"{path} has {len(labels)} labels ({', '.join(labels[:3])}, ...), {test.name} has "
            f"{len(test.classes)} classes ({', '.join(test.classes[:3])}, ...): {_REMEDY}"
        )
