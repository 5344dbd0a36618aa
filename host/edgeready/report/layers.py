"""Shows the error of each layer: as text, and as a folder with a JSON file and a picture."""

from __future__ import annotations

import json
import math
from pathlib import Path

from rich.console import Group, RenderableType

from edgeready.files.atomic import write_files
from edgeready.layer_analysis import LayerError, LayerReport
from edgeready.report.lines import block, line
from edgeready_device.text import plain, table

JSON_NAME, PICTURE_NAME = "layers.json", "layers.png"
_MOST_ROWS, _LONGEST_NAME = 20, 40  # chosen: the table fits a screen
_HEADER = ("layer", "share", "changed", "alone", "whole", "bias", "max", "clip", "op")
_LEGEND = (
    "share: part of the noise in the scores; changed: answers that this layer alone changes; alone, whole: SQNR in "
    "dB of its values, this layer alone integer, all of them; bias, max: mean and largest error in steps of 8 bits; "
    "clip: share of the values that the range cuts off"
)


def layers_view(report: LayerReport) -> RenderableType:
    """Returns the layers as text, the one that hurts most first, with the remedies below."""
    worst = report.worst_first()
    rows = [[plain(layer.layer)[:_LONGEST_NAME], *_cells(layer)] for layer in worst[:_MOST_ROWS]]
    lines: list[RenderableType] = [block(table(_HEADER, rows))]  # and no rich table, which breaks numbers
    if len(worst) > _MOST_ROWS:
        lines.append(line(f"and {len(worst) - _MOST_ROWS} more layers that do less; --json lists all"))
    lines.extend((line(), line(_LEGEND, "dim"), line(_whole(report))))
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
