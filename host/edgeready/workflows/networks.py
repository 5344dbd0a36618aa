"""What networks cost, found by converting them untrained."""

from __future__ import annotations

from collections.abc import Sequence

from edgeready.jobs.network_cost import CostJob, CostResult, NetworkCost, NetworkPlan
from edgeready.jobs.run import run_in_child
from edgeready_device.progress import Progress, no_progress


def network_costs(plans: Sequence[NetworkPlan], progress: Progress = no_progress) -> tuple[NetworkCost, ...]:
    """Returns the cost of each of `plans`, in their order; one that cannot be made has the reason in its `refusal`.

    All are converted in one process of TensorFlow: a second or two for each network. Raises MissingExtraError where
    TensorFlow is not installed.
    """
    distinct = tuple(dict.fromkeys(plans))
    if not distinct:
        return ()
    costs = run_in_child(CostJob(plans=distinct), CostResult, progress).costs
    by_plan = {cost.plan: cost for cost in costs}
    return tuple(by_plan[plan] for plan in plans)
