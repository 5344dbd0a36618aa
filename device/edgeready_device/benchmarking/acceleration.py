"""What took ops over from the CPU in a measurement, and on which hardware."""

from __future__ import annotations

from dataclasses import dataclass

from edgeready_device.machine.board import Board
from edgeready_device.machine.tpu import Tpu, TpuLibrary, read_tpu_library, read_tpus
from edgeready_device.model import Model
from edgeready_device.runtime.delegate import Delegation


@dataclass(frozen=True)
class Acceleration:
    """What a delegate did, and for an Edge TPU's which of them there are and their library; empty for another."""

    delegation: Delegation
    tpus: tuple[Tpu, ...] = ()
    library: TpuLibrary | None = None


def read_acceleration(model: Model, board: Board) -> Acceleration | None:
    """The Acceleration of an opened `model`, or None when it runs on the CPU alone."""
    if model.delegate is None:
        return None
    if not model.delegate.spec.edgetpu:
        return Acceleration(model.delegate)
    return Acceleration(model.delegate, read_tpus(board), read_tpu_library(board))
