"""The modes of one network in one picture: accuracy with its interval, size and latency side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeready.proof.measure import Measured
from edgeready.report.plots.canvas import BLUE, GREEN, GREY, LINE, ORANGE, add_panel, new_figure, plain, save_figure
from edgeready.workflows.modes import ModesReport
from edgeready_device.text import duration

_LOGARITHMIC = 6  # chosen: at larger ratios the fast modes are a single point on a linear axis


def plot_modes(report: ModesReport, path: Path) -> None:
    """Writes the picture to `path`: three panels with a row for each mode that was measured."""
    rows = [(mode.name, measured) for mode, measured in report.measured]
    figure = new_figure(12.5, 1.7 + 0.42 * len(rows), _title(report))
    panels = [add_panel(figure, rows=1, columns=3, number=number) for number in (1, 2, 3)]
    results = [measured for _, measured in rows]
    _draw_accuracy(panels[0], report, results)
    _draw_size(panels[1], report, results)
    _draw_latency(panels[2], results)
    for panel in panels:
        panel.set_ylim(len(rows) - 0.4, -0.6)
        panel.set_yticks(range(len(rows)), [""] * len(rows))
        panel.grid(axis="x", color=LINE, linewidth=0.6)
        panel.set_axisbelow(True)
        panel.tick_params(length=0)
    panels[0].set_yticklabels([name for name, _ in rows])
    save_figure(figure, path)


def _title(report: ModesReport) -> str:
    latency = report.float32.latency
    where = f"{latency.machine.board or latency.machine.processor}, {latency.runtime}"
    return plain(f"{report.network} on {len(report.test):,} test images of {report.test.name}; {where}", 120)


def _draw_accuracy(panel: Any, report: ModesReport, results: list[Measured]) -> None:
    panel.set_title("top-1 accuracy, 95 % interval", loc="left", fontsize=10)
    shares = [measured.accuracy.top1 for measured in results]
    middle = [100 * share.value for share in shares]
    lows, highs = zip(*([100 * end for end in share.interval] for share in shares))
    errors = [[m - low for m, low in zip(middle, lows)], [high - m for m, high in zip(middle, highs)]]
    panel.errorbar(middle, range(len(results)), xerr=errors, fmt="o", color=BLUE, capsize=3, markersize=5)
    panel.axvline(100 * report.float32.accuracy.top1.value, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    span = max(highs) - min(lows)
    panel.set_xlim(min(lows) - 0.08 * span, max(highs) + 0.42 * span)
    for row, (value, high) in enumerate(zip(middle, highs)):
        panel.text(high + 0.03 * span, row, f"{value:.2f} %", va="center", fontsize=9)
    panel.set_xlabel("%; dashed: float32")


def _draw_size(panel: Any, report: ModesReport, results: list[Measured]) -> None:
    panel.set_title("model size", loc="left", fontsize=10)
    sizes = [measured.flatbuffer_bytes / 1000 for measured in results]
    panel.barh(range(len(results)), sizes, height=0.55, color=GREEN)
    for row, (size, measured) in enumerate(zip(sizes, results)):
        text = f"{size:,.1f} kB, 1/{report.smaller(measured):.2f}"
        panel.text(size + 0.015 * max(sizes), row, text, va="center", fontsize=9)
    panel.set_xlim(0, 1.5 * max(sizes))
    panel.set_xlabel("kB; beside it as a part of float32")


def _draw_latency(panel: Any, results: list[Measured]) -> None:
    panel.set_title("latency, one thread", loc="left", fontsize=10)
    summaries = [measured.latency.summary for measured in results]
    medians = [1000 * summary.median_s for summary in summaries]
    ends = [1000 * (summary.median_s if summary.p90_s is None else summary.p90_s) for summary in summaries]
    panel.hlines(range(len(results)), medians, ends, color=ORANGE, linewidth=1.6)
    panel.plot(medians, range(len(results)), "o", color=ORANGE, markersize=6)
    least, most = min(medians), max(ends)
    far = most > _LOGARITHMIC * least
    if far:
        panel.set_xscale("log")
        panel.minorticks_off()
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    for row, (summary, end) in enumerate(zip(summaries, ends)):
        p90 = "" if summary.p90_s is None else f", p90 {duration(summary.p90_s)}"
        where = end * (most / least) ** 0.04 if far else end + 0.03 * most
        panel.text(where, row, f"{duration(summary.median_s)}{p90}", va="center", fontsize=9)
    panel.set_xlim(*((least / 1.5, most * (most / least) ** 0.95) if far else (0, 1.8 * most)))
    panel.set_xlabel("ms; dot: median, line: to the 90th percentile")
