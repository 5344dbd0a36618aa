"""A LayerReport as one picture: the error along the network, and what each layer does to the scores."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from edgeready.layer_analysis import LayerError, LayerReport
from edgeready.layer_analysis.remedies import GOOD_DB
from edgeready.report.plots.canvas import BLUE, GREY, LINE, ORANGE, RED, add_panel, new_figure, plain, save_figure

MOST_LAYERS = 40  # chosen: a picture of one page; layers.json has all of them
_MOST_DB = 80.0  # chosen: the right end of the axis, where no error at all is drawn
_LEAST_PERCENT = 0.01  # chosen: less is written as "< 0.01 %"


def plot_layers(report: LayerReport, path: Path) -> None:
    """Writes the picture to `path`: a row for each layer in the network's order, of more than 40 for the 40 worst."""
    worst = {id(layer) for layer in report.worst_first()[:MOST_LAYERS]}
    layers = [layer for layer in report.layers if id(layer) in worst]
    figure = new_figure(12.5, 1.9 + 0.27 * len(layers), _title(report, len(layers)))
    along, damage = (add_panel(figure, rows=1, columns=2, number=number) for number in (1, 2))
    rows = range(len(layers))
    _draw_along(along, layers)
    _draw_damage(damage, layers)
    for panel in (along, damage):
        panel.set_ylim(len(layers) - 0.4, -0.6)
        panel.set_yticks(list(rows))
        panel.grid(axis="x", color=LINE, linewidth=0.6)
        panel.set_axisbelow(True)
        panel.tick_params(length=0)
    along.set_yticklabels([plain(f"{layer.layer} · {layer.kind.lower()}", 46) for layer in layers])
    damage.set_yticklabels([""] * len(layers))
    figure.legend(*along.get_legend_handles_labels(), loc="outside lower left", ncols=2, frameon=False, fontsize=9)
    save_figure(figure, path)


def _title(report: LayerReport, rows: int) -> str:
    part = "" if rows == len(report.layers) else f", the {rows} worst of {len(report.layers)} layers"
    return f"{Path(report.integer).name}: quantization error by layer, {report.images} images{part}"


def _draw_along(panel: Any, layers: list[LayerError]) -> None:
    panel.set_title("error of the layer's values (SQNR in dB: less is worse)", loc="left", fontsize=10)
    places = [(_clamp(layer.total.sqnr_db), row) for row, layer in enumerate(layers)]
    panel.plot(*zip(*places), "o-", color=BLUE, markersize=5, linewidth=1.2, label="in the whole integer model")
    own = [(_clamp(layer.own.sqnr_db), row) for row, layer in enumerate(layers) if layer.own is not None]
    if own:
        panel.plot(*zip(*own), "D", color=ORANGE, markersize=4.5, linestyle="none", label="this layer alone integer")
    panel.axvline(GOOD_DB, color=RED, linewidth=0.8, linestyle=(0, (4, 3)))
    panel.set_xlim(
        min(0.0, *(place for place, _ in places), *(place for place, _ in own or [(0, 0)])) - 1, _right_end(layers)
    )
    panel.set_xlabel(f"dB; left of the dashed line ({GOOD_DB:.0f} dB) a layer is in trouble")
    ticks = [value for value in range(-10, 81, 10) if panel.get_xlim()[0] <= value <= panel.get_xlim()[1]]
    panel.set_xticks(ticks, ["none" if value == _MOST_DB else str(value) for value in ticks])


def _draw_damage(panel: Any, layers: list[LayerError]) -> None:
    panel.set_title("noise that this layer alone brings into the scores", loc="left", fontsize=10)
    rows = [(row, layer, layer.damage) for row, layer in enumerate(layers) if layer.damage is not None]
    noise = {row: 100 * 10 ** (-damage.sqnr_db / 20) for row, _, damage in rows}
    most = max(noise.values(), default=1.0) or 1.0
    colours = [RED if layer.cause not in ("", "inherited", "fixed") else GREY for _, layer, _ in rows]
    panel.barh(list(noise), list(noise.values()), height=0.6, color=colours)
    for row, layer, damage in rows:
        changed = f", {damage.changed} of {damage.images} answers change" if damage.changed else ""
        cause = f"  ({layer.cause})" if layer.cause else ""
        panel.text(
            noise[row] + most * 0.012, row, f"{_percent(noise[row])}{changed}{cause}", va="center", fontsize=8.5
        )
    panel.set_xlim(0, most * 1.7)
    panel.set_xlabel("% of the scores' own size; red: fix this layer first")


def _percent(value: float) -> str:
    if 0 < value < _LEAST_PERCENT:
        return f"< {_LEAST_PERCENT} %"
    return f"{value:.0f} %" if value >= 10 else f"{value:.2g} %"


def _clamp(decibels: float) -> float:
    return max(-10.0, min(_MOST_DB, decibels))


def _right_end(layers: list[LayerError]) -> float:
    ratios = [layer.total.sqnr_db for layer in layers]
    ratios += [layer.own.sqnr_db for layer in layers if layer.own is not None]
    return max(GOOD_DB, *(_clamp(value) for value in ratios if math.isfinite(value))) + 5
