"""What a model costs: multiplications, parameter bytes, partitions and float boundaries, predicted from the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgeready.readiness.dataflow import Flow
from edgeready.readiness.macs import macs
from edgeready.readiness.operands import STRUCTURE, elements
from edgeready.readiness.verdict import OpVerdict
from edgeready_device.tflite.graph import Graph, Op

CACHE_BYTES = 7_864_320
COMPILED_GROWTH = 1.1
_ENDS = {"float-input": "input", "float-output": "output"}


@dataclass(frozen=True)
class OpCost:
    """One op's multiply-accumulates and the bytes of its weights and other constants."""

    index: int
    macs: int
    parameter_bytes: int


@dataclass(frozen=True)
class FloatEnd:
    """An op at the `end` ("input" or "output") that converts `elements` floats on the CPU at each inference.

    `extra_bytes` is what the caller hands over or gets beyond one byte an element.
    """

    op: int
    end: str
    elements: int
    extra_bytes: int


@dataclass(frozen=True)
class Cost:
    """The predicted cost of one inference.

    `cached_bytes` and `streamed_bytes` share out the compiled parameters of the mapped ops: what stays in the Edge
    TPU's memory, and what is sent to it at each inference. `partitions` are the runs of ops between which the work
    changes hands.
    """

    ops: tuple[OpCost, ...]
    macs: int
    edgetpu_macs: int
    parameter_bytes: int
    edgetpu_parameter_bytes: int
    cached_bytes: int
    streamed_bytes: int
    edgetpu_partitions: int
    cpu_partitions: int
    float_ends: tuple[FloatEnd, ...] = ()

    @property
    def edgetpu_share(self) -> float | None:
        """The share of the multiply-accumulates that the Edge TPU does; None where the model has none."""
        return self.edgetpu_macs / self.macs if self.macs else None

    def as_dict(self) -> dict[str, Any]:
        """The cost as a JSON object."""
        return {
            "macs": self.macs,
            "edgetpu_macs": self.edgetpu_macs,
            "edgetpu_share": self.edgetpu_share,
            "parameter_bytes": self.parameter_bytes,
            "edgetpu_parameter_bytes": self.edgetpu_parameter_bytes,
            "cached_bytes": self.cached_bytes,
            "streamed_bytes": self.streamed_bytes,
            "partitions": {"edgetpu": self.edgetpu_partitions, "cpu": self.cpu_partitions},
            "float_ends": [asdict(end) for end in self.float_ends],
            "per_op": [asdict(op) for op in self.ops],
        }


def cost(graph: Graph, flow: Flow, verdicts: Sequence[OpVerdict]) -> Cost:
    """The Cost of `graph` when its ops run where `verdicts` say."""
    ops = tuple(OpCost(op.index, macs(graph, op), _bytes(graph, [op])) for op in graph.ops)
    mapped = [op.target == "edgetpu" for op in verdicts]
    on_board = _bytes(graph, [op for op, there in zip(graph.ops, mapped, strict=True) if there])
    compiled = round(on_board * COMPILED_GROWTH)
    edgetpu, cpu = partitions(flow, mapped)
    return Cost(
        ops,
        sum(op.macs for op in ops),
        sum(op.macs for op, there in zip(ops, mapped, strict=True) if there),
        _bytes(graph, graph.ops),
        on_board,
        min(compiled, CACHE_BYTES),
        max(0, compiled - CACHE_BYTES),
        edgetpu,
        cpu,
        tuple(_float_ends(graph, verdicts)),
    )


def partitions(flow: Flow, mapped: Sequence[bool]) -> tuple[int, int]:
    """How many runs of ops the Edge TPU and the CPU get when each run takes all that is ready for it."""
    found = [_runs(flow, mapped, first) for first in (False, True)]
    return min(found, key=lambda runs: (sum(runs), runs))


def _runs(flow: Flow, mapped: Sequence[bool], first: bool) -> tuple[int, int]:
    """The runs when the turn changes at each step and the Edge TPU (`first`) or the CPU begins."""
    turn: list[int] = []
    for there, parents in zip(mapped, flow.parents, strict=True):
        ready = max((turn[i] for i in parents), default=0)
        turn.append(ready if (ready % 2 == 0) == (there == first) else ready + 1)
    used = set(turn)
    even = sum(step % 2 == 0 for step in used)
    return (even, len(used) - even) if first else (len(used) - even, even)


def _bytes(graph: Graph, ops: Sequence[Op]) -> int:
    """Bytes of the constants of `ops`, each counted once; shapes, axes and paddings are none of them."""
    used = {
        index
        for op in ops
        for position, index in enumerate(op.inputs)
        if index >= 0 and position not in STRUCTURE.get(op.name, ())
    }
    return sum(len(data) for index in used if (data := graph.tensors[index].data) is not None)


def _float_ends(graph: Graph, verdicts: Sequence[OpVerdict]) -> Iterator[FloatEnd]:
    for op, verdict in zip(graph.ops, verdicts, strict=True):
        if verdict.rule in _ENDS:
            end = _ENDS[verdict.rule]
            tensors = graph.of(op.inputs if end == "input" else op.outputs)
            count = elements(tensors[0].shape)
            yield FloatEnd(op.index, end, count, 3 * count)
