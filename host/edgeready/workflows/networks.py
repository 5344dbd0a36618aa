"""The networks by name with what each costs: from the table where it has them, else converted untrained."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from edgeready.config.networks import IMAGENET_WIDTHS, NETWORKS, SMALL_NETWORKS, imagenet_source
from edgeready.errors import UsageError
from edgeready.jobs.network_cost import CostJob, CostResult, NetworkCost, NetworkPlan
from edgeready.jobs.run import run_in_child
from edgeready_device.progress import Progress, no_progress

CLASSES = 10  # of the table; chosen: as many as the named sets have, and another number changes the last layer only
# Pixels. Chosen: small networks are shown for pictures as CIFAR-10 has them, the others for those of their weights.
_SMALL_SIZE, _BACKBONE_SIZE = (32, 32), (224, 224)
_TABLE = Path(__file__).with_name("network_costs.csv")
_MOST_SIZE = 1024  # pixels; chosen: 20 times the multiplications of 224 pixels, for which no board has the time
# Networks in one process. Chosen: TensorFlow keeps what it has converted, a gigabyte for so many large ones.
_AT_ONCE = 12
_MOST_CLASSES = 100_000  # chosen: five times those of ImageNet-21k
_FIGURES = [field.name for field in fields(NetworkCost) if field.name != "plan"]


@dataclass(frozen=True, kw_only=True)
class NetworkList:
    """The networks by name, each with its cost."""

    costs: tuple[NetworkCost, ...]

    def to_dict(self) -> dict[str, Any]:
        """The networks as plain data."""
        sources = [imagenet_source(cost.plan.model, cost.plan.alpha) for cost in self.costs]
        return {
            "networks": [
                {**cost.to_dict(), "imagenet": source or None}
                for cost, source in zip(self.costs, sources, strict=True)
            ]
        }


def list_networks(
    image_size: tuple[int, int] | None = None,
    *,
    channels: int = 3,
    classes: int = CLASSES,
    progress: Progress = no_progress,
) -> NetworkList:
    """Returns all networks by name for images of a size, by default the usual one of each network.

    Raises UsageError for a size, channels or classes that cannot be meant, MissingExtraError where the table lacks
    them and TensorFlow is not installed.
    """
    if channels not in (1, 3):
        raise UsageError(f"channels is {channels}: use 1 (grey) or 3 (RGB)")
    if image_size is not None and not 1 <= min(image_size) <= max(image_size) <= _MOST_SIZE:
        height, width = image_size
        raise UsageError(f"--image-size is {height}x{width}: use 1 to {_MOST_SIZE} pixels")
    if not 2 <= classes <= _MOST_CLASSES:
        raise UsageError(f"--classes is {classes}: use 2 to {_MOST_CLASSES} classes")
    return NetworkList(costs=network_costs(plans_of(image_size, channels, classes), progress))


def plans_of(image_size: tuple[int, int] | None, channels: int, classes: int) -> tuple[NetworkPlan, ...]:
    """Returns a plan for each network by name in each of its usual widths."""
    return tuple(
        NetworkPlan(
            model=name,
            alpha=None if alpha == 1 else alpha,
            frame=(*(image_size or (_SMALL_SIZE if name in SMALL_NETWORKS else _BACKBONE_SIZE)), channels),
            classes=classes,
        )
        for name in NETWORKS
        for alpha in IMAGENET_WIDTHS.get(name, (None,))
    )


def network_costs(plans: Sequence[NetworkPlan], progress: Progress = no_progress) -> tuple[NetworkCost, ...]:
    """Returns the cost of each of `plans`, in their order; one that cannot be made has the reason in its `refusal`.

    What the table lacks is converted, by TensorFlow in another process: a second or two for each network. Raises
    MissingExtraError where TensorFlow is not installed.
    """
    costs = dict(table_costs())
    missing = tuple(dict.fromkeys(plan for plan in plans if plan not in costs))
    if missing:
        costs |= {cost.plan: cost for cost in convert_all(missing, progress)}
    return tuple(costs[plan] for plan in plans)


def convert_all(plans: tuple[NetworkPlan, ...], progress: Progress = no_progress) -> tuple[NetworkCost, ...]:
    """Returns the cost of each of `plans` as its conversion shows it, without a look into the table."""
    costs: list[NetworkCost] = []
    for start in range(0, len(plans), _AT_ONCE):

        def tell(stage: str, done: int, total: int, *, before: int = start) -> None:
            progress(stage, before + done, len(plans))

        costs += run_in_child(CostJob(plans=plans[start : start + _AT_ONCE]), CostResult, tell).costs
    return tuple(costs)


@cache
def table_costs() -> dict[NetworkPlan, NetworkCost]:
    """Returns the costs in the table, which `python -m edgeready.workflows.networks` writes."""
    return {cost.plan: cost for cost in read_table(_TABLE.read_text("utf-8"))}


def read_table(text: str) -> list[NetworkCost]:
    """Returns the costs in a table that `write_table` wrote."""
    costs = []
    for row in csv.DictReader(io.StringIO(text)):
        plan = NetworkPlan(
            model=row["model"],
            alpha=float(row["alpha"]) if row["alpha"] else None,
            frame=(int(row["height"]), int(row["width"]), int(row["channels"])),
            classes=int(row["classes"]),
        )
        texts = ("verdict", "refusal")
        figures: dict[str, Any] = {name: row[name] if name in texts else int(row[name]) for name in _FIGURES}
        costs.append(NetworkCost(plan=plan, **figures))
    return costs


def write_table(costs: Iterable[NetworkCost]) -> str:
    """Returns `costs` as CSV, a line each."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["model", "alpha", "height", "width", "channels", "classes", *_FIGURES])
    for cost in costs:
        plan = cost.plan
        alpha = "" if plan.alpha is None else f"{plan.alpha:g}"
        table.writerow([plan.model, alpha, *plan.frame, plan.classes, *(getattr(cost, name) for name in _FIGURES)])
    return text.getvalue()


if __name__ == "__main__":
    sys.stdout.write(write_table(convert_all(plans_of(None, 3, CLASSES))))
