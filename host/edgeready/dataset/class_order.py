"""The order that takes the classes of a data set in turn, so that its first images show every class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rank_in_class(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the place of each of `labels` (n,) among its equals: 0 for the first of a class, 1 for the second."""
    ranks = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        same = labels == label
        ranks[same] = np.arange(np.count_nonzero(same))
    return ranks


def alternate_classes(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the positions of `labels` (n,): the first of each class in their order, then the second of each, ..."""
    return np.asarray(np.argsort(rank_in_class(labels), kind="stable"), np.int64)
