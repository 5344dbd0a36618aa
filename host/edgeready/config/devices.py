"""Where a network is trained: on how many devices of this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from edgeready.config.option import Option
from edgeready.errors import UsageError

ALL_DEVICES = "all"
_MOST_DEVICES = 64  # chosen: no machine has more GPUs, and as many parts of a CPU are of no use
_LONGEST_WAIT_S = 86_400.0  # chosen: a day; who waits longer has forgotten it
_DEVICES = re.compile(r"(cpu:)?(\d{1,9})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class DevicesConfig:
    """The devices of this machine that share each batch of a training.

    `devices` is "all" for all GPUs, the number of GPUs, or "cpu:N" for N parts of the CPU. Where TF_CONFIG names
    several workers, they come within `worker_wait` seconds.
    """

    devices: Annotated[
        str, Option(help="GPUs that share each batch: a number or all; cpu:2 tries it out without GPUs")
    ] = "1"
    worker_wait: Annotated[float, Option(help="seconds to wait for the other workers of TF_CONFIG")] = 300.0

    def __post_init__(self) -> None:
        if not 0 < self.worker_wait <= _LONGEST_WAIT_S:
            raise UsageError(
                f"--worker-wait is {self.worker_wait:g}: give seconds above 0 and up to {_LONGEST_WAIT_S:g}"
            )
        text = str(self.devices).lower()  # Python gives a number
        object.__setattr__(self, "devices", text)
        if text == ALL_DEVICES:
            return
        match = _DEVICES.fullmatch(text)
        if match is None or not 1 <= int(match[2]) <= _MOST_DEVICES:
            raise UsageError(
                f"--devices is {self.devices!r}: write a number of GPUs from 1 to {_MOST_DEVICES}, all, or cpu:2"
            )

    @property
    def count(self) -> int | None:
        """The number of devices; None for all that are there."""
        return None if self.devices == ALL_DEVICES else int(self.devices.removeprefix("cpu:"))

    @property
    def on_cpu(self) -> bool:
        """Whether the devices are parts of the CPU."""
        return self.devices.startswith("cpu:")
