"""A network from any source but Keras 3: a frozen function, or a float32 .tflite."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edgeready.engine.float_model import FloatSource
from edgeready.quantization.source_check import Reference
from edgeready_device.normalization import Normalization


@dataclass(frozen=True, kw_only=True)
class Network:
    """A trained network: a concrete `function` with batch 1 and without variables, or the .tflite `float32`.

    `normalization` and `color` are what its file says of its pixels; None where it says nothing. `reference` computes
    what the model gives in its own runtime, which is `reference_runtime`; `rewrites` says what was rewritten.
    """

    name: str
    function: Any = field(default=None, repr=False)
    float32: bytes = field(default=b"", repr=False)
    versions: tuple[tuple[str, str], ...] = ()
    normalization: Normalization | None = None
    color: str | None = None
    reference: Reference | None = field(default=None, repr=False)
    reference_runtime: str = ""
    rewrites: tuple[str, ...] = ()

    @classmethod
    def of(cls, source: FloatSource) -> Network:
        """The network in `source`."""
        return cls(
            name=source.name,
            float32=source.float32,
            versions=source.versions,
            normalization=source.normalization,
            color=source.color,
            rewrites=source.rewrites,
            reference=source.reference,
            reference_runtime=source.reference_runtime,
        )
