"""A verification, as text and as plain data."""

from __future__ import annotations

from typing import Any

from edgeready_device.statistics import Proportion
from edgeready_device.text import plain, proportion_json, table
from edgeready_device.verification import MOST_STEPS, PathDistance, PathResult, VerifyReport

_LONGEST_NAME = 40  # of an output; chosen: a column of the table
# From and to how many steps each line of the histogram goes: differences are mostly small.
_LINES = ((0, 0), (1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 32), (33, 64), (65, 128), (129, MOST_STEPS))


def verify_json(report: VerifyReport) -> dict[str, Any]:
    """Returns a verification as plain data."""
    return {
        "model": str(report.model),
        "runtime": str(report.runtime),
        "passed": report.passed,
        "agreement": _share_json(report.agreement),
        "paths": [_path_json(result) for result in report.results],
        "between": None if report.between is None else _between_json(report.between),
    }


def verify_text(report: VerifyReport) -> str:
    """Returns a verification for people: the verdict, each path, the histogram, and what is only information."""
    lines = [
        [
            _title(result),
            f"{result.largest_steps} of {result.bound_steps}",
            _share_text(result.agreement),
            "pass" if result.passed else "FAIL",
        ]
        for result in report.results
    ]
    notes = [plain(result.note) for result in report.results if result.note]
    verdict = "the answers are right on this machine" if report.passed else "THE ANSWERS ARE WRONG ON THIS MACHINE"
    head = f"{plain(str(report.model))} on {report.runtime}: {verdict}"
    paths = table(["kernels", "steps off", "same top-1", "verdict"], lines)
    return "\n".join([head, paths, "", _histogram(report), *_between_text(report.between), *notes])


def _path_json(result: PathResult) -> dict[str, Any]:
    return {
        "kernels": result.kernels,
        **({"output": result.output} if result.output else {}),
        "recording": result.recording,
        "bound_steps": result.bound_steps,
        "largest_steps": result.largest_steps,
        "histogram": list(result.histogram),
        "agreement": _share_json(result.agreement),
        "decisive": _share_json(result.decisive),
        "passed": result.passed,
        "note": result.note,
    }


def _between_json(between: PathDistance) -> dict[str, Any]:
    return {
        "kernels": list(between.kernels),
        "largest_steps": between.largest_steps,
        "agreement": _share_json(between.agreement),
    }


def _histogram(report: VerifyReport) -> str:
    """Returns how many output values are how many steps off, a line for each range up to the largest difference."""
    largest = max(result.largest_steps for result in report.results)
    lines = [
        [_range(first, last), *(f"{sum(result.histogram[first : last + 1]):,}" for result in report.results)]
        for first, last in _LINES
        if first <= largest
    ]
    return table(["values off by", *map(_title, report.results)], lines)


def _title(result: PathResult) -> str:
    return f"{result.kernels}, {plain(result.output)[:_LONGEST_NAME]}" if result.output else result.kernels


def _share_json(share: Proportion | None) -> dict[str, Any] | None:
    return None if share is None else proportion_json(share)


def _share_text(share: Proportion | None) -> str:
    return "-" if share is None else f"{share.hits} of {share.count}"


def _range(first: int, last: int) -> str:
    if last == 0:
        return "nothing"
    steps = str(first) if first == last else f"{first} to {last}"
    return f"{steps} step{'s' if last > 1 else ''}"


def _between_text(between: PathDistance | None) -> list[str]:
    if between is None:
        return []
    first, second = between.kernels
    same = "" if between.agreement is None else f", same top-1 {_share_text(between.agreement)}"
    return [f"for information: {first} and {second} differ here by up to {between.largest_steps} steps{same}"]
