"""One step of integer quantization in a child process: observe a float32 model, or make it integer."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgeready.config.engine import TENSORFLOW
from edgeready.config.method import Method
from edgeready.quantization.samples import Samples


@dataclass(frozen=True, kw_only=True, eq=False)
class QuantizeJob:
    """`model` to be made integer in `mode`, with ranges from `samples`; without `samples` it has its ranges already.

    `observe_only` stops after the ranges. `method` needs `samples`. `engine` is LITERT or TENSORFLOW.
    """

    model: bytes = field(repr=False)
    mode: str
    samples: Samples | None = None
    observe_only: bool = False
    method: Method = field(default_factory=Method)
    engine: str = TENSORFLOW


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """`calibrated` is the float32 model with its ranges, `model` the integer one; empty where not asked for."""

    calibrated: bytes = field(default=b"", repr=False)
    model: bytes = field(default=b"", repr=False)
