"""Whether a measurement is steady. Each reason against it is a small rule; its docstring is the manual's sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from edgeready_device.benchmarking.bimodal import two_modes
from edgeready_device.benchmarking.difference import LEAST_SAMPLES, difference
from edgeready_device.benchmarking.latency import samples_needed
from edgeready_device.machine.board_state import BoardState, Clock
from edgeready_device.machine.machine import Machine
from edgeready_device.machine.usage import Activity

# Chosen, not measured: each is the least disturbance that a person should hear of before trusting a figure.
OTHERS_SHARE = 0.10  # of the machine's CPUs; room for a system's own services
LOAD_SLACK = 0.5  # processes; the load average is a smoothed count, and half a process is within its noise
STOLEN_SHARE = 0.01  # of the machine's CPUs; far below OTHERS_SHARE, for the stolen time may all be this process's
INTERRUPTIONS_PER_S = 50.0  # one every 20 ms
LEAST_DRIFT_PERCENT = 2.0  # below the 3 % that compare is made to show
LEAST_CLOCK = 0.9  # of the limit, where the governor asks for all of it
_STEADY_GOVERNORS = ("performance", "userspace", "")  # Linux' governors with a fixed clock; "" is unknown
# Bits of the Raspberry Pi's firmware (see BoardState): capped, throttled, soft limit, now and since the start.
_NOW, _EVER = 0b1110, 0b1110 << 16
_UNDER_VOLTAGE_EVER = 1 << 16
_REASONS = {1: "clock capped", 2: "throttled", 3: "soft temperature limit"}


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on: the machine, its `states` from before to after, its load, and the runs in order."""

    machine: Machine
    states: Sequence[BoardState]
    busy: Activity | None
    threads: int
    latencies_s: Sequence[float] = field(repr=False)

    @property
    def before(self) -> BoardState:
        """The state before the first run."""
        return self.states[0]

    @property
    def during(self) -> Sequence[BoardState]:
        """The states after the runs had started."""
        return self.states[1:]


class Unsteady(NamedTuple):
    """Why a measurement is not steady: the kind, the evidence in words, and what to do about it."""

    kind: str
    detail: str
    advice: str


class Reason(NamedTuple):
    """One rule's evidence in words, and what to do about it."""

    detail: str
    advice: str


Rule = Callable[[Evidence], Iterator[Reason]]


def check_emulation(evidence: Evidence) -> Iterator[Reason]:
    """The processor is emulated: no time counts."""
    if evidence.machine.emulated:
        yield Reason(
            f"{evidence.machine.architecture} programs are emulated on this machine", "measure on the board itself"
        )


def check_throttling(evidence: Evidence) -> Iterator[Reason]:
    """The clock was held back while the runs lasted: by heat, or by the firmware."""
    before, during = evidence.before, evidence.during
    bits = 0
    for state in during:
        bits |= (state.throttled or 0) & _NOW
        bits |= ((state.throttled or 0) & ~(before.throttled or 0) & _EVER) >> 16
    names = [name for bit, name in _REASONS.items() if bits >> bit & 1]
    names += sorted({f"{kind} holds it back" for state in during for kind in state.slowed_by})
    names += [f"{name} came down to {khz / 1000:,.0f} MHz" for name, khz in _lower_limits(before, during)]
    if _hotter(before, during):
        names.append("the processor reported that it was too hot")
    if evidence.machine.architecture.startswith(("aarch64", "arm")):
        names += [f"{c.name} at {c.current_khz / 1000:,.0f} MHz" for c in _slow(during) if c.current_khz]
    if names:
        heat = [state.temperature_c for state in evidence.states if state.temperature_c is not None]
        at = f", at {max(heat):.0f} °C" if heat else ""
        yield Reason(f"{', '.join(names)}{at}", "let it cool, add a heat sink or a fan, and measure again")


def check_supply(evidence: Evidence) -> Iterator[Reason]:
    """The supply was too weak while the runs lasted, for which the firmware lowers the clock."""
    bits_before = evidence.before.throttled or 0
    for state in evidence.during:
        if state.under_voltage or (state.throttled or 0) & ~bits_before & _UNDER_VOLTAGE_EVER:
            yield Reason(
                "the supply's voltage is too low", "use the board's own power supply and a short cable, then measure"
            )
            return


def check_governor(evidence: Evidence) -> Iterator[Reason]:
    """The clock follows the load, so that the first runs of a burst are slower than the others."""
    free = [c for c in evidence.states[-1].clocks if c.governor not in _STEADY_GOVERNORS and not c.fixed]
    if free:
        names = ", ".join(sorted({clock.governor for clock in free}))
        yield Reason(
            f"the governor is {names}",
            "run echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
        )


