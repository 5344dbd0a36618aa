from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from edgeready_device.benchmarking import interleaved as under_test
from edgeready_device.benchmarking.compare import FASTER, SAME, SLOWER, UNJUDGED
from edgeready_device.benchmarking.interleaved import ORDERS, InterleavedConfig, compare_models
from edgeready_device.errors import UsageError
from edgeready_device.machine.machine import Machine, read_machine

MACHINE = Machine("aarch64", "CPU", "Raspberry Pi 5", 4, "6.6", "3.11", emulated=False)


@pytest.fixture
def compared(faked, monkeypatch):
    """Compares two models whose runs take `takes[i](time)` seconds of a clock; also gives the order of the runs."""

    def make(*takes, machine=MACHINE, **options):
        now, order = [100.0], []
        monkeypatch.setattr(under_test, "read_machine", lambda: machine)

        def answering(which):
            def answer(tensor):
                order.append(which)
                now[0] += takes[which](now[0])
                return tensor.reshape(1, 8)

            return answer

        models = [faked("rank3", answering(which)) for which in (0, 1)]
        return compare_models(*models, clock=lambda: now[0], **options), order

    return make


FEW = InterleavedConfig(time_s=0.0, rounds=25, turn_s=0.0, turn_runs=5, warmup_s=0.0)


@pytest.mark.parametrize(
    ("factor", "verdict", "passed"), [(1.0, SAME, True), (1.03, SLOWER, False), (0.97, FASTER, True)]
)
def test_a_machine_that_slows_down_threefold_hides_nothing(compared, factor, verdict, passed):
    def busy(time_s):
        return 0.01 * (1 + 0.3 * (time_s - 100.0))  # ever slower

    found, _ = compared(busy, lambda time_s: factor * busy(time_s), config=FEW)
    assert found.verdict == verdict
    assert found.passed is passed
    assert found.difference.percent == pytest.approx(100 * (factor - 1), abs=0.1)
    assert found.first.latencies_s[-1] > 3 * found.first.latencies_s[0]


def test_they_alternate_in_turns_of_five_in_an_order_that_is_drawn(compared):
    found, order = compared(lambda _: 0.01, lambda _: 0.01, config=FEW)
    runs = np.array(order[2:]).reshape(-1, 5)  # two warm-up runs ahead
    assert (runs.min(axis=1) == runs.max(axis=1)).all()
    rounds = runs[:, 0].reshape(25, 4).tolist()
    assert {tuple(each) for each in rounds} == set(ORDERS)
    assert 6 <= sum(each[0] for each in rounds) <= 19
    assert len(found.first.latencies_s) == len(found.second.latencies_s) == 250


def test_it_goes_on_for_the_time_that_is_asked_for(compared):
    config = dataclasses.replace(FEW, time_s=10.0)
    found, _ = compared(lambda _: 0.01, lambda _: 0.01, config=config)
    assert len(found.first.latencies_s) == pytest.approx(500, abs=10)


def test_a_turn_lasts_its_time(compared):
    config = dataclasses.replace(FEW, turn_s=0.1)
    found, _ = compared(lambda _: 0.015625, lambda _: 0.015625, config=config)
    assert len(found.first.latencies_s) == 50 * 7


def test_a_slowdown_that_is_allowed_passes(compared):
    found, _ = compared(lambda _: 0.01, lambda _: 0.0105, config=FEW, max_slowdown_percent=10.0)
    assert (found.verdict, found.passed) == (SLOWER, True)


def test_under_emulation_nothing_is_judged(compared):
    emulated = dataclasses.replace(MACHINE, emulated=True)
    found, _ = compared(lambda _: 0.01, lambda _: 0.02, config=FEW, machine=emulated)
    assert (found.verdict, found.passed) == (UNJUDGED, False)


def test_what_was_measured_is_said(compared):
    found, _ = compared(lambda _: 0.01, lambda _: 0.01, config=FEW)
    assert (found.first.machine, found.first.runtime, found.first.threads) == ("Raspberry Pi 5", "fake 0", 1)
    assert found.differs == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time_s": -1.0}, "the time is -1 s"),
        ({"time_s": float("nan")}, "the time is nan s"),
        ({"rounds": 19}, "rounds is 19, runs of a turn 5: ask for 20 and 1"),
        ({"turn_runs": 0}, "runs of a turn 0"),
    ],
)
def test_turns_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        InterleavedConfig(**options)


def test_real_models_are_interleaved(runtime, model):
    from edgeready_device.model import Model

    one, other = (Model.load(model("conv"), runtime=runtime.name) for _ in range(2))
    found = compare_models(one, other, dataclasses.replace(FEW, rounds=20))
    assert found.first.machine == read_machine().processor
    assert min(found.second.latencies_s) > 0
