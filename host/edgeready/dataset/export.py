"""The images of a data set as a folder with a subfolder for each class, which every command reads again."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from edgeready.dataset.class_order import rank_in_class
from edgeready.dataset.dataset import Dataset
from edgeready.errors import OutputError
from edgeready.files.scratch import held_folder

_MOST_NAME_BYTES = 255  # the limit of Linux on the name of a file


def export_images(dataset: Dataset, folder: Path) -> int:
    """Writes every image to `folder` as CLASS/NUMBER.png and returns how many there are.

    The folder appears when it is complete. Raises OutputError where it is there already, cannot be written, or a
    class has a name that no folder can have.
    """
    for name in dataset.classes:
        _check_name(name)
    if os.path.lexists(folder):
        raise OutputError(f"{str(folder)!r} is there already: name a new folder for the test images")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with held_folder(folder.parent, f".{folder.name}.edgeready-") as scratch:
            _write_images(dataset, scratch / folder.name)
            os.replace(scratch / folder.name, folder)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"cannot write {str(folder)!r} ({error.strerror}): choose another folder") from error
    return len(dataset)


def _write_images(dataset: Dataset, folder: Path) -> None:
    for name in dataset.classes:
        (folder / name).mkdir(parents=True)
    numbers = rank_in_class(dataset.labels)
    for pixels, label, number in zip(dataset.images, dataset.labels, numbers, strict=True):
        image = Image.fromarray(pixels[..., 0] if dataset.channels == 1 and pixels.ndim == 3 else pixels)
        image.save(folder / dataset.classes[label] / f"{number:06}.png")


def _check_name(name: str) -> None:
    unusable = "/" in name or "\0" in name or name.startswith(".") or len(os.fsencode(name)) > _MOST_NAME_BYTES
    if unusable or name != name.strip():
        raise OutputError(f"the class {name!r} cannot be the name of a folder: rename it, and export again")