def check_load(evidence: Evidence) -> Iterator[Reason]:
    """Other programs, or a hypervisor's other guests, used the processors at the same time."""
    causes, cpus = [], evidence.machine.cpus
    load = evidence.before.load
    if load is not None and load + evidence.threads > cpus + LOAD_SLACK and load > OTHERS_SHARE * cpus:
        causes.append(f"the load average was {load:g} before it began, on {cpus} CPU{'s' * (cpus > 1)}")
    use = evidence.busy
    if use is not None and use.others_cpus is not None and use.others_cpus > OTHERS_SHARE * cpus:
        causes.append(f"other programs kept {use.others_cpus:.2g} of {cpus} CPUs busy")
    if use is not None and use.stolen_cpus is not None and use.stolen_cpus > STOLEN_SHARE * cpus:
        causes.append(f"the hypervisor took {use.stolen_cpus:.2g} CPUs away")
    if use is not None and (use.interruptions_per_s or 0) > INTERRUPTIONS_PER_S:
        causes.append(f"it was interrupted {use.interruptions_per_s:.0f} times a second")
    if causes:
        yield Reason("; ".join(causes), "end the other programs (see top), use fewer threads, and measure again")


def check_drift(evidence: Evidence) -> Iterator[Reason]:
    """The last third of the runs is slower or faster than the first: by 2 % at least, and more than chance gives."""
    third = len(evidence.latencies_s) // 3
    if third < LEAST_SAMPLES or min(evidence.latencies_s) <= 0:
        return
    first, last = evidence.latencies_s[:third], evidence.latencies_s[-third:]
    drift = difference(first, last, between_runs=0.0)
    if drift.shown and abs(drift.percent) >= LEAST_DRIFT_PERCENT:
        word = "slower" if drift.percent > 0 else "faster"
        yield Reason(
            f"the last third is {abs(drift.percent):.1f} % {word} than the first",
            "warm up for longer, or see with --sustained 10 where it settles",
        )


def check_modes(evidence: Evidence) -> Iterator[Reason]:
    """The runs fall into two groups with a gap between them, so that the median is the one or the other by chance."""
    modes = two_modes(evidence.latencies_s)
    if modes is not None:
        yield Reason(
            f"{100 * (1 - modes.slow_share):.0f} % of the runs take {modes.fast_s * 1e3:.3g} ms, "
            f"{100 * modes.slow_share:.0f} % {modes.slow_s * 1e3:.3g} ms",
            "keep it on one kind of core (taskset -c 3 edgeready-device ...) at a fixed clock",
        )


def check_count(evidence: Evidence) -> Iterator[Reason]:
    """The runs are too few for a 90th percentile."""
    count, needed = len(evidence.latencies_s), samples_needed(90)
    if count < needed:
        yield Reason(f"{count} run{'s' * (count != 1)}, it takes {needed}", f"ask for --runs {needed} or more")


RULES: Mapping[str, Rule] = {
    "emulated": check_emulation,
    "throttled": check_throttling,
    "under-voltage": check_supply,
    "governor": check_governor,
    "busy": check_load,
    "drifting": check_drift,
    "bimodal": check_modes,
    "too-few": check_count,
}


def judge(evidence: Evidence) -> tuple[Unsteady, ...]:
    """Returns why the measurement is not steady; empty when it is. Emulation stands alone: no time counts."""
    reasons = [Unsteady(kind, *reason) for kind, rule in RULES.items() for reason in rule(evidence)]
    return tuple(reasons[:1] if evidence.machine.emulated else reasons)


def _lower_limits(before: BoardState, during: Sequence[BoardState]) -> Iterator[tuple[str, int]]:
    """Yields the clocks whose limit came down, with the lower limit in kHz."""
    limits = {clock.name: clock.most_khz for clock in before.clocks}
    for name, limit in limits.items():
        later = [c.most_khz for state in during for c in state.clocks if c.name == name and c.most_khz is not None]
        if limit is not None and later and min(later) < limit:
            yield name, min(later)


def _slow(during: Sequence[BoardState]) -> list[Clock]:
    """Returns the clocks below the limit at which the governor "performance" would hold them."""
    slow = {}
    for state in during:
        for clock in state.clocks:
            now, limit = clock.current_khz, clock.most_khz
            if clock.governor == "performance" and now and limit and now < LEAST_CLOCK * limit:
                slow[clock.name] = clock
    return list(slow.values())


def _hotter(before: BoardState, during: Sequence[BoardState]) -> bool:
    counts = [state.throttle_count for state in during if state.throttle_count is not None]
    return before.throttle_count is not None and bool(counts) and max(counts) > before.throttle_count
