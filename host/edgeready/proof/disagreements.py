"""The test images on which a model and its float32 baseline disagree, counted, with small pictures of some."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from edgeready.dataset import Dataset
from edgeready.proof.measure import Disagreement, disagreements
from edgeready_device.evaluation import EvaluationReport

MOST_EXAMPLES = 12  # chosen: two rows of a page, and at most 30 kB of a document
# Pixels of a picture's longer side. Chosen: a photo is still recognized, and a JPEG of it takes 2 kB; PNG takes 9.
_MOST_SIDE, _QUALITY = 64, 80


@dataclass(frozen=True, kw_only=True)
class DisagreementReport:
    """The `pairs` of answers in which the model of `mode` differs from its baseline, on the images of `test`."""

    mode: str
    pairs: tuple[Disagreement, ...]
    test: Dataset = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The counts, and the first 12 pairs with their pictures as data URIs."""
        baseline_right = sum(pair.first == pair.truth for pair in self.pairs)
        model_right = sum(pair.second == pair.truth for pair in self.pairs)
        return {
            "mode": self.mode,
            "count": len(self.pairs),
            "images": len(self.test),
            "baseline_right": baseline_right,
            "model_right": model_right,
            "neither_right": len(self.pairs) - baseline_right - model_right,
            "examples": self._examples(self.pairs[:MOST_EXAMPLES]),
        }

    def _examples(self, pairs: Sequence[Disagreement]) -> list[dict[str, Any]]:
        classes = self.test.classes
        return [
            {
                "index": pair.index,
                "truth": classes[pair.truth],
                "baseline": classes[pair.first],
                "model": classes[pair.second],
                "picture": picture_uri(self.test, pair.index),
            }
            for pair in pairs
        ]


def find_disagreements(
    mode: str, baseline: EvaluationReport, model: EvaluationReport, test: Dataset
) -> DisagreementReport:
    """Returns the images of `test` on which the answers of `baseline` and of `model`, made in `mode`, differ."""
    return DisagreementReport(mode=mode, pairs=disagreements(baseline, model), test=test)


def picture_uri(data: Dataset, position: int) -> str:
    """Returns the image at `position` as a data URI: a PNG of its own pixels up to 64 a side, else a JPEG of 64."""
    pixels = data.images[position]
    image = Image.fromarray(
        np.ascontiguousarray(pixels[..., 0] if pixels.ndim == 3 and data.channels == 1 else pixels)
    )
    target, largest = io.BytesIO(), max(data.height, data.width)
    if largest <= _MOST_SIDE:
        image.save(target, format="PNG", optimize=True)
        kind = "png"
    else:
        width, height = (max(1, round(side * _MOST_SIDE / largest)) for side in (data.width, data.height))
        image.resize((width, height), Image.Resampling.BILINEAR).save(target, format="JPEG", quality=_QUALITY)
        kind = "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(target.getvalue()).decode()}"
