"""The state of a machine at one moment: clocks, governors, temperature, throttling, load."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgeready_device.machine.board import Board, whole_number

_PROCESSOR_ZONE = re.compile(r"(?i)cpu|soc|core|x86_pkg|k10temp|bcm|acpitz")
_PROCESSOR_COOLER = re.compile(r"(?i)cpufreq|cpu-|processor")  # a fan cools without slowing anything down
_GOVERNOR = re.compile(r"[a-z_]{1,32}")  # the names of Linux' governors fit, a damaged file does not
# chosen: no board works outside these temperatures; a sensor that is not connected reports such values
_COLDEST_C, _HOTTEST_C = -50.0, 150.0
THROTTLED_FILES = "sys/devices/platform/soc*/soc*firmware/get_throttled"


@dataclass(frozen=True)
class Clock:
    """One group of CPUs that share a clock, in kHz; None is what the kernel does not say."""

    name: str
    governor: str
    current_khz: int | None
    least_khz: int | None
    most_khz: int | None  # what governor and cooling allow now
    built_for_khz: int | None

    @property
    def fixed(self) -> bool:
        """Whether the clock cannot change."""
        return self.least_khz is not None and self.least_khz == self.most_khz


@dataclass(frozen=True)
class BoardState:
    """What kernel and firmware report at one moment.

    `throttled` has the bits of the Raspberry Pi's firmware (None on other machines): 0 under-voltage, 1 clock
    capped, 2 throttled, 3 soft temperature limit, and 16 to 19 the same since the start. `slowed_by` names the
    cooling devices that hold a processor back; `throttle_count` counts how often an x86 processor was too hot.
    """

    clocks: tuple[Clock, ...] = ()
    temperature_c: float | None = None
    throttled: int | None = None
    under_voltage: bool | None = None
    slowed_by: tuple[str, ...] = ()
    throttle_count: int | None = None
    load: float | None = None


UNKNOWN_STATE = BoardState()


def read_state(board: Board) -> BoardState:
    """Returns the state of `board` now; reads a few dozen files and, on a Raspberry Pi, asks the firmware."""
    throttled = _throttled_bits(board)
    return BoardState(
        clocks=_clocks(board),
        temperature_c=_temperature_c(board),
        throttled=throttled,
        under_voltage=_under_voltage(board, throttled),
        slowed_by=_slowed_by(board),
        throttle_count=_throttle_count(board),
        load=_load(board),
    )


def _clocks(board: Board) -> tuple[Clock, ...]:
    folders = board.paths("sys/devices/system/cpu/cpufreq/policy*")
    folders = folders or board.paths("sys/devices/system/cpu/cpu[0-9]*/cpufreq")
    clocks = []
    for folder in folders:
        name = folder.rsplit("/", 2)[1] if folder.endswith("/cpufreq") else folder.rsplit("/", 1)[1]
        numbers = [
            _positive(board.number(f"{folder}/{file}"))
            for file in ("scaling_cur_freq", "scaling_min_freq", "scaling_max_freq", "cpuinfo_max_freq")
        ]
        governor = board.text(f"{folder}/scaling_governor")
        governor = governor if _GOVERNOR.fullmatch(governor) else ""
        if governor or any(number is not None for number in numbers):
            clocks.append(Clock(name, governor, *numbers))
    return tuple(clocks)


def _positive(number: int | None) -> int | None:
    return number if number is not None and number > 0 else None


def _temperature_c(board: Board) -> float | None:
    """Returns the highest temperature of the processor's sensors, or of any sensor where none is the processor's."""
    named: list[float] = []
    others: list[float] = []
    for folder in board.paths("sys/class/thermal/thermal_zone*"):
        value = board.number(f"{folder}/temp")
        if value is not None and _COLDEST_C < value / 1000 < _HOTTEST_C:
            (named if _PROCESSOR_ZONE.search(board.text(f"{folder}/type")) else others).append(value / 1000)
    return max(named or others, default=None)


def _throttled_bits(board: Board) -> int | None:
    for path in board.paths(THROTTLED_FILES):
        bits = board.number(path, 16)
        if bits is not None and bits >= 0:
            return bits
    name, _, value = board.firmware("get_throttled").partition("=")
    bits = whole_number(value, 16) if name == "throttled" else None
    return bits if bits is None or bits >= 0 else None


def _under_voltage(board: Board, throttled: int | None) -> bool | None:
    """Returns whether the supply is too weak now, from the firmware's bit or the kernel's voltage monitor."""
    alarms = [
        board.number(f"{folder}/in0_lcrit_alarm")
        for folder in board.paths("sys/class/hwmon/hwmon*")
        if board.text(f"{folder}/name") == "rpi_volt"
    ]
    signs = [bool(alarm) for alarm in alarms if alarm is not None]
    if throttled is not None:
        signs.append(bool(throttled & 1))
    return any(signs) if signs else None


def _slowed_by(board: Board) -> tuple[str, ...]:
    coolers = []
    for folder in board.paths("sys/class/thermal/cooling_device*"):
        kind = board.text(f"{folder}/type")
        state = board.number(f"{folder}/cur_state")
        if state is not None and state > 0 and _PROCESSOR_COOLER.search(kind):
            coolers.append(kind)
    return tuple(coolers)


def _throttle_count(board: Board) -> int | None:
    counts = [
        board.number(path)
        for path in board.paths("sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/core_throttle_count")
    ]
    numbers = [count for count in counts if count is not None]
    return sum(numbers) if numbers else None


def _load(board: Board) -> float | None:
    words = board.text("proc/loadavg").split()
    try:
        load = float(words[0]) if words else -1.0
    except ValueError:
        return None
    return load if 0 <= load < float("inf") else None
