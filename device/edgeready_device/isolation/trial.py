"""A trial of a model in a child process: whether it opens and runs there, where a crash does no harm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from edgeready_device.errors import EdgereadyError
from edgeready_device.isolation.child import ChildExit, module_arguments, run_child

if TYPE_CHECKING:  # numpy, which `doctor` looks for without loading it
    from edgeready_device.tflite.graph import Graph

BUILT_FOR_IT = "take a library built for this version of TFLite, another --runtime, or leave --delegate out"
TIME_LIMIT_S = 120.0  # chosen: an Edge TPU on USB 2 loads its firmware and a large model's weights in less


@dataclass(frozen=True)
class TrialRequest:
    """What to try: a runtime by name, threads, kernels, a delegate as text, and the value that fills the input.

    `more_inputs` runs the model on noise and on its largest pixels as well. The limits of the child follow from what
    the model needs: `memory_bytes` and `operations` (see `with_need`); it has none where `memory_bytes` is 0.
    """

    runtime: str
    threads: int = 1
    kernels: str = "default"
    delegate: str = ""
    ops_total: int = 0
    fill: int = 0
    more_inputs: bool = False
    memory_bytes: int = 0
    operations: int = 0


@dataclass(frozen=True)
class TrialResult:
    """The result of a trial: `output` are the first raw values, `error` a refusal in one line.

    `exit` says how the process ended: the model ran where that `succeeded` and `error` is empty. `processor_s`
    and `memory_bytes` are what it was allowed, 0 where there were no limits; `protections` are sentences on what it
    had given up before it opened the model.
    """

    exit: ChildExit
    output: tuple[float, ...] = ()
    load_s: float = 0.0
    first_run_s: float = 0.0
    second_run_s: float = 0.0
    ops_taken: int = 0
    partitions: int = 0
    error: str = ""
    processor_s: float = 0.0
    memory_bytes: int = 0
    protections: tuple[str, ...] = ()

    @property
    def ran(self) -> bool:
        """Whether the model ran to its end."""
        return self.exit.succeeded and not self.error


def try_model(
    request: TrialRequest, model: bytes, time_limit_s: float = TIME_LIMIT_S, *, graphs: Sequence[Graph] | None = None
) -> TrialResult:
    """Opens and runs the flatbuffer `model` in a child; refusals and crashes are in the result, never raised.

    `graphs` are its subgraphs, where the caller has read them already.
    """
    request = with_need(request, model, graphs)
    arguments = module_arguments("edgeready_device.trial_child", json.dumps(asdict(request)))
    # A thread that runs before the child confines itself stays free: numpy's algebra starts none then.
    child = run_child(arguments, timeout_s=time_limit_s, stdin=model, environment={"OPENBLAS_NUM_THREADS": "1"})
    fields: dict[str, Any] = {}
    try:
        for line in child.output.splitlines():  # protections and limits, then the result: it may die in between
            fields.update(json.loads(line))
        for name in ("output", "protections"):
            fields[name] = tuple(fields.get(name, ()))
        return TrialResult(child, **fields)
    except (ValueError, TypeError):  # it died in the middle of a line
        return TrialResult(child)


def with_need(request: TrialRequest, model: bytes, graphs: Sequence[Graph] | None = None) -> TrialRequest:
    """Returns `request` with the need of the flatbuffer `model`, whose subgraphs are read unless they are given.

    A delegate gets no limits: its library is trusted code, and nothing says what it needs. Neither does a model that
    no reader here follows, as `--trusted` lets pass.
    """
    if request.delegate:
        return request
    from edgeready_device.tflite.graph import read_subgraphs  # noqa: PLC0415
    from edgeready_device.tflite.structure.need import read_need  # noqa: PLC0415

    try:
        need = read_need(read_subgraphs(model) if graphs is None else graphs, len(model))
    except EdgereadyError:
        return request
    return replace(request, memory_bytes=need.memory_bytes, operations=need.operations)
