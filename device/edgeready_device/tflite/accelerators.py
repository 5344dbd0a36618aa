"""What a file was compiled for: the custom ops into which compilers put the ops of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # doctor must live on where numpy does not load
    from edgeready_device.tflite.graph import Graph


@dataclass(frozen=True)
class Accelerator:
    """A processor whose compiler writes ops with names that begin with `prefix`; the file runs by the `remedy`."""

    prefix: str
    name: str
    remedy: str


EDGETPU = Accelerator("edgetpu-custom-op", "the Edge TPU", "give --delegate edgetpu on a machine with a Coral device")
ETHOS_U = Accelerator(
    "ethos-u", "Ethos-U by Vela", "give --delegate with the path of its library on a board with an Ethos-U"
)
# Neutron's converter writes NeutronGraph; LiteRT's compiler for NPUs DISPATCH_OP, or with a number behind it.
_NEUTRON = Accelerator(
    "NeutronGraph", "NXP's Neutron NPU", "give --delegate with the path of its library on a board that has one"
)
_DISPATCH = Accelerator(
    "DISPATCH_OP",
    "an NPU, ahead of time by LiteRT",
    "run it with LiteRT's own API on the device that it was made for",
)
ACCELERATORS = (EDGETPU, ETHOS_U, _NEUTRON, _DISPATCH)


def accelerator_of(graph: Graph) -> tuple[Accelerator, int] | None:
    """Returns what `graph` is compiled for, and how many of its ops are; None for one that is not."""
    names = [op.custom_code for op in graph.ops if op.custom_code]
    for accelerator in ACCELERATORS:
        count = sum(name.startswith(accelerator.prefix) for name in names)
        if count:
            return accelerator, count
    return None
