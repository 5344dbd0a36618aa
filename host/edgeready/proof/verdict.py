"""Whether a measured model is worth copying to a board: it beats a guess, and gives its float32 network's answers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeready.budget.significance import chance_of_at_least, paired_drop
from edgeready.dataset import Dataset
from edgeready.errors import AgreementError
from edgeready.proof.measure import Comparison, Measured
from edgeready.quantization.conventions import ConventionReport

_REMEDY = (
    "take other or more calibration images (--calibration-data), --calibration percentile, or --qat; edgeready modes "
    "shows what other modes keep"
)
_LIKELY = 0.05  # a result that guessing reaches so often shows nothing; the usual bound
_LITTLE = 0.9  # of the answers; chosen: on every tenth image the file says something else, and that costs accuracy
_COLLAPSED = 0.5  # of the answers; chosen: a file that differs on every second image is another model
# Another order of the classes fits by chance the better the fewer images there are. Chosen: half of the answers are
# right then, ten points more than now, and McNemar's p-value is that for one of many orders.
_LEAST_SHARE, _LEAST_GAIN, _SIGNIFICANT = 0.5, 0.1, 0.001


def find_doubts(
    comparison: Comparison, test: Dataset, mode: str, convention: ConventionReport | None
) -> tuple[str, ...]:
    """Returns what speaks against a model measured on `test`, a sentence each with the likely cause; none for most.

    `convention` says how pixels go into a trained network; None for one that edgeready has just trained.

    Raises AgreementError for a model that lost the answers of a good float32 network.
    """
    baseline, model = comparison.baseline, comparison.model
    share = test.majority_share()
    if share ** len(test) >= _LIKELY:  # not even a model that is always right would show anything
        return (
            f"{len(test)} test images are too few to tell: always the largest class is right on {100 * share:.1f} %; "
            "give more test images",
        )
    order = _better_order(baseline, test)
    if order:
        return (order,)
    if not _beats(baseline, share):
        return (_no_better(baseline, share, convention),)
    drop = paired_drop(baseline.accuracy.predictions, model.accuracy.predictions, baseline.accuracy.truth)
    lost = not _beats(model, share) and drop.p_value < _SIGNIFICANT  # by more than chance, where both hardly beat it
    if lost or comparison.agreement.interval[1] < _COLLAPSED:
        raise AgreementError(
            f"the {mode} file gives the float32 network's answer on {100 * comparison.agreement.value:.1f} % of the "
            f"test images only, and is not written: {_REMEDY}"
        )
    if comparison.agreement.interval[1] < _LITTLE and drop.value > 0 and drop.p_value < _LIKELY:
        return (
            f"the {mode} file agrees little with the float32 network: the same answer on "
            f"{100 * comparison.agreement.value:.1f} % of the test images, and right on "
            f"{100 * model.accuracy.top1.value:.2f} % and {100 * baseline.accuracy.top1.value:.2f} %: {_REMEDY}",
        )
    return ()


def _beats(measured: Measured, share: float) -> bool:
    top1 = measured.accuracy.top1
    return chance_of_at_least(top1.hits, top1.count, share) < _LIKELY


def _no_better(baseline: Measured, share: float, convention: ConventionReport | None) -> str:
    value = baseline.accuracy.top1.value
    fact = (
        f"the float32 network is right on {100 * value:.2f} % of the test images, and always the largest class on "
        f"{100 * share:.2f} %"
    )
    if convention is None:
        return f"{fact}: train with another --learning-rate or --model, with more images, or look at the labels"
    if not convention.trials:
        return f"{fact}: say how pixels go in (--preset, or --mean and --std), or look at the labels"
    names = ", ".join(trial.name for trial in convention.trials)
    return (
        f"{fact}. No usual way of feeding pixels does better ({names}): give --mean and --std of its training, check "
        "that the data have its classes, and that it is trained"
    )


def _better_order(baseline: Measured, test: Dataset) -> str:
    """Returns the sentence on another order of the classes that fits the answers far better; empty for none."""
    report = baseline.accuracy
    order = _fit_order(report.predictions, report.truth, len(test.classes))
    relabelled = order[report.predictions]
    drop = paired_drop(report.predictions, relabelled, report.truth)
    share = float((relabelled == report.truth).mean())
    if share < _LEAST_SHARE or -drop.value < _LEAST_GAIN or drop.p_value >= _SIGNIFICANT:
        return ""
    changed = [int(i) for i in np.flatnonzero(order != np.arange(len(order)))]
    examples = ", ".join(f"{test.classes[i]} is {test.classes[order[i]]}" for i in changed[:3])
    more = ", ..." if len(changed) > 3 else ""
    return (
        "the classes seem to be in another order: the float32 network is right on "
        f"{100 * report.top1.value:.1f} % of the test images, and on {100 * share:.1f} % where {examples}{more}: "
        "name the folders, or order the classes, as the network was trained"
    )


def _fit_order(predictions: NDArray[np.int64], truth: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Returns the class that each predicted class stands for, each once: the most frequent pairs first."""
    pairs, counts = np.unique(predictions * classes + truth, return_counts=True)
    order, left = np.full(classes, -1, np.int64), set(range(classes))
    for pair in pairs[np.argsort(-counts, kind="stable")]:
        predicted, true = divmod(int(pair), classes)
        if order[predicted] < 0 and true in left:
            order[predicted] = true
            left.remove(true)
    for predicted in np.flatnonzero(order < 0):  # classes that no image shows keep their place where it is free
        order[predicted] = int(predicted) if int(predicted) in left else min(left)
        left.remove(int(order[predicted]))
    return order
