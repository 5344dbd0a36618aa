"""A comparison of two measurements, as text and as plain data."""

from __future__ import annotations

import dataclasses
from typing import Any

from edgeready_device.benchmarking.benchmark_file import Measurement
from edgeready_device.benchmarking.compare import FASTER, SAME, SLOWER, Comparison
from edgeready_device.benchmarking.difference import Difference
from edgeready_device.benchmarking.latency import summarize
from edgeready_device.text import duration, rows


def compare_json(comparison: Comparison) -> dict[str, Any]:
    """Returns a comparison as plain data, in percent and seconds."""
    return {
        "first": _measurement_json(comparison.first),
        "second": _measurement_json(comparison.second),
        **dataclasses.asdict(comparison.difference),
        "max_slowdown_percent": comparison.max_slowdown_percent,
        "verdict": comparison.verdict,
        "passed": comparison.passed,
        "differs": list(comparison.differs),
        "doubts": list(comparison.doubts),
        "note": comparison.note,
    }


def compare_text(comparison: Comparison) -> str:
    """Returns a comparison for people."""
    difference = comparison.difference
    verdict = {SLOWER: "the second is slower", FASTER: "the second is faster", SAME: SAME}
    lines = [
        ("first", _measurement_text(comparison.first)),
        ("second", _measurement_text(comparison.second)),
        ("difference", f"{difference.percent:+.2f} % ({_interval(difference)} with 99 % confidence)"),
        *(("differs", text) for text in comparison.differs),
        *(("doubt", text) for text in comparison.doubts),
        *([("note", comparison.note)] if comparison.note else []),
        ("verdict", verdict.get(comparison.verdict, "not judged: measure again where it is steady")),
    ]
    return rows(lines)


def _interval(difference: Difference) -> str:
    return f"{difference.low_percent:+.2f} to {difference.high_percent:+.2f}"


def _measurement_text(measurement: Measurement) -> str:
    summary = summarize(measurement.latencies_s)
    return f"{duration(summary.median_s)}, median of {summary.count} runs ({measurement.path})"


def _measurement_json(measurement: Measurement) -> dict[str, Any]:
    summary = summarize(measurement.latencies_s)
    return {"file": str(measurement.path), "median_s": summary.median_s, "count": summary.count}
