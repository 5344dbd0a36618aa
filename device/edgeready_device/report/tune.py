"""The result of tune, as text and as plain data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeready_device.text import duration, plain, rows, table
from edgeready_device.tuning.agreement import Agreement
from edgeready_device.tuning.candidate import Candidate, TuneResult, ratio


def candidate_json(candidate: Candidate) -> dict[str, Any]:
    """Returns one candidate as plain data, in seconds; None where it was not measured."""
    agreement = candidate.agreement
    return {
        "runtime": str(candidate.runtime),
        "threads": candidate.threads,
        "delegate": candidate.delegate,
        "median_s": candidate.median_s if candidate.rounds_s else None,
        "rounds_s": list(candidate.rounds_s),
        "runs": candidate.runs,
        "load_s": candidate.load_s,
        "first_run_s": candidate.first_run_s,
        "ops_taken": candidate.ops_taken,
        "largest_steps": agreement.largest_steps if agreement else None,
        "same_top1": agreement.same_top1 if agreement else None,
        "inputs": agreement.count if agreement else None,
        "out": candidate.note,
    }


def tune_json(result: TuneResult, path: Path | None) -> dict[str, Any]:
    """Returns the result of tune as plain data; `path` is the file with the choice, or None."""
    choice = result.choice
    return {
        "model": str(result.model),
        "choice": choice
        and {"runtime": choice.runtime, "threads": choice.threads, "delegate": choice.delegate or None},
        "reason": result.reason,
        "expected": result.expected,
        "emulated": result.emulated,
        "kept_in": None if path is None else str(path),
        "candidates": [candidate_json(candidate) for candidate in result.candidates],
    }


def tune_text(result: TuneResult, path: Path | None) -> str:
    """Returns the result of tune for people: a table, the reason, and the file with the choice."""
    best = result.best
    lines = [_line(candidate, best) for candidate in result.candidates]
    notes = [f"{candidate.name}: {plain(candidate.note)}" for candidate in result.candidates if candidate.note]
    facts = [("compared with", result.expected), ("why", result.reason)]
    if path is not None:
        facts.append(("kept in", f"{path}, which is used wherever no runtime, threads or delegate are asked for"))
    if best is not None and best.delegate and not best.delegate.startswith("edgetpu"):
        facts.append(("mind", f"give --delegate {best.delegate} yourself: no file may name a library to load"))
    header = ["candidate", "median", "ratio", "runs", "steps", "top-1", ""]
    return "\n".join([plain(str(result.model)), table(header, lines), *notes, rows(facts)])


def _agreement_text(agreement: Agreement | None) -> str:
    if agreement is None or agreement.same_top1 is None:
        return "-"
    return f"{agreement.same_top1}/{agreement.count}"


def _line(candidate: Candidate, best: Candidate | None) -> list[str]:
    measured, agreement = bool(candidate.rounds_s), candidate.agreement
    times = f"{ratio(candidate, best):.3g}" if measured and best is not None else "-"
    return [
        candidate.name,
        duration(candidate.median_s) if measured else "-",
        times,
        f"{candidate.runs:,}",
        str(agreement.largest_steps) if agreement else "-",
        _agreement_text(agreement),
        "chosen" if candidate is best else "out" if candidate.note else "",
    ]
