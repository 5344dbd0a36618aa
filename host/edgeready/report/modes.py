"""The modes: what each is and where it runs, and what was measured of each on one network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType

from edgeready.config.modes import MODES, NO, PARTLY, TARGETS, Mode
from edgeready.files.atomic import write_files
from edgeready.proof.measure import Measured
from edgeready.report.lines import block, convention_lines, labelled, line, protection_lines
from edgeready.workflows.modes import ModeRow, ModesReport
from edgeready_device.text import duration, table

_TARGETS = tuple(TARGETS)
_HEADER = (
    "mode",
    "model alone",
    "smaller",
    "top-1",
    "95 % interval",
    "agrees",
    "median",
    "p90",
    "Edge TPU",
    "also for",
    "loads in",
)


def known_modes_view() -> RenderableType:
    """The table of all modes for people: ends, inside, and where each runs."""
    rows = [
        [mode.name, mode.ends, mode.weights, *(mode.runs_on(target) for target in _TARGETS)]
        for mode in MODES.values()
    ]
    notes = [f"{mode.name}: {mode.summary}{'; ' if mode.note else ''}{mode.note}" for mode in MODES.values()]
    best = ", ".join(f"{target} {mode}" for target, mode in TARGETS.items())
    return Group(
        block(table(("mode", "ends", "weights", *_TARGETS), rows)),
        line(),
        *map(line, notes),
        line(),
        line(f"--target picks: {best}. Refused: int4, which the converter does not write."),
    )


def known_modes_json() -> dict[str, Any]:
    """The table of all modes as plain data."""
    return {"modes": [mode.to_dict() for mode in MODES.values()], "targets": dict(TARGETS)}


def modes_view(report: ModesReport) -> RenderableType:
    """The measured modes for people; below the table why a mode was refused, and what it was measured on."""
    rows = [_cells(report, row, row.measured) for row in report.rows if row.measured is not None]
    latency = report.float32.latency
    machine = latency.machine
    emulated = " EMULATED: no measure of any board" if machine.emulated else ""
    test = report.test
    return Group(
        block(table(_HEADER, rows)),
        *(line(f"{row.mode.name}: {row.refusal}") for row in report.rows if row.refusal),
        *(text for row in report.rows for text in _refusing_runtimes(row)),
        line(),
        labelled("test", f"{len(test):,} images of {test.name}, all of them through edgeready-device"),
        labelled("baseline", f"{100 * test.majority_share():.2f} %, always the largest class"),
        *convention_lines(report.convention),
        *protection_lines(report.protections),
        labelled("measured on", f"{machine.board or machine.processor}, {latency.runtime}, 1 thread{emulated}"),
    )


def write_modes(report: ModesReport, folder: Path, *, plots: bool) -> tuple[Path, ...]:
    """Writes modes.json and modes.csv into `folder`, with `plots` the pictures, too; returns the paths."""
    data, table_file = folder / "modes.json", folder / "modes.csv"
    pictures = _pictures(report, folder) if plots else ()
    write_files(
        {data: (json.dumps(report.to_dict(), indent=1) + "\n").encode(), table_file: report.to_csv().encode()}
    )
    return (data, table_file, *pictures)


def _pictures(report: ModesReport, folder: Path) -> Sequence[Path]:
    from edgeready.report.plots.confusion import plot_confusion  # noqa: PLC0415  (an extra)
    from edgeready.report.plots.disagreements import save_disagreements  # noqa: PLC0415  (an extra)
    from edgeready.report.plots.modes import plot_modes  # noqa: PLC0415  (an extra)

    paths = [folder / "modes.png"]
    plot_modes(report, paths[0])
    quantized = report.quantized
    if quantized is not None:
        name, measured = quantized
        paths += [folder / f"confusion_{name}.png", folder / f"disagreements_{name}.png"]
        plot_confusion(measured.accuracy, f"{report.network}, {name}, on {report.test.name}", paths[1])
        save_disagreements(report.disagreements(name), report.test, ("float32", name), path=paths[2])
    return paths


def _cells(report: ModesReport, row: ModeRow, measured: Measured) -> list[str]:
    top1, summary = measured.accuracy.top1, measured.latency.summary
    low, high = top1.interval
    return [
        row.mode.name,
        f"{measured.flatbuffer_bytes:,} B",
        f"{report.smaller(measured):.2f}x",
        f"{100 * top1.value:.2f} %",
        f"{100 * low:.2f} to {100 * high:.2f} %",
        f"{100 * report.agreement(measured).value:.2f} %",
        duration(summary.median_s),
        "few runs" if summary.p90_s is None else duration(summary.p90_s),
        _edgetpu(row),
        _others(row.mode),
        ", ".join(trial.runtime.name for trial in row.trials if trial.runs),
    ]


def _others(mode: Mode) -> str:
    """The targets beside the Edge TPU, as the mode's table has them."""
    verdicts = {target: mode.runs_on(target) for target in _TARGETS if target != "edgetpu"}
    return ", ".join(
        f"{target} in part" if verdict == PARTLY else target for target, verdict in verdicts.items() if verdict != NO
    )


def _refusing_runtimes(row: ModeRow) -> list[RenderableType]:
    """A line for each runtime that does not take a file which another one runs."""
    if row.measured is None:
        return []
    return [
        line(f"{row.mode.name}: not in {trial.runtime}: {trial.reason}") for trial in row.trials if not trial.runs
    ]


def _edgetpu(row: ModeRow) -> str:
    if row.readiness is None:
        return row.mode.edgetpu
    share = f"{row.readiness.mapped} of {len(row.readiness.ops)} ops"
    return f"{row.readiness.verdict}, {share}"
