from __future__ import annotations

import pytest
from boards import (
    CASES,
    CORAL,
    GET_THROTTLED,
    LAPTOP,
    PI3,
    PI4,
    PI5,
    clock,
    cooler,
    lay,
    load,
    supply,
    zone,
)

from edgeready_device.machine.board import Board
from edgeready_device.machine.board_state import BoardState, Clock, read_state


@pytest.fixture
def state(tmp_path):
    return lambda tree, **firmware: read_state(Board(lay(tmp_path, tree), **firmware))


def test_a_raspberry_pi_tells_everything(state):
    assert state(PI4) == BoardState(
        (Clock("policy0", "performance", 1_800_000, 600_000, 1_800_000, 1_800_000),), 51.1, 0, False, (), None, 0.08
    )


def test_a_pi_5_has_its_firmware_elsewhere(state):
    found = state(PI5)
    assert (found.throttled, found.under_voltage, found.slowed_by) == (0, False, ())


def test_a_laptop_tells_its_package_and_how_often_it_was_too_hot(state):
    found = state(LAPTOP)
    assert [c.name for c in found.clocks] == ["policy0", "policy1"]
    assert (found.temperature_c, found.throttle_count, found.throttled) == (62.0, 15, None)


def test_the_processors_sensor_counts_and_not_another_ones(state):
    assert state({**zone("gpu-thermal", 90.0), **zone("cpu-thermal", 50.0, 1)}).temperature_c == 50.0
    assert state(CORAL).temperature_c == 60.0


def test_where_no_sensor_is_the_processors_the_hottest_counts(tmp_path):
    tree = {**zone("zone_a", 33.0), **zone("zone_b", 44.0, 1)}
    assert read_state(Board(lay(tmp_path, tree))).temperature_c == 44.0


def test_a_sensor_that_is_not_connected_is_left_out(state):
    assert state({**zone("cpu-thermal", -274.0), **zone("cpu-b", 41.0, 1)}).temperature_c == 41.0


def test_a_kernel_without_the_file_is_helped_by_the_firmwares_command(state):
    found = state(load(0.0), firmware=lambda question: {"get_throttled": "throttled=0x50005"}[question])
    assert (found.throttled, found.under_voltage) == (0x50005, True)


@pytest.mark.parametrize("answer", ["", "throttled=", "error=1 error_msg=no", "throttled=0xzz", "throttled=-1"])
def test_a_firmware_that_does_not_know_says_nothing(state, answer):
    assert state({}, firmware=lambda _: answer).throttled is None


@pytest.mark.parametrize(
    ("bits", "under_voltage"), [("0", False), ("1", True), ("50000", False), ("50005", True), ("4", False)]
)
def test_the_lowest_bit_is_the_supply_now(state, bits, under_voltage):
    assert state({GET_THROTTLED: bits}).under_voltage is under_voltage


def test_another_voltage_monitor_is_not_the_boards(state):
    assert state(supply(1, name="ina219")).under_voltage is None


def test_the_voltage_monitor_alone_is_enough(state):
    assert state(supply(1)).under_voltage is True


@pytest.mark.parametrize(
    ("kind", "level", "slowed"),
    [
        ("thermal-cpufreq-0", 1, True),
        ("cpufreq-cpu0", 3, True),
        ("Processor", 1, True),
        ("thermal-cpufreq-0", 0, False),
        ("pwm-fan", 4, False),
        ("iwlwifi", 2, False),
    ],
)
def test_a_cooling_device_counts_when_it_slows_the_processor(state, kind, level, slowed):
    assert state(cooler(kind, level)).slowed_by == ((kind,) if slowed else ())


def test_a_clock_is_fixed_when_its_limits_meet(state):
    assert [c.fixed for c in state(clock("ondemand", 600, 600, 600)).clocks] == [True]
    assert Clock("a", "", None, None, None, None).fixed is False


@pytest.mark.parametrize("name", ["garbage in every file", "no file can be read", "empty files"])
def test_files_that_say_nothing_are_an_unknown_state(state, name):
    found = state(CASES[name].before)
    assert (found.temperature_c, found.throttled, found.under_voltage, found.load) == (None, None, None, None)
    assert found.slowed_by == ()


def test_numbers_that_cannot_be_are_left_out(state):
    found = state(CASES["numbers that cannot be"].before)
    assert found.clocks == (Clock("policy0", "performance", None, None, None, None),)
    assert (found.temperature_c, found.throttled, found.load, found.throttle_count) == (None, None, None, None)


def test_a_pi_3_is_read_as_it_is(state):
    assert state(PI3).clocks[0].current_khz == 1_400_000
