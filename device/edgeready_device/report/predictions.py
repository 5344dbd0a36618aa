"""Predictions, and how many of them are right, as text and as plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeready_device.errors import one_line
from edgeready_device.evaluation import EvaluationReport
from edgeready_device.postprocess import Prediction
from edgeready_device.runtime.runtime import Runtime
from edgeready_device.text import percent, plain, proportion_json, rows, table

_MOST_COLUMNS = 30  # chosen: a wider matrix does not fit a screen
_MOST_MISTAKES = 30  # chosen: a screenful


def classify_text(path: Path | str, predictions: Sequence[Prediction]) -> str:
    """Returns one line for an image: its labels and scores, best first."""
    labels = ", ".join(f"{p.label} {100 * p.score:.1f} %" for p in predictions)
    return plain(f"{path}: {labels or 'no label reaches the threshold'}")


def classify_json(path: Path | str, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Returns one image's predictions as plain data."""
    return {"image": str(path), "predictions": [dataclasses.asdict(p) for p in predictions]}


def refusal_json(path: Path | str, error: Exception) -> dict[str, Any]:
    """Returns an image that could not be used, as plain data."""
    return {"image": str(path), "error": one_line(error)}


def evaluation_json(report: EvaluationReport, runtime: Runtime) -> dict[str, Any]:
    """Returns accuracy as plain data."""
    return {
        "runtime": str(runtime),
        "top1": proportion_json(report.top1),
        "top5": proportion_json(report.top5),
        "seen": _seen_json(report),
        "per_class": {label: proportion_json(p) for label, p in zip(report.labels, report.per_class)},
        "confusion": report.confusion.tolist(),
    }


def evaluation_text(report: EvaluationReport, runtime: Runtime, *, confusion: bool = False) -> str:
    """Returns accuracy for people, overall and per class; with `confusion` also the matrix of true and predicted."""
    head = rows(
        [
            ("runtime", str(runtime)),
            ("top-1", percent(report.top1)),
            ("top-5", percent(report.top5)),
            ("seen before", _seen_text(report)),
        ]
    )
    lines = [
        [label, f"{100 * share.value:.2f} %", str(share.hits), str(share.count)]
        for label, share in zip(report.labels, report.per_class)
        if share.count
    ]
    parts = [head, table(["class", "top-1", "right", "of"], lines)]
    if confusion:
        parts.append(_mistakes(report) if len(report.labels) > _MOST_COLUMNS else _matrix(report))
    return "\n\n".join(parts)


def _seen_json(report: EvaluationReport) -> dict[str, Any] | None:
    """Returns how many images the file was trained or calibrated on; None where that cannot be known."""
    if report.familiarity is None:
        return None
    share, unseen = report.familiarity.share, report.top1_unseen
    return {
        "images": share.hits,
        "looked_up": share.count,
        "training_known": report.familiarity.training_known,
        "top1_unseen": None if unseen is None else proportion_json(unseen),
    }


def _seen_text(report: EvaluationReport) -> str:
    familiarity = report.familiarity
    if familiarity is None:
        return "cannot be known: the file holds no hashes of the images that it was trained on"
    share, unseen, count = familiarity.share, report.top1_unseen, len(report.truth)
    sample = "" if share.count == count else f" (the others of {count} cannot be looked up)"
    where = "training or calibration" if familiarity.training_known else "the calibration"
    parts = [f"{share.hits} of {share.count} images{sample} were in {where}"]
    if not familiarity.training_known:
        parts.append("the training was elsewhere and is not known")
    if unseen is not None:
        parts.append(f"top-1 of the others {percent(unseen)}")
    return "; ".join(parts)


def _matrix(report: EvaluationReport) -> str:
    """Returns every count; columns carry the numbers of the rows, because labels are long."""
    numbers = [str(index) for index in range(len(report.labels))]
    lines = [
        [f"{index} {label}", *map(str, counts)]
        for index, label, counts in zip(numbers, report.labels, report.confusion.tolist())
    ]
    return table(["true, and taken for", *numbers], lines)


def _mistakes(report: EvaluationReport) -> str:
    """Returns the most frequent mistakes, for more classes than a matrix on a screen can hold."""
    counts = report.confusion.copy()
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:_MOST_MISTAKES]
    pairs = [divmod(int(place), len(report.labels)) for place in order if counts.flat[place]]
    lines = [[report.labels[true], report.labels[answer], str(counts[true, answer])] for true, answer in pairs]
    return table(["true", "taken for", "times"], lines)
