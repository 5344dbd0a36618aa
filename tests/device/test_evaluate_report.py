from __future__ import annotations

import json

import numpy as np

from edgeready_device.evaluate import EvaluationReport
from edgeready_device.report.evaluate import evaluation_json, evaluation_text

from .report_cases import LITERT  # noqa: TID252  (the package depends on pytest's root)

EVALUATED = EvaluationReport(
    ("cat", "dog", "owl"), np.array([0, 0, 1, 1]), np.array([[9, 0, 0], [0, 9, 0], [0, 9, 0], [0, 9, 0]], np.uint8)
)


def test_an_evaluation_is_shown_with_the_classes_that_have_frames():
    assert evaluation_text(EVALUATED, LITERT) == (
        "runtime  ai-edge-litert 2.3.0\n"
        "top-1    75.00 % (30.06 to 95.44, 3 of 4)\n"
        "top-5    100.00 % (51.01 to 100.00, 4 of 4)\n"
        "\n"
        "class     top-1  right  of\n"
        "cat     50.00 %      1   2\n"
        "dog    100.00 %      2   2"
    )


def test_an_evaluation_is_plain_data():
    found = evaluation_json(EVALUATED, LITERT)
    assert json.loads(json.dumps(found)) == found
    assert found["runtime"] == "ai-edge-litert 2.3.0"
    assert found["confusion"] == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert (found["top1"]["value"], found["top1"]["hits"], found["top1"]["count"]) == (0.75, 3, 4)
    assert list(found["per_class"]) == ["cat", "dog", "owl"]
