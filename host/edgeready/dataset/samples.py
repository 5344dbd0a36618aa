"""A few images of a data set as PNG files, to try a model on."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from edgeready.dataset.class_order import alternate_classes, rank_in_class
from edgeready.dataset.dataset import Dataset
from edgeready.errors import UsageError
from edgeready.files.atomic import write_files


def save_samples(dataset: Dataset, folder: str | Path, count: int, seed: int = 0) -> list[Path]:
    """Writes `count` images to `folder` as LABEL_NUMBER.png (3_0.png: the first of label 3); returns the paths.

    The images are drawn at random from the classes in turn, so that the first ones show every class.
    Raises UsageError when `count` is below 1 or more than there are, OutputError when a file cannot be written.
    """
    if not 1 <= count <= len(dataset):
        raise UsageError(f"cannot save {count} of the {len(dataset)} images of {dataset.name!r}: give 1 to that")
    paths = []
    for label, number, position in _draw_in_turn(dataset, seed)[:count]:
        path = Path(folder) / f"{label}_{number}.png"
        save_png(_picture(dataset, position), path)
        paths.append(path)
    return paths


def save_png(image: Image.Image, path: Path) -> None:
    """Writes the image to `path`, which appears only when it is complete.

    Raises OutputError when it cannot be written.
    """
    content = io.BytesIO()
    image.save(content, format="PNG")
    write_files({path: content.getvalue()})


def _draw_in_turn(dataset: Dataset, seed: int) -> list[tuple[int, int, int]]:
    """(label, number within the label, position) of every image: the first of each label, then the second, ..."""
    shuffled = np.random.default_rng(seed).permutation(len(dataset))
    positions = shuffled[np.argsort(dataset.labels[shuffled], kind="stable")]
    labels = dataset.labels[positions]
    numbers = rank_in_class(labels)
    return [(int(labels[i]), int(numbers[i]), int(positions[i])) for i in alternate_classes(labels)]


def _picture(dataset: Dataset, position: int) -> Image.Image:
    pixels = dataset.images[position]
    return Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and dataset.channels == 1 else pixels)
