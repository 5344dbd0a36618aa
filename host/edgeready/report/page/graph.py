"""Readiness op by op with the reasons, and the error that quantization makes in each layer."""

from __future__ import annotations

from collections.abc import Sequence

from edgeready.documents import Cause, LayerErrors, LayerRow, OpRow, Readiness
from edgeready.report.page.figures import NO_FIGURE, bar, count, decibels, paragraphs, percent, verdict
from edgeready.report.page.markup import NOTHING, Markup, element, join, name
from edgeready.report.page.tables import BAR, NAME, TEXT, WORD, Column, columns, table
from edgeready_device.text import duration

_MOST_OPS = 300  # chosen: DenseNet-121 has 430, and what is left out of it is mapped
_MOST_CAUSES = 30  # chosen: who mends that many checks again
_MOST_LAYERS = 40  # chosen as the plots' limit; the document has all of them


def readiness_section(parts: Sequence[Readiness]) -> Markup:
    """Returns the verdict on each file, what keeps ops off the Edge TPU, the cost, and every op."""
    note = element(
        "p",
        "Edge-TPU ready is a prediction from the file alone; only Google's compiler proves it.",
        class_="note",
    )
    blocks = [_readiness(part) for part in parts if not part.mode]
    return join((note, element("div", *blocks, class_="side"))) if blocks else NOTHING


def layers_section(parts: Sequence[LayerErrors]) -> Markup:
    """Returns the layers of each pair of files, the one that hurts most first, with the remedies."""
    return join(_layers(part) for part in parts)


def share_text(part: Readiness) -> str:
    """Returns how many ops are mapped, in words."""
    if part.mapped is None or part.total is None:
        return ""
    return f"{part.mapped:,} of {part.total:,} ops mapped"


def readiness_verdict(part: Readiness) -> Markup:
    """Returns the verdict on a file in its colour."""
    return verdict(part.verdict, good=part.verdict == "ready", doubt=part.verdict == "probably ready")


def _readiness(part: Readiness) -> Markup:
    by, left = " by the compiler" if part.log else "", len(part.causes) - _MOST_CAUSES
    facts = [text for text in (f"{share_text(part)}{by}" if share_text(part) else "", *_cost(part)) if text]
    causes = [_cause(cause) for cause in part.causes[:_MOST_CAUSES]]
    if left > 0:
        causes.append(element("p", f"{left:,} more causes are left out.", class_="note"))
    title, text = element("h3", name(part.model)), [": ", ", ".join(facts)] if facts else []
    verdict_line = element("p", readiness_verdict(part), *text)
    return element("section", title, verdict_line, *causes, paragraphs(part.notes), _ops_table(part.ops))


def _cost(part: Readiness) -> list[str]:
    facts = []
    if part.macs is not None:
        share = "" if part.share is None else f", {percent(part.share, 1)} on the Edge TPU"
        facts.append(f"{part.macs:,} multiply-accumulates{share}")
    if part.parameter_bytes is not None:
        facts.append(f"{part.parameter_bytes:,} parameter bytes")
    if part.streamed_bytes:
        facts.append(f"{part.streamed_bytes:,} of them sent at each inference")
    if part.times is not None and part.times.total_s is not None and part.times.cpu_s is not None:
        times = f"{duration(part.times.total_s)} on {part.times.machine}"
        facts.append(f"its ops take {times}, of which those for the CPU {duration(part.times.cpu_s)}")
    if part.packages:
        facts.append(f"compiled, {part.packages} Edge TPU ops")
    return facts


def _cause(cause: Cause) -> Markup:
    doubt = "uncertain, " if cause.uncertain else ""
    return element(
        "div",
        element("p", element("strong", f"{doubt}{cause.rule}: "), cause.detail),
        element("p", "where: ", name(cause.place), class_="note"),
        element("p", f"remedy: {cause.remedy}"),
        class_="cause warn" if cause.uncertain else "cause",
    )


def _ops_table(ops: Sequence[OpRow]) -> Markup:
    if not ops:
        return NOTHING
    # The ops that need a reader's eye are never those that are left out.
    ordered = sorted(ops, key=lambda op: (op.target == "edgetpu" and not op.uncertain, op.index))[:_MOST_OPS]
    rows = [
        (str(op.index), name(op.name), _target(op), op.rule, op.detail)
        for op in sorted(ordered, key=lambda op: op.index)
    ]
    head = (
        Column(title="op"),
        Column(title="operator", kind=NAME),
        Column(title="runs on", kind=WORD),
        Column(title="rule", kind=WORD),
        Column(title="reason", kind=TEXT),
    )
    left = len(ops) - len(rows)
    note = element("p", f"{left:,} more ops, all of them mapped, are left out.", class_="note") if left else NOTHING
    return join((table(head, rows), note))


def _target(op: OpRow) -> Markup:
    if op.uncertain:
        return verdict("uncertain", good=False, doubt=True)
    return element("span", "Edge TPU") if op.target == "edgetpu" else verdict("CPU", good=False)


def _layers(part: LayerErrors) -> Markup:
    rows = part.layers[:_MOST_LAYERS]
    title = element("h3", name(part.integer), " against ", name(part.float32))
    text = (
        f"On {count(part.images)} images the scores have a signal-to-noise ratio of {decibels(part.scores_db)}, and "
        f"{count(part.changed)} answers change."
    )
    head = (
        Column(title="layer", kind=NAME),
        Column(title="op", kind=WORD),
        Column(title="", kind=BAR),
        *columns("share of the noise", "of the time", "answers changed", "alone", "in the whole model"),
        Column(title="cause", kind=NAME),
    )
    left = len(part.layers) - len(rows)
    note = element("p", f"{left:,} more layers, which do less, are left out.", class_="note") if left else NOTHING
    remedies = [
        element("li", name(layer.layer), f": {layer.remedy}")
        for layer in rows
        if layer.remedy and layer.cause not in ("", "inherited")
    ]
    cures = join((element("h3", "What helps"), element("ul", *remedies))) if remedies else NOTHING
    largest = max((layer.share or 0.0 for layer in rows), default=0.0)
    lines = [_layer_row(layer, largest) for layer in rows]
    return join((title, element("p", text), table(head, lines), note, cures))


def _layer_row(layer: LayerRow, largest: float) -> tuple[str, ...]:
    share = percent(layer.share, 0)
    return (
        name(layer.layer),
        layer.kind.lower(),
        bar(layer.share, largest, label=share),
        share,
        percent(layer.time_share, 1),
        NO_FIGURE if layer.changed is None else f"{layer.changed:,}",
        decibels(layer.own_db),
        decibels(layer.total_db),
        layer.cause,
    )
