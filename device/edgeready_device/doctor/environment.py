"""Everything that the probes look at, read once; tests pass any machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from edgeready_device.doctor.platform_facts import PlatformFacts, read_platform
from edgeready_device.isolation.child import ChildExit, module_arguments, run_child
from edgeready_device.isolation.trial import TrialRequest, TrialResult, try_model
from edgeready_device.machine.board import Board, this_board
from edgeready_device.machine.machine import read_machine
from edgeready_device.machine.tpu import Tpu, TpuLibrary, has_udev_rule, read_tpu_library, read_tpus
from edgeready_device.tflite.accelerators import EDGETPU, Accelerator

PROBE_LIMIT_S = 60.0  # chosen: time to load numpy from a slow memory card


@dataclass(frozen=True)
class Inventory:
    """What is installed: numpy's version, each runtime's name and version; `exit` is that of the child process."""

    exit: ChildExit
    numpy: str = ""
    runtimes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Subject:
    """A model to try: its flatbuffer, the number of its ops, and how many of them are compiled for `accelerator`."""

    name: str
    flatbuffer: bytes = field(repr=False)
    ops: int = 0
    compiled_ops: int = 0
    accelerator: Accelerator = EDGETPU


@dataclass(frozen=True)
class Environment:
    """One machine with one Python, and the model and the delegate in question, if any.

    `attempt` runs a model in a child process; `ask` asks `edgeready_device.doctor.child` a question.
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
    ask: Callable[[str], ChildExit] = field(default=lambda question: ask_child(question))

    @property
    def wants_tpu(self) -> bool:
        """Whether the delegate or the model needs an Edge TPU, or there are traces of one."""
        subject = self.subject
        compiled = subject is not None and subject.compiled_ops > 0 and subject.accelerator is EDGETPU
        return bool(self.delegate.startswith("edgetpu") or self.tpus or self.library or compiled)


def read_environment(subject: Subject | None = None, delegate: str = "", board: Board | None = None) -> Environment:
    """Returns this machine, with the model and the delegate in question."""
    board = board or this_board()
    return Environment(
        facts=read_platform(),
        inventory=read_inventory(),
        emulated=read_machine(board.root).emulated,
        tpus=read_tpus(board),
        library=read_tpu_library(board),
        udev_rule=has_udev_rule(board),
        subject=subject,
        delegate=delegate,
    )


def read_inventory() -> Inventory:
    """Returns what is installed here. A child looks, because numpy itself may be what crashes."""
    child_exit = ask_child("inventory")
    try:
        answer = json.loads(child_exit.output)
        runtimes = tuple((name, version) for name, version in answer["runtimes"])
        return Inventory(child_exit, answer["numpy"], runtimes)
    except (ValueError, KeyError, TypeError):  # it died before its one line
        return Inventory(child_exit)


def ask_child(question: str) -> ChildExit:
    """Runs the child with `question` and returns how it ended; its output is one line of JSON where it lived."""
    return run_child(module_arguments("edgeready_device.doctor.child", question), timeout_s=PROBE_LIMIT_S)
