from __future__ import annotations

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from boards import CASES, lay

from edgeready_device.benchmarking import bimodal, difference, stability, sustained
from edgeready_device.benchmarking.latency import samples_needed
from edgeready_device.benchmarking.stability import RULES, Evidence, judge
from edgeready_device.machine.board import Board
from edgeready_device.machine.board_state import BoardState, Clock, read_state
from edgeready_device.machine.machine import Machine, is_emulated
from edgeready_device.machine.usage import Activity

RANDOM = np.random.default_rng(3)
STEADY = tuple(0.004 * np.exp(RANDOM.normal(0, 0.01, 600)))
QUIET = Activity(2.0, 0.02, 0.0, 1.0)


def machine(architecture="aarch64", cpus=4, emulated=False):
    return Machine(architecture, "CPU", "", cpus, "6.6", "3.11", emulated)


def evidence(*states, latencies=STEADY, busy=QUIET, threads=1, **of_machine):
    return Evidence(machine(**of_machine), states or (BoardState(), BoardState()), busy, threads, latencies)


def kinds(found: Evidence) -> tuple[str, ...]:
    return tuple(reason.kind for reason in judge(found))


@pytest.mark.parametrize("name", CASES)
def test_each_machine_gets_its_verdict(tmp_path, name):
    case = CASES[name]
    before = read_state(Board(lay(tmp_path / "before", case.before)))
    changed = {**case.before, **case.after}
    after = read_state(Board(lay(tmp_path / "after", changed)))
    emulated = is_emulated(case.architecture, tmp_path / "after")
    found = evidence(before, after, architecture=case.architecture, cpus=case.cpus, emulated=emulated)
    assert kinds(found) == case.kinds


def test_there_are_more_than_twenty_machines_and_every_kind_of_state():
    assert len(CASES) >= 20
    assert {kind for case in CASES.values() for kind in case.kinds} == {
        "emulated",
        "throttled",
        "under-voltage",
        "governor",
        "busy",
    }


def test_every_verdict_has_its_advice_and_one_sentence():
    assert list(RULES) == [
        "emulated",
        "throttled",
        "under-voltage",
        "governor",
        "busy",
        "drifting",
        "bimodal",
        "too-few",
    ]
    for rule in RULES.values():
        assert "\n" not in (inspect.getdoc(rule) or "\n")
        assert inspect.getsource(rule).count("Reason(") == 1


def test_what_is_throttled_is_said_with_the_temperature():
    before, after = BoardState(throttled=0), BoardState(throttled=0x60006, temperature_c=84.6)
    assert judge(evidence(before, after)) == (
        (
            "throttled",
            "clock capped, throttled, at 85 °C",
            "let it cool, add a heat sink or a fan, and measure again",
        ),
    )


def test_a_window_in_the_middle_counts():
    states = BoardState(throttled=0), BoardState(throttled=0x40004), BoardState(throttled=0x40000)
    assert kinds(evidence(*states)) == ("throttled",)


def test_a_limit_that_came_down_is_said():
    before = BoardState((Clock("policy0", "performance", 1_500_000, 500_000, 1_500_000, 1_500_000),))
    after = BoardState((Clock("policy0", "performance", 1_000_000, 500_000, 1_000_000, 1_500_000),))
    assert judge(evidence(before, after))[0].detail == "policy0 came down to 1,000 MHz"


def test_a_clock_of_nine_tenths_is_no_throttling():
    def at(khz):
        return BoardState((Clock("policy0", "performance", khz, 600_000, 1_000_000, 1_000_000),))

    assert kinds(evidence(at(1_000_000), at(900_000))) == ()
    assert kinds(evidence(at(1_000_000), at(899_999))) == ("throttled",)


@pytest.mark.parametrize(
    ("use", "threads", "cpus", "said"),
    [
        (Activity(2.0, 0.5, 0.0, 0.0), 1, 4, "other programs kept 0.5 of 4 CPUs busy"),
        (Activity(2.0, 0.0, 0.2, 0.0), 1, 4, "the hypervisor took 0.2 CPUs away"),
        (Activity(2.0, 0.0, 0.0, 606.0), 1, 4, "it was interrupted 606 times a second"),
        (Activity(2.0, 0.39, 0.03, 49.0), 1, 4, None),
        (Activity(2.0, None, None, None), 1, 4, None),
        (None, 1, 4, None),
    ],
)
def test_a_busy_machine_is_said_by_what_shows_it(use, threads, cpus, said):
    found = judge(evidence(busy=use, threads=threads, cpus=cpus))
    assert [reason.detail for reason in found] == ([said] if said else [])


