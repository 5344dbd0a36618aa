"""What a candidate costs as a finished file, and how much of a budget that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgeready.config.search import BudgetConfig
from edgeready.jobs.network_cost import NetworkCost
from edgeready.readiness.cost import CACHE_BYTES

# What a finished file has beside the flatbuffer of the network, with one golden vector and without image hashes.
# Fitted to six files of 16 ops for 28x28 pixels, met within 500 bytes: TFLite metadata, manifest and ZIP; for
# each op the range of its result in the manifest; a golden vector that does not get smaller.
_FILE_BYTES, _OP_BYTES = 4_000, 100
_LABEL_COPIES = 2  # labels.txt, and the metadata


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A network that may be the best: what it costs, the bytes of its finished file, and its estimated latency."""

    cost: NetworkCost
    file_bytes: int
    ms: float | None = None

    @property
    def name(self) -> str:
        """Network, width and frame: "small-resnet-0.5-32x32"."""
        height, width = self.cost.plan.frame[:2]
        return f"{self.cost.plan.name}-{height}x{width}"

    @property
    def cache_share(self) -> float:
        """The share of the Edge TPU's memory that its parameters take; above 1 some are sent at each inference."""
        return (self.cost.cached_bytes + self.cost.streamed_bytes) / CACHE_BYTES

    def to_dict(self) -> dict[str, Any]:
        """The candidate as plain data."""
        return {
            **self.cost.to_dict(),
            "name": self.name,
            "network": self.cost.plan.name,
            "file_bytes": self.file_bytes,
            "estimated_ms": self.ms,
        }


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of a budget; `ms_per_mac` is what a board takes for a multiply-accumulate."""

    budget: BudgetConfig
    ms_per_mac: float | None = None

    def candidate_of(self, cost: NetworkCost, classes: Sequence[str]) -> Candidate:
        """Returns the candidate of `cost` that tells `classes` apart."""
        ms = None if self.ms_per_mac is None else cost.macs * self.ms_per_mac
        return Candidate(cost=cost, file_bytes=estimate_file_bytes(cost, classes), ms=ms)

    def load_of(self, candidate: Candidate) -> float:
        """Returns the largest share of a limit that `candidate` takes; it fits up to 1."""
        budget, loads = self.budget, [0.0]
        if budget.max_size is not None:
            loads.append(candidate.file_bytes / budget.max_size)
        if budget.max_macs is not None:
            loads.append(candidate.cost.macs / budget.max_macs)
        if budget.max_ms is not None and candidate.ms is not None:
            loads.append(candidate.ms / budget.max_ms)
        if budget.fits_cache:
            loads.append(candidate.cache_share)
        return max(loads)


def estimate_file_bytes(cost: NetworkCost, classes: Sequence[str]) -> int:
    """Returns the bytes of the finished file of `cost` with one golden vector and without image hashes."""
    height, width, channels = cost.plan.frame
    labels = sum(len(name.encode()) + 1 for name in classes)
    return cost.model_bytes + _FILE_BYTES + _OP_BYTES * cost.ops + height * width * channels + _LABEL_COPIES * labels
