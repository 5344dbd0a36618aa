"""A device that classifies for weeks: no wrong answer, no deadlock, no memory that grows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeready_device.isolation.child import run_child
from edgeready_device.machine.machine import read_machine

LONG_RUN = str(Path(__file__).with_name("long_run.py"))
MOST_GROWN_BYTES = 2_000_000
HUGE_PAGE_BYTES = 1 << 21  # in such steps the memory grows where an emulator keeps its translations
LIMIT_S = 240  # a deadlock, not a measure of speed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("job", "count"), [("loop", 100_000), ("threads-own", 10_000), ("threads-shared", 10_000), ("load", 1_000)]
)
@pytest.mark.long
def test_nothing_grows_and_no_answer_is_wrong(model, runtime, job, count):
    most_grown = MOST_GROWN_BYTES
    if read_machine().emulated:
        count //= 100  # emulated, a hundred thousand take an hour
        most_grown += HUGE_PAGE_BYTES
    ended = run_child([LONG_RUN, str(model("sums")), runtime.name, job, str(count)], timeout_s=LIMIT_S)
    assert ended.succeeded, ended.sentence + ended.errors
    found = json.loads(ended.output)
    assert found["wrong"] == 0
    assert found["grown_bytes"] <= most_grown
