"""All that the probes look at, gathered once: so that tests can hand in any machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from edgeready_device.doctor.platform_facts import PlatformFacts, read_platform
from edgeready_device.isolation.child import Ended, module_arguments, run_child
from edgeready_device.isolation.trial import TrialRequest, TrialResult, try_model
from edgeready_device.machine.board import Board, this_board
from edgeready_device.machine.machine import read_machine
from edgeready_device.machine.tpu import Tpu, TpuLibrary, has_udev_rule, read_tpu_library, read_tpus

PROBE_LIMIT_S = 60.0


@dataclass(frozen=True)
class Inventory:
    """What a child found installed: numpy's version, and each runtime's name and version; how it `ended`."""

    ended: Ended
    numpy: str = ""
    runtimes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Subject:
    """A model to try: its flatbuffer, how many ops it has, and how many of them the Edge TPU compiler made."""

    name: str
    flatbuffer: bytes = field(repr=False)
    ops: int = 0
    compiled_ops: int = 0


@dataclass(frozen=True)
class Patient:
    """One machine with one Python. `subject` is the caller's model, None where it named none; `delegate` its text.

    `attempt` tries a model in a child; `load` runs a module's main() in one.
    """

    facts: PlatformFacts
    inventory: Inventory
    emulated: bool = False
    tpus: tuple[Tpu, ...] = ()
    library: TpuLibrary | None = None
    udev_rule: bool = False
    subject: Subject | None = None
    delegate: str = ""
    attempt: Callable[[TrialRequest, bytes], TrialResult] = try_model
    load: Callable[[str], Ended] = field(default=lambda module: _load(module))

    @property
    def wants_tpu(self) -> bool:
        """Whether an Edge TPU is asked for, or there are traces of one."""
        compiled = self.subject is not None and self.subject.compiled_ops > 0
        return bool(self.delegate.startswith("edgetpu") or self.tpus or self.library or compiled)


def read_patient(subject: Subject | None = None, delegate: str = "", board: Board | None = None) -> Patient:
    """This machine, with the model and the delegate in question."""
    board = board or this_board()
    return Patient(
        read_platform(),
        read_inventory(),
        read_machine(board.root).emulated,
        read_tpus(board),
        read_tpu_library(board),
        has_udev_rule(board),
        subject,
        delegate,
    )


def read_inventory() -> Inventory:
    """What is installed here, found out by a child: numpy itself may be what crashes."""
    ended = _load("edgeready_device.doctor.inventory_child")
    try:
        found = json.loads(ended.output)
        return Inventory(ended, found["numpy"], tuple((name, version) for name, version in found["runtimes"]))
    except (ValueError, KeyError, TypeError):  # it died before its one line
        return Inventory(ended)


def _load(module: str) -> Ended:
    return run_child(module_arguments(module), timeout_s=PROBE_LIMIT_S)
