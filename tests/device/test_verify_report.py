from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeready_device.report.verify import verify_json, verify_text
from edgeready_device.statistics import Proportion
from edgeready_device.verify import PathResult, VerifyReport

from .report_cases import LITERT  # noqa: TID252  (the package depends on pytest's root)


def _path(histogram, note=""):
    return PathResult("default", "a 1 default", 1, histogram, Proportion(3, 4), Proportion(2, 2), note)


@pytest.mark.parametrize(
    ("histogram", "verdict", "word", "steps"),
    [
        ((10, 2), "the answers are right on this machine", "pass", "1 of 1"),
        ((10, 0, 0, 1), "THE ANSWERS ARE WRONG ON THIS MACHINE", "FAIL", "3 of 1"),
    ],
)
def test_a_verification_says_its_verdict_first(histogram, verdict, word, steps):
    found = verify_text(VerifyReport(Path("m.tflite"), LITERT, (_path(histogram, "held against b"),)))
    assert found == (
        f"m.tflite on ai-edge-litert 2.3.0: {verdict}\n"
        "kernels  steps off  same top-1  verdict\n"
        f"default     {steps}      3 of 4     {word}\n"
        "held against b"
    )


def test_a_verification_is_plain_data():
    found = verify_json(VerifyReport(Path("m.tflite"), LITERT, (_path((10, 2)),)))
    assert json.loads(json.dumps(found)) == found
    assert (found["model"], found["runtime"], found["passed"]) == ("m.tflite", "ai-edge-litert 2.3.0", True)
    (path,) = found["paths"]
    assert (path["bound_steps"], path["largest_steps"], path["histogram"], path["passed"]) == (1, 1, [10, 2], True)
    assert (path["agreement"]["hits"], path["decisive"]["count"], path["note"]) == (3, 2, "")
