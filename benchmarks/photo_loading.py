"""How quickly photos that no disk is to keep become batches, beside tf.data in the same process.

`benchmarks/photos.py` calls it. `ours` reads batches of 32 in a random order as a training does over
$EDGEREADY_DISK_LIMIT: each photo is decoded when it is needed, and its file is looked at for changes. `tf.data` is
one epoch of Keras' `image_dataset_from_directory` with the same frames and batches, which does not antialias.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from photo_memory import save_photos

from edgeready.dataset.photo_files import PhotoFiles, PictureSource
from edgeready.files.stored_images import StoredImages

BATCH, ROUNDS = 32, 3


def compare_loading(sizes: list[tuple[int, int, int]], side: int) -> None:
    """Prints a row for each of `sizes`, (number of photos, width, height), as RGB frames of `side` pixels."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    print(f"| photos | loader | a second | CPU of a photo |\n{'|---' * 4}|")
    for count, width, height in sizes:
        with tempfile.TemporaryDirectory() as name:
            save_photos(Path(name), count, width, height)
            loaders = {"ours": lambda folder=name: read_ours(folder, side), "tf.data": read_tensorflow(name, side)}
            rates: dict[str, list[tuple[float, float]]] = {loader: [] for loader in loaders}
            for _ in range(ROUNDS):
                for loader, read in loaders.items():
                    start, cpu = time.perf_counter(), time.process_time()
                    if read() != count:
                        raise SystemExit(f"{loader} did not read {count} photos")
                    rates[loader].append((time.perf_counter() - start, time.process_time() - cpu))
            for loader, seconds in rates.items():
                wall, cpu = np.median(seconds, axis=0)
                photos = f"{count:,} of {width}x{height}"
                print(f"| {photos} | {loader} | {count / wall:.0f} | {1000 * cpu / count:.2f} ms |", flush=True)


def read_ours(folder: str, side: int) -> int:
    """Reads all photos below the folder in batches; returns how many."""
    files = tuple(sorted(Path(folder).rglob("*.jpg")))
    source = PictureSource(folder=Path(folder), files=files, size=(side, side), channels=3)
    images = StoredImages(PhotoFiles(source, tuple(source.key(index) for index in range(len(files)))))
    order = np.random.default_rng(1).permutation(len(files))
    return sum(len(images[order[start : start + BATCH]]) for start in range(0, len(files), BATCH))


def read_tensorflow(folder: str, side: int) -> Callable[[], int]:
    """Returns what does the same with tf.data, which has looked at the folder already."""
    import keras

    data = keras.utils.image_dataset_from_directory(folder, image_size=(side, side), batch_size=BATCH, verbose=False)
    return lambda: sum(len(images) for images, _ in data)
