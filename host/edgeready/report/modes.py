"""The modes: what each is and where it runs, and what was measured of each on one network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from edgeready.config.modes import MODES, NO, PARTLY, TARGETS, Mode
from edgeready.files.atomic import write_files
from edgeready.proof.measure import Measured
from edgeready.workflows.modes import ModeRow, ModesReport
from edgeready_device.report.benchmark import benchmark_json
from edgeready_device.report.predictions import evaluation_json
from edgeready_device.report.quantity import duration
from edgeready_device.text import proportion_json, table

_TARGETS = tuple(TARGETS)
_RAW = ("latencies_s", "stages")
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
        Text(table(("mode", "ends", "weights", *_TARGETS), rows)),
        Text("\n" + "\n".join(notes)),
        Text(f"\n--target picks: {best}. Refused: int4, which the converter does not write."),
    )


def known_modes_json() -> dict[str, Any]:
    """The table of all modes as plain data."""
    return {"modes": [_known(mode) for mode in MODES.values()], "targets": dict(TARGETS)}


def modes_view(report: ModesReport) -> RenderableType:
    """The measured modes for people; below the table why a mode was refused, and what it was measured on."""
    rows = [_cells(report, row, row.measured) for row in report.rows if row.measured is not None]
    latency = report.float32.latency
    machine = latency.machine
    emulated = " EMULATED: no measure of any board" if machine.emulated else ""
    test = report.test
    return Group(
        Text(table(_HEADER, rows)),
        *(Text(f"{row.mode.name}: {row.refusal}") for row in report.rows if row.refusal),
        *(line for row in report.rows for line in _unloaded(row)),
        Text(
            f"\ntest         {len(test):,} images of {test.name}, all of them through edgeready-device"
            f"\nbaseline     {100 * test.majority_share():.2f} %, always the largest class"
            f"\nmeasured on  {machine.board or machine.processor}, {latency.runtime}, 1 thread{emulated}"
        ),
    )


def modes_json(report: ModesReport) -> dict[str, Any]:
    """The measured modes as plain data."""
    return {
        "network": report.network,
        "data": {"name": report.test.name, "test_images": len(report.test)},
        "majority_baseline": report.test.majority_share(),
        "modes": [_row_json(report, row) for row in report.rows],
    }


def write_modes(report: ModesReport, folder: Path, *, plots: bool) -> tuple[Path, ...]:
    """Writes modes.json into `folder`, with `plots` the pictures, too; returns the paths."""
    data = folder / "modes.json"
    written = [data, *(_pictures(report, folder) if plots else ())]
    write_files({data: (json.dumps(modes_json(report), indent=1) + "\n").encode()})
    return tuple(written)


def _pictures(report: ModesReport, folder: Path) -> Sequence[Path]:
    from edgeready.report.plots.confusion import plot_confusion  # noqa: PLC0415  (an extra)
    from edgeready.report.plots.disagreements import save_disagreements  # noqa: PLC0415
    from edgeready.report.plots.modes import plot_modes  # noqa: PLC0415

    paths = [folder / "modes.png"]
    plot_modes(report, paths[0])
    quantized = report.quantized
    if quantized is not None:
        name, measured = quantized
        paths += [folder / f"confusion_{name}.png", folder / f"disagreements_{name}.png"]
        plot_confusion(measured.accuracy, f"{report.network}, {name}, on {report.test.name}", paths[1])
        save_disagreements(report.disagreements(name), report.test, ("float32", name), paths[2])
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
        ", ".join(each.runtime.name for each in row.tried if each.runs),
    ]


def _others(mode: Mode) -> str:
    """The targets beside the Edge TPU, as the mode's table has them."""
    said = {target: mode.runs_on(target) for target in _TARGETS if target != "edgetpu"}
    return ", ".join(f"{target} in part" if word == PARTLY else target for target, word in said.items() if word != NO)


def _unloaded(row: ModeRow) -> list[Text]:
    """A line for each runtime that does not take a file which another one runs."""
    if row.measured is None:
        return []
    return [Text(f"{row.mode.name}: not in {one.runtime}: {one.reason}") for one in row.tried if not one.runs]


def _edgetpu(row: ModeRow) -> str:
    if row.readiness is None:
        return row.mode.edgetpu
    share = f"{row.readiness.mapped} of {len(row.readiness.ops)} ops"
    return f"ready, {share}" if row.readiness.ready else f"not ready, {share}"


def _known(mode: Mode) -> dict[str, Any]:
    return {
        "mode": mode.name,
        "summary": mode.summary,
        "ends": mode.ends,
        "weights": mode.weights,
        "note": mode.note,
        "runs_on": {target: mode.runs_on(target) for target in _TARGETS},
    }


def _row_json(report: ModesReport, row: ModeRow) -> dict[str, Any]:
    found: dict[str, Any] = {
        **_known(row.mode),
        "refusal": row.refusal or None,
        "runtimes": [{"runtime": str(one.runtime), "runs": one.runs, "reason": one.reason} for one in row.tried],
        "edgetpu": None if row.readiness is None else {"ready": row.readiness.ready, "mapped": row.readiness.mapped},
    }
    if row.measured is None:
        return found
    return {
        **found,
        "size_bytes": row.measured.size_bytes,
        "flatbuffer_bytes": row.measured.flatbuffer_bytes,
        "times_smaller": report.smaller(row.measured),
        "accuracy": evaluation_json(row.measured.accuracy, row.measured.latency.runtime),
        "agreement": proportion_json(report.agreement(row.measured)),
        "latency": _latency_json(row.measured),
    }


def _latency_json(measured: Measured) -> dict[str, Any]:
    """The measurement without its raw runs, which are a megabyte for eight modes."""
    return {key: value for key, value in benchmark_json(measured.latency).items() if key not in _RAW}
