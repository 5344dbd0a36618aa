"""Candidates as a search has them, made of figures, and searches of which nothing is trained."""

from __future__ import annotations

from edgeready.config.search import BudgetConfig
from edgeready.jobs.network_cost import NetworkCost, NetworkPlan
from edgeready.search.limits import Candidate, Limits


def candidate(
    name: str = "small-resnet",
    alpha: float = 0.5,
    *,
    size: int = 32,
    model_bytes: int = 10_000,
    macs: int = 1_000_000,
    cached: int = 8_000,
    refusal: str = "",
    limits: Limits | None = None,
) -> Candidate:
    """A candidate whose parameters follow its bytes."""
    plan = NetworkPlan(model=name, frame=(size, size, 3), classes=2, alpha=alpha)
    cost = NetworkCost(
        plan=plan,
        parameters=model_bytes // 2,
        model_bytes=model_bytes,
        macs=macs,
        cached_bytes=cached,
        ops=10,
        mapped_ops=10,
        refusal=refusal,
    )
    return (limits or Limits(budget=BudgetConfig(max_size=1_000_000))).candidate_of(cost, ("cat", "dog"))
