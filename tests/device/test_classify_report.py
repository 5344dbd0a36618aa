from __future__ import annotations

from pathlib import Path

from edgeready_device.postprocess import Prediction
from edgeready_device.report.predictions import classify_json, classify_text


def test_an_image_is_one_line():
    found = [Prediction("cat", 2, 0.876), Prediction("dog", 0, 0.1)]
    assert classify_text(Path("a/b.png"), found) == "a/b.png: cat 87.6 %, dog 10.0 %"
    assert classify_json(Path("a/b.png"), found) == {
        "image": "a/b.png",
        "predictions": [{"label": "cat", "index": 2, "score": 0.876}, {"label": "dog", "index": 0, "score": 0.1}],
    }
