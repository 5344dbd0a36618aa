"""Shows what the ops of a file cost on a board, beside where they would run with an Edge TPU."""

from __future__ import annotations

from collections.abc import Collection

from rich.console import Group, RenderableType

from edgeready.documents import ProfileRow
from edgeready.quantization.layer_names import name_layers
from edgeready.report.lines import line
from edgeready.workflows.op_costs import OpCosts
from edgeready_device.text import duration, plain

_MOST_OPS = 5  # chosen: the ops that are worth a thought


def costs_view(costs: OpCosts, edgetpu: Collection[int], cpu: Collection[int]) -> RenderableType:
    """Returns what the ops for the Edge TPU take on the CPU now, and what those that stay there take."""
    edgetpu_s, cpu_s = costs.seconds_of(edgetpu), costs.seconds_of(cpu)
    either_s = costs.total_s - edgetpu_s - cpu_s
    lines: list[RenderableType] = [
        line(),
        line(f"on the CPU now ({source_text(costs)}): {duration(costs.total_s)} in all ops"),
    ]
    lines.append(line(f"  for the Edge TPU: {_part(edgetpu_s, costs)}, in {_count(edgetpu)}"))
    lines.append(line(f"  left to the CPU: {_part(cpu_s, costs)}, in {_count(cpu)}", "red" if cpu else "default"))
    rows = costs.profile.rows
    layers = dict(zip((row.ops for row in rows), name_layers([row.layer] for row in rows), strict=True))
    lines.extend(line(f"    {_row(row, layers[row.ops])}") for row in costs.rows_of(cpu)[:_MOST_OPS])
    if either_s > 0:
        lines.append(line(f"  of either: {_part(either_s, costs)}, in kernels that fit several ops"))
    lines.extend(line(f"  note: {plain(note)}") for note in costs.profile.notes)
    return Group(*lines)


def source_text(costs: OpCosts) -> str:
    """Returns where the times are from, in a few words."""
    profile = costs.profile
    threads = "" if profile.threads is None else f", {profile.threads} thread{'s' * (profile.threads != 1)}"
    emulated = ", EMULATED: not a measure of any board" if profile.emulated else ""
    return f"{plain(profile.machine)}, {plain(profile.runtime)}{threads}{emulated}"


def _part(seconds: float, costs: OpCosts) -> str:
    share = 100 * seconds / costs.total_s if costs.total_s else 0.0
    return f"{duration(seconds)} ({share:.1f} %)"


def _count(ops: Collection[int]) -> str:
    return f"{len(ops)} op{'s' * (len(ops) != 1)}"


def _row(row: ProfileRow, layer: str) -> str:
    numbers = "-".join(str(op) for op in sorted({row.ops[0], row.ops[-1]}))
    place = f" of layer {plain(layer)!r}" if row.layer else ""
    return f"op {numbers} {plain(row.operator)}{place}: {duration(row.seconds or 0.0)}"
