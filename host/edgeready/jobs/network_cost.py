"""What networks cost before any training: the bytes of the uint8 model, parameters and multiply-accumulates."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from edgeready.config.networks import network_name


@dataclass(frozen=True, kw_only=True)
class NetworkPlan:
    """A network that could be built: `model` and `alpha` as the options, for frames of a size and `classes`.

    `frame` is (height, width, channels).
    """

    model: str
    frame: tuple[int, ...]
    classes: int
    alpha: float | None = None

    @property
    def name(self) -> str:
        """The network's name with its width."""
        return network_name(self.model.rpartition(":")[2], self.alpha)


@dataclass(frozen=True, kw_only=True)
class NetworkCost:
    """What the network of `plan` costs as a uint8 model; `refusal` says why it cannot be made, "" where it can.

    `model_bytes` is the size of the flatbuffer, converted from random weights: labels, manifest, golden vectors and
    hashes of a finished file come on top. `macs` are the multiply-accumulates of one inference. `cached_bytes` stay
    in the memory of the Edge TPU, `streamed_bytes` are sent to it at each inference. `verdict` is that of the
    readiness rules, `mapped_ops` of `ops` are mapped.
    """

    plan: NetworkPlan
    parameters: int = 0
    model_bytes: int = 0
    macs: int = 0
    cached_bytes: int = 0
    streamed_bytes: int = 0
    mapped_ops: int = 0
    ops: int = 0
    verdict: str = ""
    refusal: str = ""

    @property
    def fits_cache(self) -> bool:
        """Whether all its parameters stay in the memory of the Edge TPU."""
        return not self.refusal and self.streamed_bytes == 0

    def to_dict(self) -> dict[str, Any]:
        """The cost as plain data."""
        values = {name: value for name, value in asdict(self).items() if name != "plan"}
        return {"name": self.plan.name, **asdict(self.plan), **values, "fits_cache": self.fits_cache}


@dataclass(frozen=True, kw_only=True)
class CostJob:
    """The networks whose costs are asked for."""

    plans: tuple[NetworkPlan, ...]


@dataclass(frozen=True, kw_only=True)
class CostResult:
    """The cost of each network of a CostJob, in its order."""

    costs: tuple[NetworkCost, ...]
