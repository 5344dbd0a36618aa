"""A .npz file of images and labels as data sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeready.dataset.dataset import Dataset, Parts
from edgeready.files.stored_images import store_blocks
from edgeready_device.image_sets.array_file import read_array_set
from edgeready_device.image_sets.array_frames import ArrayFrames
from edgeready_device.image_sets.part_names import TEST, TRAIN, VALIDATION
from edgeready_device.progress import Progress, no_progress


def load_npz(path: Path, progress: Progress = no_progress) -> Parts:
    """The parts of the file, as `read_array_set` has them, named after it; raises what that raises.

    `progress` counts the images.
    """
    arrays = read_array_set(path)
    total = sum(len(labelled.images) for labelled in arrays.parts.values())
    datasets: dict[str, Dataset] = {}
    done = 0
    for part, labelled in arrays.parts.items():
        frames = labelled.images
        images = store_blocks(frames.shape, _count_blocks(frames, progress, done, total))
        done += len(images)
        datasets[part] = Dataset(name=path.stem, images=images, labels=labelled.labels, classes=arrays.classes)
    return Parts(
        train=datasets[TRAIN], validation=datasets.get(VALIDATION), test=datasets.get(TEST), notes=arrays.notes
    )


def _count_blocks(frames: ArrayFrames, progress: Progress, done: int, total: int) -> Iterator[NDArray[np.uint8]]:
    """The blocks of the frames; `progress` hears of each, after the `done` images before them."""
    for block in frames.blocks():
        yield block
        done += len(block)
        progress("reading images", done, total)
