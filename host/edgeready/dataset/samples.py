"""A few images of a data set as PNG files, to try a model on."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from edgeready.dataset.dataset import Dataset
from edgeready.errors import UsageError
from edgeready.files.atomic import write_files


def save_samples(dataset: Dataset, folder: str | Path, count: int, seed: int = 0) -> list[Path]:
    """Writes `count` images to `folder` as LABEL_NUMBER.png (3_0.png: the first of label 3); returns the paths.

    Drawn at random from one class after the other, so that the first images show every class.
    Raises UsageError where `count` is below 1 or more than there are, OutputError where it cannot write.
    """
    if not 1 <= count <= len(dataset):
        raise UsageError(f"cannot save {count} of the {len(dataset)} images of {dataset.name!r}: give 1 to that")
    paths = []
    for label, number, position in _in_turn(dataset, seed)[:count]:
        path = Path(folder) / f"{label}_{number}.png"
        save_png(_picture(dataset, position), path)
        paths.append(path)
    return paths


def save_png(image: Image.Image, path: Path) -> None:
    """Writes the image to `path`, which appears only when it is complete; OutputError where it cannot."""
    content = io.BytesIO()
    image.save(content, format="PNG")
    write_files({path: content.getvalue()})


def _in_turn(dataset: Dataset, seed: int) -> list[tuple[int, int, int]]:
    """(label, number within the label, position) of every image: the first of each label, then the second, ..."""
    numbers: dict[int, int] = {}
    turns = []
    for position in np.random.default_rng(seed).permutation(len(dataset)):
        label = int(dataset.labels[position])
        numbers[label] = numbers.get(label, -1) + 1
        turns.append((numbers[label], label, int(position)))
    return [(label, number, position) for number, label, position in sorted(turns)]


def _picture(dataset: Dataset, position: int) -> Image.Image:
    pixels = dataset.images[position]
    return Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and dataset.channels == 1 else pixels)
