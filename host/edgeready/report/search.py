"""A search for the best network: the candidates with their costs, what training showed of them, and the best."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType

from edgeready.files.atomic import write_files
from edgeready.network_search.board import BoardSpeed
from edgeready.network_search.halving import Trial
from edgeready.network_search.limits import Candidate
from edgeready.network_search.result import Final, SearchPlan, SearchResult
from edgeready.report.lines import block, labelled, line
from edgeready_device.text import table

_COSTS = ("network", "bytes", "MACs", "cache")


def plan_view(plan: SearchPlan) -> RenderableType:
    """The candidates of a search for people, before any training."""
    header = (*_COSTS, *_ms_header(plan))
    rows = [_cost_cells(candidate) for candidate in plan.candidates]
    return Group(block(table(header, rows)), line(), *_plan_lines(plan))


def search_view(result: SearchResult) -> RenderableType:
    """The result of a search for people: finals first, then the trials by how long they went on."""
    header = (*_COSTS, *_ms_header(result.plan), "trial", "epochs", "final", "uint8")
    finals = {final.name: final for final in result.finals}
    last = {trial.candidate.name: trial for trial in result.trials}
    ranked = sorted(
        last.values(), key=lambda trial: (trial.candidate.name not in finals, -trial.epochs, -(trial.accuracy or 0))
    )
    rows = [_trial_cells(trial, finals.get(trial.candidate.name)) for trial in ranked]
    best = result.best
    lines = [labelled("left out", result.left_out)] if result.left_out else []
    ending = [] if best is None else [labelled("best", f"{best.file}, {best.size_bytes:,} B")]
    return Group(
        block(table(header, rows)),
        line(),
        *_plan_lines(result.plan),
        labelled("chosen by", "the accuracy on the validation, in the columns trial and final"),
        labelled("uint8", f"{len(result.splits.test):,} images of {result.splits.test.name}, which chose nothing"),
        *lines,
        *(labelled("doubt", doubt, "bold red") for doubt in result.doubts),
        line(),
        *ending,
    )


def write_search(result: SearchResult, *, plots: bool) -> tuple[Path, ...]:
    """Writes search.json into the folder of the search, with `plots` search.png, too; returns the paths."""
    path = result.folder / "search.json"
    write_files({path: (json.dumps(result.to_dict(), indent=1) + "\n").encode()})
    if not plots:
        return (path,)
    from edgeready.report.plots.search import plot_search  # noqa: PLC0415  (an extra)

    picture = result.folder / "search.png"
    plot_search(result, picture)
    return path, picture


def _ms_header(plan: SearchPlan) -> tuple[str, ...]:
    return () if plan.speed is None else ("about",)


def _cost_cells(candidate: Candidate) -> list[str]:
    cells = [
        candidate.name,
        f"{candidate.file_bytes:,}",
        count_text(candidate.cost.macs),
        f"{100 * candidate.cache_share:.1f} %",
    ]
    return cells if candidate.ms is None else [*cells, f"{candidate.ms:.3g} ms"]


def _trial_cells(trial: Trial, final: Final | None) -> list[str]:
    cells = _cost_cells(trial.candidate)
    if final is not None:
        cells[1] = f"{final.size_bytes:,}"
    return [
        *cells,
        _percent(trial.accuracy),
        str(trial.epochs),
        "" if final is None else _percent(final.validation),
        "" if final is None else _percent(final.uint8),
    ]


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.2f} %"


def count_text(count: int) -> str:
    """Returns a count with three digits: "864 K", "12.5 M"."""
    for unit, name in ((10**9, "G"), (10**6, "M"), (10**3, "K")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return str(count)


def _plan_lines(plan: SearchPlan) -> Sequence[RenderableType]:
    return [
        labelled("bytes", "of the whole file with one golden vector and no image hashes, estimated at first"),
        labelled("cache", "share of the Edge TPU's memory for parameters"),
        *([] if plan.speed is None else _speed_lines(plan.speed)),
    ]


def _speed_lines(speed: BoardSpeed) -> list[RenderableType]:
    text = f"estimated: {speed.model} took {speed.ms:.3g} ms for {count_text(speed.macs)} on {speed.board}"
    lines: list[RenderableType] = [
        labelled("about", f"{text};"),
        labelled("", "edgeready-device benchmark on the board has the last word"),
    ]
    if speed.unsteady:
        lines.append(
            labelled("", f"that measurement is not to be relied on: {', '.join(speed.unsteady)}", "bold red")
        )
    return lines
