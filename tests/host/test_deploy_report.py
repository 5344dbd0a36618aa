"""What `deploy --profile` shows of each board, whose JSON is anybody's."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from edgeready.report.deploy import deployment_view
from edgeready.workflows.deploy import BoardResult, Deployment

OPS: list[dict[str, Any]] = [
    {"ops": [0], "operator": "CONV_2D", "layer": "net/conv/Relu;net/conv/BiasAdd", "time_s": 0.002, "share": 0.2},
    {"ops": [1, 2], "operator": "MEAN/ADD", "layer": "", "time_s": 0.008, "share": 0.8},
]


def lines_of(**answers: Any) -> list[str]:
    console = Console(width=200, file=io.StringIO())
    board = BoardResult(host="pi@kitchen", version="1", answers=answers)
    console.print(deployment_view(Deployment(boards=(board,))))
    lines = console.file.getvalue().splitlines()
    return [line for line in lines if "hottest op" in line or "no profile" in line]


def test_the_hottest_op_of_a_board_is_below_the_table():
    assert lines_of(profile={"ops": OPS}, profile_failure=None) == [
        "pi@kitchen   the hottest op is 1-2 MEAN/ADD: 8 ms, 80.0 % of the time"
    ]


def test_an_emulated_board_is_marked():
    assert lines_of(profile={"ops": OPS[:1], "emulated": True})[0].endswith("20.0 % of the time, EMULATED")


def test_a_board_without_a_profiler_says_what_to_install():
    reason = "ai-edge-litert 2.1.0 does not say what its ops take: profile needs ai-edge-litert 2.3"
    assert lines_of(profile=None, profile_failure=reason) == [f"pi@kitchen   no profile: {reason}"]


def test_without_the_option_there_is_no_line():
    assert lines_of(benchmark={"median_s": 0.1}) == []


@pytest.mark.parametrize(
    ("profile", "end"),
    [
        ({"ops": []}, "it names no op"),
        ({}, "it names no op"),
        ({"ops": [{"ops": [0], "operator": "CONV_2D"}]}, "it names no op"),
        ({"ops": "many"}, "many"),
        ({"ops": [{"ops": [0], "time_s": "long"}]}, "long"),
    ],
)
def test_a_board_that_answers_something_else_is_no_traceback(profile, end):
    (line,) = lines_of(profile=json.loads(json.dumps(profile)))
    assert line.startswith("pi@kitchen   no profile: ")
    assert end in line
