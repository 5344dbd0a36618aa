"""A confusion matrix with its errors in colour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.report.plots.canvas import GREY, LINE, add_panel, new_figure, plain, save_figure
from edgeready_device.evaluation import EvaluationReport

MOST_CLASSES = 40  # chosen: the labels of more classes are no longer legible
_MOST_NUMBERED = 25  # with more classes a number no longer fits into its cell


def plot_confusion(report: EvaluationReport, title: str, path: Path) -> None:
    """Writes the matrix to `path`: a row for each true class, a column for each answer.

    Of more than 40 classes it has those with the most errors.
    """
    classes = worst_classes(report.confusion)
    table, labels = report.confusion[np.ix_(classes, classes)], [report.labels[i] for i in classes]
    left_out = len(report.labels) - len(classes)
    more = f"; {left_out} classes with fewer errors left out" if left_out else ""
    side = 3.0 + (0.36 if len(labels) <= _MOST_NUMBERED else 0.24) * len(labels)
    figure = new_figure(side + 1.2, side, plain(f"{title}: {100 * report.top1.value:.2f} % right{more}", 160))
    panel = add_panel(figure, rows=1, columns=1, number=1)
    wrong = table - np.diag(np.diag(table))
    shares = wrong / np.maximum(report.confusion.sum(axis=1)[classes, np.newaxis], 1)
    picture = panel.imshow(100 * shares, cmap="Oranges", vmin=0, vmax=max(1.0, 100 * float(shares.max())))
    for place in range(len(labels)):
        panel.axvspan(place - 0.5, place + 0.5, *_span(place, len(labels)), color=LINE, linewidth=0)
    figure.colorbar(picture, ax=panel, shrink=0.7, label="% of the class taken for another")
    small = 9 if len(labels) <= _MOST_NUMBERED else 7
    names = [plain(label, 24) for label in labels]
    panel.set_xticks(range(len(names)), names, rotation=90 if max(map(len, names)) > 2 else 0, fontsize=small)
    panel.set_yticks(range(len(names)), names, fontsize=small)
    panel.set_xticks(np.arange(len(names) + 1) - 0.5, minor=True)
    panel.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
    panel.grid(which="minor", color=LINE, linewidth=0.5)
    panel.tick_params(which="both", length=0)
    panel.set_xlabel("answer")
    panel.set_ylabel("true class")
    if len(labels) <= _MOST_NUMBERED:
        _write_counts(panel, table, shares)
    save_figure(figure, path)


def _span(place: int, count: int) -> tuple[float, float]:
    """Bottom and top of cell `place` of the diagonal as shares of the panel's height."""
    return 1 - (place + 1) / count, 1 - place / count


def worst_classes(table: NDArray[np.int64]) -> NDArray[np.intp]:
    """The 40 classes of the confusion `table` with the most errors, as true class or as answer, in their order."""
    wrong = table - np.diag(np.diag(table))
    errors = wrong.sum(axis=0) + wrong.sum(axis=1)
    return np.sort(np.argsort(-errors, kind="stable")[:MOST_CLASSES])


def _write_counts(panel: Any, table: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    most = max(float(shares.max()), 0.01)
    for row, column in zip(*np.nonzero(table)):
        right = row == column
        dark = not right and shares[row, column] > 0.6 * most
        ink = "white" if dark else GREY if right else "#1f2933"
        weight = "normal" if right else "bold"
        panel.text(
            column, row, f"{table[row, column]}", ha="center", va="center", fontsize=8, color=ink, fontweight=weight
        )
