"""The networks by name for people: what each costs, before any training."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType

from edgeready.config.networks import imagenet_source
from edgeready.jobs.network_cost import NetworkCost
from edgeready.report.lines import line
from edgeready.report.tables import new_table
from edgeready.workflows.networks import NetworkList

_COLUMNS = ("network", "params", "bytes", "MACs", "Edge TPU", "ImageNet")
_SOURCES = {"pretrained": "extra", "Keras": "Keras", "": ""}
_LEGEND = (
    "bytes: the uint8 model; a file also has labels, golden vectors and hashes.",
    "Edge TPU: fits, probably (an op is uncertain), the parameters that it cannot",
    "keep (out: sent at each inference), or the ops that it maps.",
    "ImageNet: --weights imagenet are in the extra pretrained, or Keras loads them.",
)


def networks_view(listing: NetworkList) -> RenderableType:
    """Returns a table for each image size, and below them why a network is not in one."""
    parts: list[RenderableType] = []
    for frame in dict.fromkeys(cost.plan.frame for cost in listing.costs):
        costs = [cost for cost in listing.costs if cost.plan.frame == frame]
        height, width, channels = frame
        kind = "grey" if channels == 1 else "RGB"
        parts.append(line(f"{kind} images of {height}x{width}, {costs[0].plan.classes} classes", "bold"))
        parts += [_table(cost for cost in costs if not cost.refusal), line()]
        parts += [line(f"not here: {cost.refusal}") for cost in costs if cost.refusal]
    return Group(*parts, *map(line, _LEGEND))


def _table(costs: Iterable[NetworkCost]) -> RenderableType:
    table = new_table(*_COLUMNS)
    for cost in costs:
        source = imagenet_source(cost.plan.model, cost.plan.alpha)
        figures = (_short(cost.parameters), f"{cost.model_bytes:,}", _short(cost.macs))
        table.add_cells(cost.plan.name, *figures, _on_edgetpu(cost), _SOURCES[source])
    return table


def _on_edgetpu(cost: NetworkCost) -> str:
    if cost.mapped_ops < cost.ops:
        return f"{cost.mapped_ops} of {cost.ops}"
    if not cost.fits_cache:
        return f"{100 * cost.streamed_bytes / (cost.cached_bytes + cost.streamed_bytes):.0f} % out"
    return "probably" if cost.verdict == "probably ready" else "fits"


def _short(count: int) -> str:
    """Returns `count` in thousands or millions: "93 k", "3.5 M", "4,089 M"."""
    if count < 1_000_000:
        return f"{count / 1000:.0f} k"
    return f"{count / 1e6:.1f} M" if count < 10_000_000 else f"{count / 1e6:,.0f} M"
