from __future__ import annotations

import json
from pathlib import Path

import pytest
from report_cases import LITERT

from edgeready_device.report.verify import verify_json, verify_text
from edgeready_device.statistics import Proportion
from edgeready_device.verification import PathDistance, PathResult, VerifyReport


def _path(histogram, note=""):
    return PathResult("default", "a 1 default", 1, histogram, Proportion(3, 4), Proportion(2, 2), note)


@pytest.mark.parametrize(
    ("histogram", "verdict", "word", "steps", "shown"),
    [
        (
            (10, 2),
            "the answers are right on this machine",
            "pass",
            "1 of 1",
            ["nothing             10", "1 step               2"],
        ),
        (
            (10, 0, 0, 1, 1234),
            "THE ANSWERS ARE WRONG ON THIS MACHINE",
            "FAIL",
            "4 of 1",
            ["nothing             10", "1 step               0", "2 steps              0", "3 to 4 steps     1,235"],
        ),
    ],
)
def test_a_verification_says_its_verdict_first_and_shows_the_differences(histogram, verdict, word, steps, shown):
    found = verify_text(VerifyReport(Path("m.tflite"), LITERT, (_path(histogram, "held against b"),)))
    assert found.splitlines() == [
        f"m.tflite on ai-edge-litert 2.3.0: {verdict}",
        "kernels  steps off  same top-1  verdict",
        f"default     {steps}      3 of 4     {word}",
        "",
        "values off by  default",
        *shown,
        "held against b",
    ]


def test_the_distance_between_the_paths_is_told_as_information():
    between = PathDistance(("default", "reference"), 12, Proportion(991, 1000))
    found = VerifyReport(Path("m.tflite"), LITERT, (_path((5,)), _path((5,))), between)
    assert found.passed
    assert verify_text(found).splitlines()[-1] == (
        "for information: default and reference differ here by up to 12 steps, same top-1 991 of 1000"
    )
    assert verify_json(found)["between"]["largest_steps"] == 12


def test_a_verification_is_plain_data():
    found = verify_json(VerifyReport(Path("m.tflite"), LITERT, (_path((10, 2)),)))
    assert json.loads(json.dumps(found)) == found
    assert (found["agreement"]["hits"], found["between"]) == (3, None)
    assert (found["model"], found["runtime"], found["passed"]) == ("m.tflite", "ai-edge-litert 2.3.0", True)
    (path,) = found["paths"]
    assert (path["bound_steps"], path["largest_steps"], path["histogram"], path["passed"]) == (1, 1, [10, 2], True)
    assert (path["agreement"]["hits"], path["decisive"]["count"], path["note"]) == (3, 2, "")
