"""A search in one picture: what each candidate reached, over the bytes of its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeready.network_search.halving import Trial, last_trials
from edgeready.network_search.result import SearchResult
from edgeready.report.plots.canvas import BLUE, GREY, LINE, ORANGE, add_panel, new_figure, plain, save_figure

_LOGARITHMIC = 6  # chosen: at larger ratios the small files are a single point on a linear axis


def plot_search(result: SearchResult, path: Path) -> None:
    """Writes the picture to `path`: the trials as points by their last round, the finals as diamonds with names."""
    budget = result.plan.budget
    title = f"networks for {result.splits.test.name}: validation accuracy over the bytes of the file"
    figure = new_figure(9.5, 5.5, title)
    panel = add_panel(figure, rows=1, columns=1, number=1)
    last = [trial for trial in last_trials(result.trials) if trial.accuracy is not None]
    for epochs in sorted({trial.epochs for trial in last}):
        _draw_round(panel, [trial for trial in last if trial.epochs == epochs], epochs)
    places = [(final.size_bytes / 1000, 100 * final.validation) for final in result.finals]
    panel.plot(*zip(*places), "D", color=ORANGE, markersize=7, linestyle="none", label="trained to the end")
    for final, place in zip(result.finals, places, strict=True):
        panel.annotate(
            plain(final.name, 40), place, textcoords="offset points", xytext=(7, 6), fontsize=8.5, color=ORANGE
        )
    if budget.max_size is not None:
        panel.axvline(budget.max_size / 1000, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    panel.margins(x=0.25, y=0.1)  # room for the names
    sizes = [trial.candidate.file_bytes / 1000 for trial in last]
    if max(sizes) > _LOGARITHMIC * min(sizes):
        panel.set_xscale("log")
        panel.minorticks_off()
        panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.set_xlabel("kB of the file; dashed: --max-size" if budget.max_size is not None else "kB of the file")
    panel.set_ylabel("% right of the validation images")
    panel.grid(color=LINE, linewidth=0.6)
    panel.set_axisbelow(True)
    panel.legend(loc="lower right", frameon=False, fontsize=9)
    save_figure(figure, path)


def _draw_round(panel: Any, trials: list[Trial], epochs: int) -> None:
    places = [(trial.candidate.file_bytes / 1000, 100 * (trial.accuracy or 0.0)) for trial in trials]
    panel.plot(
        *zip(*places), "o", color=BLUE, markersize=3 + min(epochs, 6), linestyle="none", label=_epochs_text(epochs)
    )


def _epochs_text(epochs: int) -> str:
    return f"{epochs} epoch{'s' if epochs > 1 else ''}"
