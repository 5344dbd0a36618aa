"""Shows the error of each layer: as text, and as a folder with a JSON file and a picture."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType

from edgeready.files.atomic import write_files
from edgeready.layer_analysis import LayerError, LayerReport
from edgeready.report.lines import block, line
from edgeready.report.op_costs import source_text
from edgeready.workflows.op_costs import OpCosts
from edgeready_device.text import duration, plain, table

JSON_NAME, PICTURE_NAME = "layers.json", "layers.png"
_MOST_ROWS, _LONGEST_NAME = 20, 40  # chosen: the table fits a screen
_MOST_COSTS = 3  # chosen: the layers whose type is worth a thought
_HEADER = ("layer", "share", "changed", "alone", "whole", "bias", "max", "clip", "op")
_LEGEND = (
    "share: part of the noise in the scores; changed: answers that this layer alone changes; alone, whole: SQNR in "
    "dB of its values, this layer alone integer, all of them; bias, max: mean and largest error in steps of 8 bits; "
    "clip: share of the values that the range cuts off"
)


def layers_view(report: LayerReport, costs: OpCosts | None = None) -> RenderableType:
    """Returns the layers as text, the one that hurts most first, with the remedies below.

    With `costs` there is the part of the time that each takes on a board, and what the slowest layers cost both ways.
    """
    worst = report.worst_first()
    rows = [[plain(layer.layer)[:_LONGEST_NAME], *_cells(layer)] for layer in worst[:_MOST_ROWS]]
    header: tuple[str, ...] = _HEADER
    if costs is not None:
        header = (*_HEADER[:3], "time", *_HEADER[3:])
        rows = [[*row[:3], _percent(costs, layer), *row[3:]] for row, layer in zip(rows, worst, strict=False)]
    lines: list[RenderableType] = [block(table(header, rows))]  # and no rich table, which breaks numbers
    if len(worst) > _MOST_ROWS:
        lines.append(line(f"and {len(worst) - _MOST_ROWS} more layers that do less; --json lists all"))
    lines.extend((line(), line(_LEGEND, "dim"), line(_whole(report))))
    if costs is not None:
        lines.extend(line(text) for text in _cost_lines(worst, costs))
    faulty = [layer for layer in worst if layer.cause not in ("", "inherited")]
    lines.extend(line(f"{plain(layer.layer)}: {layer.remedy}") for layer in faulty)
    inherited = sum(layer.cause == "inherited" for layer in worst)
    if inherited and faulty:
        lines.append(line(f"{inherited} more layers have errors of those before them: fix these first"))
    if not faulty:
        lines.append(line("no layer does enough harm to need a remedy"))
    return Group(*lines)


def write_debug_report(report: LayerReport, folder: Path) -> tuple[Path, Path]:
    """Writes layers.json and layers.png into `folder`; returns their paths."""
    from edgeready.report.plots.layers import plot_layers  # noqa: PLC0415  (an extra)

    data, picture = folder / JSON_NAME, folder / PICTURE_NAME
    plot_layers(report, picture)
    write_files({data: (json.dumps(report.to_dict(), indent=1) + "\n").encode()})
    return data, picture


def layers_json(report: LayerReport, costs: OpCosts | None = None) -> dict[str, Any]:
    """Returns the layers as plain data; with `costs` each has its `time_s` and its part of the time."""
    document = report.to_dict()
    if costs is None:
        return document
    layers = [
        {**layer, "time_s": costs.seconds_of([layer["op"]]), "time_share": costs.share_of([layer["op"]])}
        for layer in document["layers"]
    ]
    return {**document, "layers": layers, "profile": costs.to_dict()}


def _cost_lines(layers: Sequence[LayerError], costs: OpCosts) -> list[str]:
    """Returns where the times are from, and what the layers that take longest cost in time and in answers."""
    lines = [f"time: part of {duration(costs.total_s)} in all ops on {source_text(costs)}"]
    slowest = sorted(layers, key=lambda layer: -costs.seconds_of([layer.op]))
    for layer in slowest[:_MOST_COSTS]:
        damage = layer.damage
        if damage is None or not costs.seconds_of([layer.op]):
            continue
        answers = f"{100 * damage.changed / damage.images:.1f} % of the answers"
        lines.append(
            f"{plain(layer.layer)} takes {_percent(costs, layer)} of the time, and changes {answers} by itself"
        )
    return [*lines, *(f"note: {plain(note)}" for note in costs.profile.notes)]


def _percent(costs: OpCosts, layer: LayerError) -> str:
    return f"{100 * costs.share_of([layer.op]):.1f} %"


def _cells(layer: LayerError) -> tuple[str, ...]:
    damage, total = layer.damage, layer.total
    return (
        f"{100 * layer.share:.0f} %",
        "" if damage is None else f"{damage.changed}",
        "" if layer.own is None else decibels_text(layer.own.sqnr_db),
        decibels_text(total.sqnr_db),
        "" if total.bias_steps is None else f"{total.bias_steps:+.2f}",
        "" if total.largest_steps is None else f"{total.largest_steps:.1f}",
        "" if layer.range is None else f"{100 * layer.range.clipped:.2g} %",
        layer.kind.lower(),
    )


def decibels_text(value: float) -> str:
    """Returns decibels with one digit; "exact" where there is no noise."""
    return f"{value:.1f}" if math.isfinite(value) else "exact" if value > 0 else "lost"


def _whole(report: LayerReport) -> str:
    return (
        f"{report.integer} against {report.float32} on {report.images} images: SQNR of the scores "
        f"{decibels_text(report.scores.sqnr_db)} dB, {report.changed} answers change"
    )
