"""Predictions, as text and as plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeready_device.postprocess import Prediction


def classify_text(path: Path | str, predictions: Sequence[Prediction]) -> str:
    """One line an image: its labels and scores, best first."""
    labels = ", ".join(f"{p.label} {100 * p.score:.1f} %" for p in predictions)
    return f"{path}: {labels or 'no label reaches the threshold'}"


def classify_json(path: Path | str, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """One image's predictions as plain data."""
    return {"image": str(path), "predictions": [dataclasses.asdict(p) for p in predictions]}


def refusal_json(path: Path | str, error: Exception) -> dict[str, Any]:
    """An image that could not be used, as plain data."""
    return {"image": str(path), "error": " ".join(str(error).split())}
