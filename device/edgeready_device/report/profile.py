"""A profile as text and as plain data."""

from __future__ import annotations

import dataclasses
from typing import Any

from edgeready_device.profiling.profile import LEAST_SHARE, MOST_SHARE, OpTime, Profile
from edgeready_device.text import cut, duration, plain, rows, table

SCHEMA = "edgeready-profile 1"
_LONGEST_OPERATOR = 20  # columns; chosen: above the ops that take time, and a layer's name has room beside it
_SHORTEST_S = 1e-4  # chosen: a hundred ticks of a clock that counts microseconds
_TICK_S = 1e-6  # of that clock, which is LiteRT's: each kernel's time is cut to whole ones


def profile_json(profile: Profile) -> dict[str, Any]:
    """Returns a profile as plain data in seconds; its ops in the order of the run."""
    return {
        "schema": SCHEMA,
        "model": str(profile.model),
        "sha256": profile.sha256,
        "runtime": str(profile.runtime),
        "threads": profile.threads,
        "inputs": profile.inputs,
        "emulated": profile.machine.emulated,
        "machine": dataclasses.asdict(profile.machine),
        "runs": profile.runs,
        "run_s": profile.run_s,
        "profiled_run_s": profile.profiled_run_s,
        "sum_s": profile.sum_s,
        "covered": profile.covered,
        "same_outputs": profile.same_outputs,
        "trusted": profile.trusted,
        "notes": notes(profile),
        "ops": [_op_json(profile, op) for op in profile.ops],
    }


def profile_text(profile: Profile, most: int) -> str:
    """Returns a profile for people: the `most` ops that take longest, the sum, and how near it is to a run."""
    hottest = profile.hottest
    lines = [_line(profile, op) for op in hottest[:most]]
    others = hottest[most:]
    if others:
        rest_s = sum(op.time_s for op in others)
        lines.append([f"{len(others)} more", "", "", _microseconds(rest_s), _percent(rest_s, profile.sum_s), ""])
    lines.append(["total", "", "", _microseconds(profile.sum_s), _percent(profile.sum_s, profile.sum_s), ""])
    more = profile.profiled_run_s / profile.run_s - 1
    facts = [
        ("model", str(profile.model)),
        ("runtime", f"{profile.runtime}, {profile.threads} thread{'s' * (profile.threads > 1)}"),
        ("machine", f"{profile.machine.board or profile.machine.processor}, {profile.machine.architecture}"),
        (
            "a run",
            f"{duration(profile.run_s)} without the profiler, of which the ops are {100 * profile.covered:.1f} %",
        ),
        (
            "profiler",
            f"a run with it takes {duration(profile.profiled_run_s)} ({100 * more:+.1f} %); {profile.runs} runs",
        ),
        *(("note", note) for note in notes(profile)),
    ]
    if profile.machine.emulated:
        facts.append(("EMULATED", "not a measure of any board"))
    return f"{table(['layer', 'op', 'operator', 'µs', 'share', 'kernel'], lines)}\n\n{rows(facts)}"


def notes(profile: Profile) -> list[str]:
    """Returns why the times should be taken with care, and what was asked for in vain."""
    sentences = [profile.note] if profile.note else []
    if not profile.same_outputs:
        sentences.append(
            "the run with the profiler gave other outputs than that without: they do not do the same work"
        )
    if not LEAST_SHARE <= profile.covered <= MOST_SHARE:
        kernels = sum(len(op.kernels) for op in profile.ops)
        rest = ", or copies of its inputs and outputs take the rest" if profile.covered < LEAST_SHARE else ""
        why = f"the machine was busy{rest}: measure again"
        if profile.run_s < _SHORTEST_S or 0 < profile.run_s - profile.sum_s < kernels * _TICK_S:
            run = f"a run of {duration(profile.run_s)} with {kernels} kernels"
            why = f"LiteRT counts whole microseconds, and {run} is too short for it"
        elif profile.threads > 1:
            why = "threads wait for each other between ops: measure with --threads 1"
        sentences.append(
            f"the ops are {100 * profile.covered:.0f} % of a run, not {100 * LEAST_SHARE:.0f} to "
            f"{100 * MOST_SHARE:.0f} %: {why}"
        )
    return sentences


def _op_json(profile: Profile, op: OpTime) -> dict[str, Any]:
    return {**dataclasses.asdict(op), "share": profile.share(op)}


def _line(profile: Profile, op: OpTime) -> list[str]:
    number = f"{op.ops[0]}-{op.ops[-1]}" if len(op.ops) > 1 else f"{op.ops[0]}" if op.ops else "-"
    return [
        plain(op.layer) or "-",
        number,
        cut(plain(op.operator), _LONGEST_OPERATOR) or "-",
        _microseconds(op.time_s),
        _percent(op.time_s, profile.sum_s),
        "XNNPACK" if op.xnnpack else "built-in",
    ]


def _microseconds(seconds: float) -> str:
    return f"{1e6 * seconds:,.1f}"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole if whole else 0:.1f} %"
