"""Candidates as a search has them, made of figures, and searches of which nothing is trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgeready.config.search import BudgetConfig
from edgeready.dataset import Dataset, Splits
from edgeready.jobs.network_cost import NetworkCost, NetworkPlan
from edgeready.network_search.halving import Trial
from edgeready.network_search.limits import Candidate, Limits
from edgeready.network_search.result import Final, SearchPlan, SearchResult


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


def part(count: int) -> Dataset:
    images = np.random.default_rng(count).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return Dataset(name="pets", images=images, labels=np.arange(count) % 2, classes=("cat", "dog"))


def result(folder: Path, *, excess: int = 0, left_out: str = "") -> SearchResult:
    """A search of three candidates, of which two were trained to the end; the better is `excess` bytes too large."""
    wide, narrow, deep = (
        candidate(alpha=0.6, model_bytes=12_000, macs=2_000_000),
        candidate(alpha=0.5, model_bytes=9_000),
        candidate("deep-resnet", 0.2, model_bytes=8_000, macs=500),
    )
    trials = (
        Trial(candidate=wide, epochs=3, accuracy=0.8, seconds=10.0),
        Trial(candidate=narrow, epochs=3, accuracy=0.75, seconds=9.0),
        Trial(candidate=deep, epochs=3, failure="the loss is nan"),
        Trial(candidate=wide, epochs=10, accuracy=0.9, seconds=30.0),
        Trial(candidate=narrow, epochs=10, accuracy=0.85, seconds=29.0),
    )
    finals = (
        final(folder, wide, validation=0.93, size_bytes=22_000 + excess, excess=excess),
        final(folder, narrow, validation=0.88, size_bytes=19_000, doubts=("it is no better than a guess",)),
    )
    return SearchResult(
        folder=folder,
        plan=SearchPlan(
            budget=BudgetConfig(max_size=22_000), candidates=(wide, narrow, deep), classes=("cat", "dog")
        ),
        trials=trials,
        front=trials[3:],
        finals=finals,
        left_out=left_out,
        splits=Splits(train=part(6), calibration=part(4), test=part(8)),
    )


def final(folder: Path, network: Candidate, **figures) -> Final:
    values = {"float32": 0.91, "uint8": 0.905, "seconds": 90.0, **figures}
    return Final(name=network.name, file=str(folder / f"{network.name}.tflite"), **values)
