"""The inputs that a model is calibrated with, as they go to TensorFlow's child process and into a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.preprocess import Normalization

_SETTINGS = "feeds.json"


@dataclass(frozen=True, eq=False)
class Feeds:
    """Samples: one array (n, ...) per input of the model, in input order; n is the same for all.

    With a `normalization` the arrays are uint8 pixels that it turns into what the network takes. Calling gives the
    samples anew: each a list of arrays with batch 1, float32 where they were pixels.
    """

    arrays: tuple[NDArray[Any], ...] = field(repr=False)
    normalization: Normalization | None = None

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.arrays[0])

    def __call__(self) -> Iterator[list[NDArray[Any]]]:
        """The samples, from the first."""
        for row in range(len(self)):
            yield [self._prepared(array[row : row + 1]) for array in self.arrays]

    def part(self, rows: slice | NDArray[np.intp]) -> Feeds:
        """The samples at `rows`."""
        return Feeds(tuple(array[rows] for array in self.arrays), self.normalization)

    def save(self, folder: Path) -> None:
        """Writes the samples into `folder`."""
        for number, array in enumerate(self.arrays):
            np.save(folder / f"feed-{number}.npy", array)
        normalization = None if self.normalization is None else asdict(self.normalization)
        (folder / _SETTINGS).write_text(
            json.dumps({"count": len(self.arrays), "normalization": normalization}), "utf-8"
        )

    def _prepared(self, rows: NDArray[Any]) -> NDArray[Any]:
        return rows if self.normalization is None else self.normalization.apply(rows)


def load_feeds(folder: Path) -> Feeds:
    """The Feeds in `folder`, mapped from the disk."""
    settings = json.loads((folder / _SETTINGS).read_text("utf-8"))
    arrays = (
        np.load(folder / f"feed-{number}.npy", mmap_mode="r", allow_pickle=False)
        for number in range(settings["count"])
    )
    table = settings["normalization"]
    return Feeds(tuple(arrays), None if table is None else Normalization(tuple(table["mean"]), tuple(table["std"])))
