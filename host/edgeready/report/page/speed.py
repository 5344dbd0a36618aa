"""Sizes, boards side by side with their verdicts, and what each op costs."""

from __future__ import annotations

from collections.abc import Sequence

from edgeready.documents import Profile, Size, Speed, SpeedComparison
from edgeready.quantization.layer_names import name_layers
from edgeready.report.page.figures import NO_FIGURE, bar, count, paragraphs, percent, verdict
from edgeready.report.page.markup import NOTHING, Markup, element, join, name
from edgeready.report.page.tables import BAR, NAME, WORD, Column, columns, table
from edgeready_device.text import duration, megabytes

_MOST_OPS = 40  # chosen: what comes after is a small part of the time


def size_section(parts: Sequence[Size]) -> Markup:
    """Returns the bytes of each file."""
    largest = max((_bytes(part) or 0 for part in parts), default=0)
    head = (
        Column(title="model", kind=NAME),
        Column(title="mode", kind=WORD),
        Column(title="", kind=BAR),
        *columns("model alone", "whole file"),
    )
    rows = [
        (
            name(part.model),
            part.mode,
            bar(_bytes(part), largest, label=count(_bytes(part), "bytes"), second=part.mode == "float32"),
            count(part.flatbuffer_bytes, "B"),
            count(part.size_bytes, "B"),
        )
        for part in parts
    ]
    note = "The whole file has labels, golden vectors and the manifest, too."
    return join((table(head, rows, stacked=True), element("p", note, class_="note")))


def speed_section(parts: Sequence[Speed]) -> Markup:
    """Returns the machines side by side, with the verdict on each measurement and its reasons."""
    largest = max((part.median_s or 0.0 for part in parts), default=0.0)
    head = (
        *columns("machine", "model", kind=NAME),
        *columns("mode", "verdict", kind=WORD),
        Column(title="", kind=BAR),
        *columns("median", "p90", "runs"),
        Column(title="runtime", kind=NAME),
        *columns("threads", "memory"),
        Column(title="system", kind=NAME),
    )
    return join((table(head, [_speed_row(part, largest) for part in parts], stacked=True), _reasons(parts)))


def comparison_section(parts: Sequence[SpeedComparison]) -> Markup:
    """Returns which of two measurements is shown to be slower, with what else differs between them."""
    head = (
        *columns("first", "second", kind=NAME),
        *columns("median", "then", "difference in %", "with 99 % confidence"),
        Column(title="verdict on the second", kind=WORD),
    )
    remarks = [f"{part.first}, {part.second}: {text}" for part in parts for text in part.remarks]
    rows = [_comparison_row(part) for part in parts]
    return join((table(head, rows, stacked=True), paragraphs(remarks)))


def _comparison_row(part: SpeedComparison) -> tuple[str, ...]:
    low, high = part.low_percent, part.high_percent
    return (
        name(part.first),
        name(part.second),
        NO_FIGURE if part.first_s is None else duration(part.first_s),
        NO_FIGURE if part.second_s is None else duration(part.second_s),
        NO_FIGURE if part.percent is None else f"{part.percent:+.2f}",
        NO_FIGURE if low is None or high is None else f"{low:+.2f} to {high:+.2f}",
        verdict(part.verdict, good=part.passed, doubt=part.verdict == "not judged"),
    )


def profile_section(parts: Sequence[Profile]) -> Markup:
    """Returns the ops of each profile, the slowest first."""
    return join(_profile(part) for part in parts)


def _bytes(part: Size) -> int | None:
    return part.size_bytes if part.flatbuffer_bytes is None else part.flatbuffer_bytes


def _speed_row(part: Speed, largest: float) -> tuple[str, ...]:
    median = NO_FIGURE if part.median_s is None else duration(part.median_s)
    runtime, threads = part.runtime, part.threads
    return (
        name(part.machine),
        name(part.model) if part.model else "",
        part.mode,
        verdict(part.verdict, good=part.verdict == "steady", doubt=part.verdict in ("NOT STEADY", "not judged")),
        bar(part.median_s, largest, label=median, second=part.mode == "float32"),
        median,
        NO_FIGURE if part.p90_s is None else duration(part.p90_s),
        count(part.runs),
        name(runtime) if runtime else "",
        count(threads),
        NO_FIGURE if part.memory_bytes is None else megabytes(part.memory_bytes),
        name(part.system) if part.system else "",
    )


def _reasons(parts: Sequence[Speed]) -> Markup:
    lines = []
    for part in parts:
        place = f"{part.machine}, {part.mode}: " if part.mode else f"{part.machine}: "
        if part.failure:
            lines.append(f"{place}{part.failure}")
        elif part.emulated:
            lines.append(f"{place}measured under emulation, which is no measure of any board")
        for doubt in part.doubts:
            advice = f"; {doubt.advice}" if doubt.advice else ""
            lines.append(f"{place}{doubt.kind}: {doubt.detail}{advice}")
    return paragraphs(tuple(dict.fromkeys(lines)))


def _profile(part: Profile) -> Markup:
    rows = part.rows[:_MOST_OPS]
    largest = max((row.share or 0.0 for row in rows), default=0.0)
    layers = name_layers(
        [row.layer] for row in part.rows
    )  # as `layers` calls them: the file has the names of tensors
    head = (
        Column(title="op"),
        *columns("operator", "layer", kind=NAME),
        Column(title="", kind=BAR),
        *columns("share of the ops", "time"),
        Column(title="kernel", kind=WORD),
    )
    lines = [
        (
            _op_numbers(row.ops),
            name(row.operator),
            name(layer) if row.layer else "",
            bar(row.share, largest, label=percent(row.share, 1)),
            percent(row.share, 1),
            NO_FIGURE if row.seconds is None else duration(row.seconds),
            row.kernel,
        )
        for row, layer in zip(rows, layers)
    ]
    left = len(part.rows) - len(rows)
    note = element("p", f"{left:,} more ops take less time.", class_="note") if left else NOTHING
    title = element("h3", name(part.model), " on ", name(part.machine))
    warnings = ("measured under emulation, which is no measure of any board",) if part.emulated else ()
    return join((title, _profile_facts(part), table(head, lines), note, paragraphs((*warnings, *part.notes))))


def _profile_facts(part: Profile) -> Markup:
    facts = [part.runtime, f"threads: {count(part.threads)}"]
    if part.run_s is not None and part.sum_s is not None and part.run_s > 0:
        share = percent(part.sum_s / part.run_s, 1)
        facts.append(f"a run without the profiler takes {duration(part.run_s)}, of which the ops are {share}")
    return element("p", ", ".join(fact for fact in facts if fact), class_="note")


def _op_numbers(ops: Sequence[int]) -> str:
    """Returns the number of an op, or the first and the last of those that it may be."""
    if not ops:
        return NO_FIGURE
    return str(ops[0]) if len(ops) == 1 else f"{ops[0]} to {ops[-1]}"
