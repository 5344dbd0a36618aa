from __future__ import annotations

import json

import numpy as np
from report_cases import LITERT

from edgeready_device.evaluation import EvaluationReport
from edgeready_device.report.predictions import evaluation_json, evaluation_text

EVALUATED = EvaluationReport(
    ("cat", "dog", "owl"), np.array([0, 0, 1, 1]), np.array([[9, 0, 0], [0, 9, 0], [0, 9, 0], [0, 9, 0]], np.uint8)
)


def test_an_evaluation_is_shown_with_the_classes_that_have_frames():
    assert evaluation_text(EVALUATED, LITERT) == (
        "runtime      ai-edge-litert 2.3.0\n"
        "top-1        75.00 % (30.06 to 95.44, 3 of 4)\n"
        "top-5        100.00 % (51.01 to 100.00, 4 of 4)\n"
        "seen before  cannot be known: the file holds no hashes of the images that it was trained on\n"
        "\n"
        "class     top-1  right  of\n"
        "cat     50.00 %      1   2\n"
        "dog    100.00 %      2   2"
    )


def test_the_confusion_is_shown_where_it_is_asked_for():
    assert evaluation_text(EVALUATED, LITERT, confusion=True).split("\n\n")[2] == (
        "true, and taken for  0  1  2\n"
        "0 cat                1  1  0\n"
        "1 dog                0  2  0\n"
        "2 owl                0  0  0"
    )


def test_of_many_classes_the_most_frequent_mistakes_are_shown():
    truth = np.array([0] * 5 + [1] * 3 + [2])
    said = np.array([7, 7, 7, 0, 0, 2, 2, 1, 30])
    outputs = np.eye(31, dtype=np.uint8)[said]
    found = evaluation_text(
        EvaluationReport(tuple(f"c{i}" for i in range(31)), truth, outputs), LITERT, confusion=True
    )
    assert found.split("\n\n")[2] == (
        "true  taken for  times\nc0           c7      3\nc1           c2      2\nc2          c30      1"
    )


def test_an_evaluation_is_plain_data():
    found = evaluation_json(EVALUATED, LITERT)
    assert json.loads(json.dumps(found)) == found
    assert found["runtime"] == "ai-edge-litert 2.3.0"
    assert found["confusion"] == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert (found["top1"]["value"], found["top1"]["hits"], found["top1"]["count"]) == (0.75, 3, 4)
    assert list(found["per_class"]) == ["cat", "dog", "owl"]
