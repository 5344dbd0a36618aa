from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from edgeready_device.benchmarking.benchmark_file import Measurement
from edgeready_device.benchmarking.compare import DOUBTFUL, FASTER, SAME, SLOWER, UNJUDGED, compare
from edgeready_device.benchmarking.stability import RULES
from edgeready_device.errors import MeasurementError
from edgeready_device.report.compare import compare_json, compare_text

RANDOM = np.random.default_rng(1)
SERIES = tuple(0.004 * np.exp(RANDOM.normal(0, 0.01, 400)))
FIRST = Measurement(
    Path("a.json"), "m.tflite", "ab" * 32, "ai-edge-litert 2.3.0", 1, "default", "", "Pi 5", False, (), SERIES
)


def second(factor=1.0, **changes):
    series = tuple(factor * 0.004 * np.exp(np.random.default_rng(2).normal(0, 0.01, 400)))
    return dataclasses.replace(FIRST, path=Path("b.json"), **{"latencies_s": series, **changes})


@pytest.mark.parametrize(
    ("factor", "verdict", "passed"),
    [(1.0, SAME, True), (1.005, SAME, True), (1.03, SLOWER, False), (0.97, FASTER, True), (2.0, SLOWER, False)],
)
def test_the_verdict_is_said_of_the_second(factor, verdict, passed):
    found = compare(FIRST, second(factor))
    assert (found.verdict, found.passed) == (verdict, passed)
    assert found.difference.percent == pytest.approx(100 * (factor - 1), abs=0.4)


@pytest.mark.parametrize(("allowed", "passed"), [(0.0, False), (2.0, False), (6.0, True), (50.0, True)])
def test_a_slowdown_that_is_allowed_passes(allowed, passed):
    found = compare(FIRST, second(1.05), allowed)
    assert (found.verdict, found.passed) == (SLOWER, passed)


def test_a_series_against_itself_shows_no_difference():
    found = compare(FIRST, FIRST)
    assert (found.verdict, found.difference.percent, found.differs) == (SAME, 0.0, ())


@pytest.mark.parametrize("which", [(True, False), (False, True), (True, True)])
def test_virtual_machines_are_trusted_with_larger_differences_only(which):
    for factor, verdict in ((1.0, SAME), (1.05, SAME), (1.2, SLOWER), (0.8, FASTER)):
        one, other = (dataclasses.replace(each, virtual=v) for each, v in zip((FIRST, second(factor)), which))
        found = compare(one, other)
        assert found.verdict == verdict
        assert found.note == (
            "a virtual machine's speed changes by some percent from one measurement to the next: give the two "
            ".tflite files, which are then measured interleaved"
        )
        assert f"\nnote        {found.note}\n" in compare_text(found)
        assert compare_json(found)["note"] == found.note


def test_of_a_real_machine_there_is_no_note():
    found = compare(FIRST, second(1.05))
    assert (found.verdict, found.note) == (SLOWER, "")
    assert "note" not in compare_text(found)


@pytest.mark.parametrize(("emulated", "order"), [((True, False), "a b"), ((False, True), "b a")])
def test_emulated_is_not_compared_with_real(emulated, order):
    one, other = (dataclasses.replace(each, emulated=e) for each, e in zip((FIRST, second()), emulated))
    first, last = order.split()
    with pytest.raises(
        MeasurementError, match=rf"^{first}\.json was measured under emulation and {last}\.json was not"
    ):
        compare(one, other)


def test_two_emulated_ones_are_not_judged():
    found = compare(dataclasses.replace(FIRST, emulated=True), second(3.0, emulated=True))
    assert (found.verdict, found.passed) == (UNJUDGED, False)
    assert found.doubts == ("both were measured under emulation, where times say nothing of any board",)


@pytest.mark.parametrize("count", [1, 19])
def test_too_few_runs_are_refused(count):
    with pytest.raises(MeasurementError, match=f"^b.json: {count} runs are too few to compare: measure 20 or more"):
        compare(FIRST, second(latencies_s=SERIES[:count]))


def test_twenty_runs_are_enough():
    assert compare(FIRST, second(latencies_s=SERIES[:20])).verdict == SAME


@pytest.mark.parametrize("kind", [kind for kind in RULES if kind != "emulated"])
def test_an_unsteady_measurement_is_not_judged_where_its_median_is_in_doubt(kind):
    found = compare(FIRST, second(2.0, unsteady=(kind,)))
    assert found.verdict == (UNJUDGED if kind in DOUBTFUL else SLOWER)
    assert found.doubts == ((f"b.json is not steady: {kind}",) if kind in DOUBTFUL else ())
    assert not found.passed
    assert compare(FIRST, second(0.5, unsteady=(kind,))).passed is (kind not in DOUBTFUL)


def test_what_casts_doubt_is_one_of_the_verdicts():
    assert set(DOUBTFUL) <= set(RULES)


def test_what_else_differs_is_said():
    found = compare(FIRST, second(threads=4, delegate="edgetpu", sha256="cd" * 32, model="n.tflite", machine="Pi 4"))
    assert found.differs == (
        "machine: Pi 5, then Pi 4",
        "threads: 1, then 4",
        "delegate: none, then edgetpu",
        "model: m.tflite (abababab), then n.tflite (cdcdcdcd)",
    )


def test_a_comparison_is_shown():
    lines = compare_text(compare(FIRST, second(1.05, threads=4, unsteady=("busy",)))).splitlines()
    assert [line.split()[0] for line in lines] == ["first", "second", "difference", "differs", "doubt", "verdict"]
    assert lines[0] == "first       4 ms, median of 400 runs (a.json)"
    assert lines[3:] == [
        "differs     threads: 1, then 4",
        "doubt       b.json is not steady: busy",
        "verdict     not judged: measure again where it is steady",
    ]


@pytest.mark.parametrize(
    ("factor", "said"), [(1.05, "the second is slower"), (0.9, "the second is faster"), (1.0, "no difference shown")]
)
def test_the_verdict_is_a_sentence(factor, said):
    assert compare_text(compare(FIRST, second(factor))).splitlines()[-1] == f"verdict     {said}"


def test_a_comparison_is_plain_data():
    found = compare_json(compare(FIRST, second(1.05), 7.0))
    assert json.loads(json.dumps(found)) == found
    assert list(found) == [
        "first",
        "second",
        "percent",
        "low_percent",
        "high_percent",
        "blocks",
        "max_slowdown_percent",
        "verdict",
        "passed",
        "differs",
        "doubts",
        "note",
    ]
    assert found["first"] == {"file": "a.json", "median_s": float(np.median(SERIES)), "count": 400}
    assert (found["verdict"], found["passed"], found["max_slowdown_percent"]) == ("slower", True, 7.0)
