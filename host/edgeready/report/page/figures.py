"""Figures as a reader sees them, and the plots: inline SVG without a script."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgeready.documents import Share
from edgeready.report.page.markup import NOTHING, Markup, element, join

NO_FIGURE = "\u2013"  # a dash
_WIDTH, _HEIGHT = 360, 210  # of a curve, in its own units; chosen: legible on a telephone, where they are pixels
_MOST_POINTS = 500  # of a line; chosen: more than its pixels
_DOT = {"width": "6", "height": "6"}
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 10, 28


def percent(value: float | None, digits: int = 2) -> str:
    """Returns a share from 0 to 1 in percent; a dash where there is no figure."""
    return NO_FIGURE if value is None else f"{100 * value:.{digits}f} %"


def interval(share: Share | None) -> str:
    """Returns the 95 % interval of a share in percent."""
    if share is None or share.low is None or share.high is None:
        return NO_FIGURE
    return f"{100 * share.low:.2f} to {100 * share.high:.2f}"


def count(value: int | None, unit: str = "") -> str:
    """Returns a whole number with its unit."""
    return NO_FIGURE if value is None else f"{value:,} {unit}".rstrip()


def decibels(value: float | None) -> str:
    """Returns a ratio in decibels; "exact" where there is no noise."""
    if value is None:
        return NO_FIGURE
    return f"{value:.1f} dB" if math.isfinite(value) else "exact" if value > 0 else "lost"


def bar(value: float | None, largest: float, *, label: str, second: bool = False) -> Markup:
    """Returns a bar of the length `value` out of `largest`; `label` is what a screen reader says."""
    if value is None or not largest > 0:
        return NOTHING
    width = max(0.0, min(100.0, 100 * value / largest))
    track = element("rect", class_="track", width="100", height="10")
    ink = element("rect", class_="orange" if second else "blue", width=f"{width:.2f}", height="10")
    return element("svg", track, ink, class_="bar", viewBox="0 0 100 10", preserveAspectRatio="none", **_say(label))


def whisker(share: Share, low: float, high: float, *, label: str) -> Markup:
    """Returns a share with its interval on a scale from `low` to `high`."""
    if share.value is None or not high > low:
        return NOTHING

    def place(value: float) -> float:
        return max(0.0, min(100.0, 100 * (value - low) / (high - low)))

    first, last = (
        place(share.value if share.low is None else share.low),
        place(share.value if share.high is None else share.high),
    )
    parts = (
        element("rect", class_="track", width="100", height="10"),
        element("rect", class_="orange", x=f"{first:.2f}", y="4", width=f"{max(last - first, 0.5):.2f}", height="2"),
        element("rect", class_="blue", x=f"{max(place(share.value) - 1, 0):.2f}", width="2", height="10"),
    )
    return element("svg", *parts, class_="bar", viewBox="0 0 100 10", preserveAspectRatio="none", **_say(label))


def curve(
    title: str,
    lines: Sequence[tuple[str, Sequence[float | None]]],
    *,
    percent_scale: bool = False,
    mark: int | None = None,
) -> Markup:
    """Returns a plot of at most two `lines` over the epochs, from 1, with a legend; a gap stays a gap.

    With `percent_scale` the values are shares, shown in percent; the epoch `mark` has a line from top to bottom.
    """
    values = [value for _, line in lines for value in line if value is not None]
    if not values:
        return NOTHING
    steps = max(len(line) for _, line in lines)
    low, high = (min(values), max(values)) if percent_scale else (min(0.0, *values), max(values))
    if not high > low:
        low, high = low - 0.5, high + 0.5

    def point(step: int, value: float) -> str:
        return f"{_column(step, steps):.1f},{_row(value, low, high):.1f}"

    stride = math.ceil(steps / _MOST_POINTS)
    polylines = [
        element("polyline", points=" ".join(points), class_=style)
        for (_, line), style in zip(lines, ("first", "second"))
        for points in _runs(
            [
                None if value is None else point(step, value)
                for step, value in enumerate(line)
                if step % stride == 0 or step == len(line) - 1
            ]
        )
    ]
    axes = _axes(steps, low, high, percent_scale)
    if mark is not None and 1 <= mark <= steps:
        x = f"{_column(mark - 1, steps):.1f}"
        axes.append(element("line", class_="mark", x1=x, x2=x, y1=str(_TOP), y2=str(_HEIGHT - _BOTTOM)))
    plot = element("svg", *axes, *polylines, class_="curve", viewBox=f"0 0 {_WIDTH} {_HEIGHT}", **_say(title))
    return _figure(title, [label for label, _ in lines], plot)


def scatter(
    title: str, groups: Sequence[tuple[str, Sequence[tuple[float, float] | None]]], *, mark: float | None = None
) -> Markup:
    """Returns a plot of at most two `groups` of points (a figure, a share), with a legend.

    The figure `mark` has a line from top to bottom.
    """
    points = [point for _, group in groups for point in group if point is not None]
    if not points:
        return NOTHING
    places = [x for x, _ in points] + ([] if mark is None else [mark])
    left, right = min(0.0, *places), max(places) * 1.05 or 1.0
    low, high = min(y for _, y in points), max(y for _, y in points)
    low, high = (low, high) if high > low else (low - 0.05, high + 0.05)

    def column(x: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (x - left) / (right - left)

    axes = _share_axis(low, high)
    for x in (left, (left + right) / 2, right):
        anchor = "end" if x == right else "middle"
        axes.append(element("text", f"{x:,.4g}", x=f"{column(x):.1f}", y=str(_HEIGHT - 10), text_anchor=anchor))
    if mark is not None:
        x_mark = f"{column(mark):.1f}"
        axes.append(element("line", class_="mark", x1=x_mark, x2=x_mark, y1=str(_TOP), y2=str(_HEIGHT - _BOTTOM)))
    dots = [
        element("rect", class_=style, x=f"{column(x) - 3:.1f}", y=f"{_row(y, low, high) - 3:.1f}", **_DOT)
        for (_, group), style in zip(groups, ("blue", "orange"))
        for x, y in filter(None, group)
    ]
    plot = element("svg", *axes, *dots, class_="curve", viewBox=f"0 0 {_WIDTH} {_HEIGHT}", **_say(title))
    return _figure(title, [label for label, _ in groups], plot)


def _figure(title: str, labels: Sequence[str], plot: Markup) -> Markup:
    """Returns a plot below its title and its legend."""
    keys = [
        element("span", element("span", class_=f"key {style}"), label, " ")
        for label, style in zip(labels, ("first", "second"))
    ]
    return element("figure", element("figcaption", title, ": ", *keys), plot, style="margin:0")


def _share_axis(low: float, high: float) -> list[Markup]:
    return _axes(1, low, high, percent_scale=True)[:6]  # without the epochs


def _axes(steps: int, low: float, high: float, percent_scale: bool) -> list[Markup]:
    marks = []
    for value in (low, (low + high) / 2, high):
        y = f"{_row(value, low, high):.1f}"
        text = f"{100 * value:.1f} %" if percent_scale else f"{value:.3g}"
        marks.append(element("line", class_="grid", x1=str(_LEFT), x2=str(_WIDTH - _RIGHT), y1=y, y2=y))
        marks.append(element("text", text, x=str(_LEFT - 5), y=y, text_anchor="end", dominant_baseline="middle"))
    for step in sorted({0, (steps - 1) // 2, steps - 1}):
        anchor = "end" if step and step == steps - 1 else "middle"
        x = f"{_column(step, steps):.1f}"
        marks.append(element("text", str(step + 1), x=x, y=str(_HEIGHT - 10), text_anchor=anchor))
    return marks


def _runs(points: Sequence[str | None]) -> list[list[str]]:
    """Returns the points in runs without a gap; a point alone is drawn twice, which makes a dot of a line."""
    runs: list[list[str]] = [[]]
    for point in points:
        if point is None:
            runs.append([])
        else:
            runs[-1].append(point)
    return [run if len(run) > 1 else run * 2 for run in runs if run]


def _column(step: int, steps: int) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (step / (steps - 1) if steps > 1 else 0.5)


def _row(value: float, low: float, high: float) -> float:
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - (value - low) / (high - low))


def _say(label: str) -> dict[str, str]:
    return {"role": "img", "aria_label": label}


def verdict(text: str, *, good: bool, doubt: bool = False) -> Markup:
    """Returns a verdict in its colour; the words say it, too."""
    return element("span", text, class_="warn" if doubt else "good" if good else "bad")


def paragraphs(texts: Sequence[str]) -> Markup:
    """Returns a list of sentences."""
    return element("ul", *(element("li", text) for text in texts)) if texts else join(())
