"""Predictions, as text and as plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeready_device.postprocess import Prediction


def classify_text(path: Path | str, predictions: Sequence[Prediction]) -> str:
    """One line an image: its labels and scores, best first."""
    return f"{path}: " + ", ".join(f"{p.label} {100 * p.score:.1f} %" for p in predictions)


def classify_json(path: Path | str, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """One image's predictions as plain data."""
    return {"image": str(path), "predictions": [dataclasses.asdict(p) for p in predictions]}
