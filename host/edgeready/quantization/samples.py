"""The inputs that a model is calibrated with, as they travel to the child process and into a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.files.stored_images import StoredImages
from edgeready_device.normalization import Normalization


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples for a model: one array (n, ...) per input, in input order, all of the same length n.

    With a `normalization` the arrays hold uint8 pixels, which it turns into what the network takes. A call iterates
    over the samples from the first: each is a list of arrays with batch 1, float32 where they were pixels.
    """

    arrays: tuple[NDArray[Any] | StoredImages, ...] = field(repr=False)
    normalization: Normalization | None = None

    def __len__(self) -> int:
        """Returns the number of samples."""
        return len(self.arrays[0])

    def __call__(self) -> Iterator[list[NDArray[Any]]]:
        """Yields the samples, from the first."""
        for row in range(len(self)):
            yield [self._normalize(array[row : row + 1]) for array in self.arrays]

    def part(self, rows: slice | NDArray[np.intp]) -> Samples:
        """Returns the samples at `rows`."""
        return Samples(tuple(array[rows] for array in self.arrays), self.normalization)

    def _normalize(self, rows: NDArray[Any]) -> NDArray[Any]:
        return rows if self.normalization is None else self.normalization.apply(rows)
