"""A .npz file of images and labels as data sets."""

from __future__ import annotations

from pathlib import Path

from edgeready.dataset.dataset import Dataset, Parts
from edgeready_device.image_sets.array_file import read_array_set
from edgeready_device.image_sets.part_names import TEST, TRAIN, VALIDATION


def load_npz(path: Path) -> Parts:
    """The parts of the file, as `read_array_set` has them, named after it; raises what that raises."""
    arrays = read_array_set(path)
    datasets = {
        part: Dataset(name=path.stem, images=labelled.images, labels=labelled.labels, classes=arrays.classes)
        for part, labelled in arrays.parts.items()
    }
    return Parts(
        train=datasets[TRAIN], validation=datasets.get(VALIDATION), test=datasets.get(TEST), notes=arrays.notes
    )
