"""A trial of a model in a child process: whether it opens and runs there, where a crash does no harm."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from edgeready_device.isolation.child import ChildExit, module_arguments, run_child

BUILT_FOR_IT = "take a library built for this version of TFLite, another --runtime, or leave --delegate out"
TIME_LIMIT_S = 120.0  # chosen: an Edge TPU on USB 2 loads its firmware and a large model's weights in less


@dataclass(frozen=True)
class TrialRequest:
    """What to try: a runtime by name, threads, kernels, a delegate as text, and the value that fills the input."""

    runtime: str
    threads: int = 1
    kernels: str = "default"
    delegate: str = ""
    ops_total: int = 0
    fill: int = 0


@dataclass(frozen=True)
class TrialResult:
    """The result of a trial: `output` are the first raw values, `error` a refusal in one line.

    `exit` says how the process ended: the model ran where that `succeeded` and `error` is empty.
    """

    exit: ChildExit
    output: tuple[float, ...] = ()
    load_s: float = 0.0
    first_run_s: float = 0.0
    second_run_s: float = 0.0
    ops_taken: int = 0
    partitions: int = 0
    error: str = ""

    @property
    def ran(self) -> bool:
        """Whether the model ran to its end."""
        return self.exit.succeeded and not self.error


def try_model(request: TrialRequest, model: bytes, time_limit_s: float = TIME_LIMIT_S) -> TrialResult:
    """Opens and runs the flatbuffer `model` in a child; refusals and crashes are in the result, never raised."""
    arguments = module_arguments("edgeready_device.trial_child", json.dumps(asdict(request)))
    child = run_child(arguments, timeout_s=time_limit_s, stdin=model)
    try:
        fields = json.loads(child.output)
        return TrialResult(child, tuple(fields.pop("output", ())), **fields)
    except (ValueError, TypeError):  # it died before its one line
        return TrialResult(child)
