"""Which widths of a family come close to a budget: found by the costs of a few, before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from edgeready.errors import UsageError
from edgeready.jobs.network_cost import NetworkPlan
from edgeready.network_search.limits import Candidate, Limits

_COARSE_WIDTHS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)  # chosen: the costs grow fourfold from one to the next
# Of the width that meets the budget. Chosen: the step of 4 channels makes the first fit as often as not, the third
# has half the weights, for networks that do better with a larger picture than with more channels.
_FACTORS = (1.04, 0.97, 0.9, 0.7)
_WIDTHS_KEPT = 2  # chosen: the widest that fits, and a narrower one
_DIGITS = 2  # of a width; chosen: 0.53 and 0.534 have the same channels in most networks

Frame = tuple[int, int, int]


def coarse_plans(families: Iterable[str], frames: Iterable[Frame], classes: int) -> tuple[NetworkPlan, ...]:
    """Returns the plans from whose costs `fine_plans` knows how a family grows."""
    return tuple(
        NetworkPlan(model=model, frame=frame, classes=classes, alpha=alpha)
        for frame in frames
        for model in families
        for alpha in _COARSE_WIDTHS
    )


def fine_plans(coarse: Sequence[Candidate], limits: Limits) -> tuple[NetworkPlan, ...]:
    """Returns the plans of each family and frame whose widths come close to the budget.

    Raises UsageError where nothing fits, with the smallest candidate.
    """
    plans: list[NetworkPlan] = []
    for group in _by_family(coarse).values():
        possible = [item for item in group if not item.cost.refusal]
        width = _width_that_fits([(_width_of(item), limits.load_of(item)) for item in possible])
        if width is None:
            continue
        first = group[0].cost.plan
        widths = dict.fromkeys(_round_width(width * factor) for factor in _FACTORS)
        plans += [
            NetworkPlan(model=first.model, frame=first.frame, classes=first.classes, alpha=alpha)
            for alpha in widths
            if _COARSE_WIDTHS[0] <= alpha <= _COARSE_WIDTHS[-1]
        ]
    if not plans:
        raise nothing_fits(coarse, limits)
    return tuple(plans)


def choose_candidates(candidates: Sequence[Candidate], limits: Limits) -> tuple[Candidate, ...]:
    """Returns the widest candidates of each family and frame that fit the budget, the nearest to it first.

    Of widths with the same channels the smallest stands for all. Raises UsageError where nothing fits.
    """
    choice: list[Candidate] = []
    for group in _by_family(candidates).values():
        fitting = [item for item in group if not item.cost.refusal and limits.load_of(item) <= 1]
        distinct: dict[tuple[int, int], Candidate] = {}
        for item in sorted(fitting, key=_width_of):
            distinct.setdefault((item.cost.parameters, item.cost.macs), item)
        choice += list(distinct.values())[-_WIDTHS_KEPT:]
    if not choice:
        raise nothing_fits(candidates, limits)
    return tuple(sorted(choice, key=lambda item: (-limits.load_of(item), item.name)))


def nothing_fits(candidates: Sequence[Candidate], limits: Limits) -> UsageError:
    """Returns the error for a budget that no candidate keeps; it names the one that comes nearest."""
    possible = [item for item in candidates if not item.cost.refusal]
    if not possible:
        reasons = list(dict.fromkeys(item.cost.refusal for item in candidates))
        return UsageError(f"no network can be made: {reasons[0]}")
    least = min(possible, key=lambda item: (limits.load_of(item), item.file_bytes))
    ms = "" if least.ms is None else f" and about {least.ms:.3g} ms"
    return UsageError(
        f"no network keeps this budget: the smallest, {least.name}, has {least.file_bytes:,} bytes, "
        f"{least.cost.macs:,} multiply-accumulates{ms}; give more of what it lacks"
    )


def frame_size(candidate: Candidate) -> tuple[int, int]:
    """Returns height and width of the frames of `candidate`."""
    height, width = candidate.cost.plan.frame[:2]
    return height, width


def _by_family(candidates: Iterable[Candidate]) -> Mapping[tuple[str, tuple[int, ...]], list[Candidate]]:
    groups: dict[tuple[str, tuple[int, ...]], list[Candidate]] = {}
    for item in candidates:
        groups.setdefault((item.cost.plan.model, item.cost.plan.frame), []).append(item)
    return groups


def _width_of(candidate: Candidate) -> float:
    return candidate.cost.plan.alpha or 1.0


def _width_that_fits(points: Sequence[tuple[float, float]]) -> float | None:
    """Returns the width at which the load of a family is 1, from (width, load) of some; None where none fits.

    Between two widths the load is taken as a power of the width.
    """
    ordered = sorted(points)
    fitting = [point for point in ordered if point[1] <= 1]
    if not fitting:
        return None
    low = fitting[-1]
    above = [point for point in ordered if point[0] > low[0]]
    if not above or low[1] <= 0:
        return low[0]
    high = above[0]
    share = -math.log(low[1]) / (math.log(high[1]) - math.log(low[1]))
    return float(low[0] * (high[0] / low[0]) ** share)


def _round_width(width: float) -> float:
    return float(f"{width:.{_DIGITS}g}")
