"""A comparison of two measurements, as text and as plain data."""

from __future__ import annotations

import dataclasses
from typing import Any

from edgeready_device.benchmarking.benchmark_file import Measurement
from edgeready_device.benchmarking.compare import FASTER, SAME, SLOWER, Comparison
from edgeready_device.benchmarking.difference import Difference
from edgeready_device.benchmarking.latency import summarize
from edgeready_device.report.quantity import duration
from edgeready_device.text import rows


def compare_json(found: Comparison) -> dict[str, Any]:
    """A comparison as plain data: percent, and seconds."""
    return {
        "first": _measurement_json(found.first),
        "second": _measurement_json(found.second),
        **dataclasses.asdict(found.difference),
        "max_slowdown_percent": found.max_slowdown_percent,
        "verdict": found.verdict,
        "passed": found.passed,
        "differs": list(found.differs),
        "doubts": list(found.doubts),
        "note": found.note,
    }


def compare_text(found: Comparison) -> str:
    """A comparison for people."""
    said = found.difference
    verdict = {SLOWER: "the second is slower", FASTER: "the second is faster", SAME: SAME}
    lines = [
        ("first", _measured(found.first)),
        ("second", _measured(found.second)),
        ("difference", f"{said.percent:+.2f} % ({_interval(said)} with 99 % confidence)"),
        *(("differs", text) for text in found.differs),
        *(("doubt", text) for text in found.doubts),
        *([("note", found.note)] if found.note else []),
        ("verdict", verdict.get(found.verdict, "not judged: measure again where it is steady")),
    ]
    return rows(lines)


def _interval(said: Difference) -> str:
    return f"{said.low_percent:+.2f} to {said.high_percent:+.2f}"


def _measured(measurement: Measurement) -> str:
    summary = summarize(measurement.latencies_s)
    return f"{duration(summary.median_s)}, median of {summary.count} runs ({measurement.path})"


def _measurement_json(measurement: Measurement) -> dict[str, Any]:
    summary = summarize(measurement.latencies_s)
    return {"file": str(measurement.path), "median_s": summary.median_s, "count": summary.count}
