"""From the dequantized output to labelled scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import UsageError


@dataclass(frozen=True)
class Prediction:
    """One class: its label, its index in the output, and its score from 0 to 1."""

    label: str
    index: int
    score: float


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of `logits` (classes,), same shape."""
    powers = np.exp(logits.astype(np.float64) - float(logits.max()))
    return np.asarray(powers / powers.sum(), np.float32)


def top_predictions(scores: NDArray[np.float32], labels: Sequence[str], top: int) -> list[Prediction]:
    """The `top` highest of `scores` (classes,), best first; equal scores keep the lower index first."""
    if top < 1:
        raise UsageError(f"top is {top}: ask for at least 1 label")
    order = np.argsort(-scores, kind="stable")[:top]
    return [Prediction(labels[int(i)], int(i), float(scores[i])) for i in order]