@pytest.mark.parametrize(
    ("load", "threads", "cpus", "busy"),
    [
        (3.6, 1, 4, True),
        (3.4, 1, 4, False),
        (0.6, 4, 4, True),
        (0.3, 4, 4, False),
        (1.0, 1, 1, True),
        (0.2, 8, 4, False),
        (0.2, 1, 1, False),
    ],
)
def test_a_load_that_leaves_no_cpu_free_is_busy(load, threads, cpus, busy):
    found = evidence(BoardState(load=load), BoardState(load=9.0), threads=threads, cpus=cpus)
    assert kinds(found) == (("busy",) if busy else ())


def test_the_load_that_the_measurement_made_itself_does_not_count():
    assert kinds(evidence(BoardState(load=0.0), BoardState(load=4.0))) == ()


@pytest.mark.parametrize(("slope", "word"), [(0.06, "slower"), (-0.06, "faster"), (0.01, None), (0.0, None)], ids=str)
def test_a_drift_is_said_with_its_direction(slope, word):
    line = np.exp(np.linspace(0, slope, 600))
    found = judge(evidence(latencies=tuple(np.array(STEADY) * line)))
    assert [reason.kind for reason in found] == (["drifting"] if word else [])
    if word:
        assert re.fullmatch(rf"the last third is (3\.[5-9]|4\.[0-6]) % {word} than the first", found[0].detail)


def test_noise_that_hides_a_difference_is_no_drift():
    wide = tuple(0.004 * np.exp(RANDOM.normal(0, 0.3, 90)))
    assert kinds(evidence(latencies=wide)) == ()


def test_two_groups_are_said_with_their_shares():
    values = np.where(np.arange(600) % 4 == 0, 0.006, 0.004) * np.exp(RANDOM.normal(0, 0.005, 600))
    found = judge(evidence(latencies=tuple(values)))
    assert [reason.kind for reason in found] == ["bimodal"]
    assert found[0].detail == "75 % of the runs take 4 ms, 25 % 6 ms"


@pytest.mark.parametrize(("count", "few"), [(63, True), (64, False), (1, True)])
def test_fewer_runs_than_a_p90_takes_are_too_few(count, few):
    assert kinds(evidence(latencies=STEADY[:count])) == (("too-few",) if few else ())


def test_a_clock_too_coarse_to_see_a_run_is_no_crash():
    assert kinds(evidence(latencies=(0.0,) * 600)) == ()


def test_a_change_that_is_chance_is_seldom_called_a_drift():
    random = np.random.default_rng(8)
    called = sum(
        "drifting" in kinds(evidence(latencies=tuple(0.001 * np.exp(random.normal(0, 0.05, 300))))) for _ in range(40)
    )
    assert called == 0


def test_the_manual_lists_every_verdict_with_its_sentence():
    path = Path(__file__).parents[2] / "docs" / "benchmarking.md"
    if not path.exists():
        pytest.skip("only the device package is here")
    manual = path.read_text("utf-8").split("## Verdicts\n")[1].split("\n## ")[0]
    listed = [line.split("|")[1:3] for line in manual.splitlines() if line.startswith("| `")]
    assert [(kind.strip(" `"), sentence.strip()) for kind, sentence in listed] == [
        (kind, inspect.getdoc(rule)) for kind, rule in RULES.items()
    ]


def test_the_thresholds_of_the_manual_are_those_of_the_code():
    path = Path(__file__).parents[2] / "docs" / "benchmarking.md"
    if not path.exists():
        pytest.skip("only the device package is here")
    manual = " ".join(path.read_text("utf-8").split())
    for figure in (
        f"{100 * stability.OTHERS_SHARE:g} % of the CPUs",
        f"{100 * stability.STOLEN_SHARE:g} % of the CPUs",
        f"{stability.INTERRUPTIONS_PER_S:g} interruptions a second",
        f"by {stability.LEAST_DRIFT_PERCENT:g} % at least",
        f"below {100 * stability.LEAST_CLOCK:g} % of its limit",
        f"{100 * bimodal.LEAST_SHARE:g} % of the runs each, {100 * bimodal.LEAST_GAP:g} % apart",
        f"a standard deviation of {100 * difference.BETWEEN_RUNS:g} %",
        f"a {100 * difference.CONFIDENCE:g} % interval",
        f"It takes {difference.LEAST_SAMPLES} runs in each file",
        ", ".join(f"{samples_needed(q)} for p{q}" for q in (90, 95, 99)),
        f"up to {sustained.MOST_WINDOWS} windows",
        f"at most {sustained.MOST_SAMPLED:,} evenly spread raw latencies",
    ):
        assert figure in manual, figure
