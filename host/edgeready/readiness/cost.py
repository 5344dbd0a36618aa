"""What a model costs: multiplications, parameter bytes, partitions and float boundaries, predicted from the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgeready.readiness.place import STRUCTURE, Flow, count_elements
from edgeready.readiness.verdict import OpVerdict
from edgeready_device.tflite.graph import Graph, Op

# 7.5 MiB, a little under what the compiler leaves for parameters: public logs of tiny models report 7.6 to 7.98 MiB.
CACHE_BYTES = 7_864_320
# Compiled parameters by the bytes of the constants in the file: over public pairs of fully mapped models above 200 kB
# the median is 1.08 and the largest 1.46, so that a single model may need up to a third more than is predicted.
COMPILED_GROWTH = 1.1
MOST_MACS = 1 << 62  # chosen: the count of a damaged file's shapes stays within 64 bits with a sign
Shape = tuple[int, ...]
_ENDS = {"float-input": "input", "float-output": "output"}


@dataclass(frozen=True, kw_only=True)
class OpCost:
    """The multiply-accumulates of one op, the elements that it moves, and the bytes of its constants.

    The `elements` are those of the tensors that it reads and writes, without constants.
    """

    index: int
    macs: int
    parameter_bytes: int
    elements: int = 0


@dataclass(frozen=True, kw_only=True)
class FloatEnd:
    """An op at the `end` ("input" or "output") that converts `elements` floats on the CPU at each inference.

    `extra_bytes` is the data that the caller passes in or gets back beyond one byte for each element.
    """

    op: int
    end: str
    elements: int
    extra_bytes: int


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The predicted cost of one inference.

    `cached_bytes` are the compiled parameters of the mapped ops that stay in the Edge TPU's memory, `streamed_bytes`
    those that are sent to it at each inference. A partition is a run of ops on the same processor. `elements` are
    those that all ops read and write, `cpu_elements` those of the `cpu_ops` ops that are left to the CPU: an op
    without multiply-accumulates still takes its time.
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
    elements: int = 0
    cpu_elements: int = 0
    cpu_ops: int = 0
    float_ends: tuple[FloatEnd, ...] = ()

    @property
    def edgetpu_share(self) -> float | None:
        """The share of the multiply-accumulates on the Edge TPU; None when the model has none."""
        return self.edgetpu_macs / self.macs if self.macs else None

    def to_dict(self) -> dict[str, Any]:
        """The cost as a JSON object."""
        return {
            "macs": self.macs,
            "edgetpu_macs": self.edgetpu_macs,
            "edgetpu_share": self.edgetpu_share,
            "parameter_bytes": self.parameter_bytes,
            "edgetpu_parameter_bytes": self.edgetpu_parameter_bytes,
            "cached_bytes": self.cached_bytes,
            "streamed_bytes": self.streamed_bytes,
            "elements": self.elements,
            "cpu_elements": self.cpu_elements,
            "cpu_ops": self.cpu_ops,
            "partitions": {"edgetpu": self.edgetpu_partitions, "cpu": self.cpu_partitions},
            "float_ends": [asdict(end) for end in self.float_ends],
            "per_op": [asdict(op) for op in self.ops],
        }


def estimate_cost(graph: Graph, flow: Flow, verdicts: Sequence[OpVerdict]) -> Cost:
    """The Cost of `graph` when its ops run where `verdicts` say."""
    ops = tuple(
        OpCost(
            index=op.index,
            macs=count_macs(graph, op),
            parameter_bytes=_parameter_bytes(graph, [op]),
            elements=_count_moved(graph, op),
        )
        for op in graph.ops
    )
    mapped = [verdict.target == "edgetpu" for verdict in verdicts]
    on_edgetpu = _parameter_bytes(graph, [op for op, there in zip(graph.ops, mapped, strict=True) if there])
    compiled = round(on_edgetpu * COMPILED_GROWTH)
    edgetpu, cpu = count_partitions(flow, mapped)
    return Cost(
        ops=ops,
        macs=sum(op.macs for op in ops),
        edgetpu_macs=sum(op.macs for op, there in zip(ops, mapped, strict=True) if there),
        parameter_bytes=_parameter_bytes(graph, graph.ops),
        edgetpu_parameter_bytes=on_edgetpu,
        cached_bytes=min(compiled, CACHE_BYTES),
        streamed_bytes=max(0, compiled - CACHE_BYTES),
        edgetpu_partitions=edgetpu,
        cpu_partitions=cpu,
        elements=sum(op.elements for op in ops),
        cpu_elements=sum(op.elements for op, there in zip(ops, mapped, strict=True) if not there),
        cpu_ops=len(mapped) - sum(mapped),
        float_ends=tuple(_float_ends(graph, verdicts)),
    )


def count_partitions(flow: Flow, mapped: Sequence[bool]) -> tuple[int, int]:
    """How many runs of ops the Edge TPU and the CPU get when each run takes every op that is ready for it."""
    options = [_count_runs(flow, mapped, first) for first in (False, True)]
    return min(options, key=lambda runs: (sum(runs), runs))


def _count_runs(flow: Flow, mapped: Sequence[bool], first: bool) -> tuple[int, int]:
    """The runs when Edge TPU and CPU alternate and the Edge TPU (`first`) or the CPU begins."""
    runs: list[int] = []
    for there, parents in zip(mapped, flow.parents, strict=True):
        ready = max((runs[i] for i in parents), default=0)
        runs.append(ready if (ready % 2 == 0) == (there == first) else ready + 1)
    distinct = set(runs)
    even = sum(run % 2 == 0 for run in distinct)
    return (even, len(distinct) - even) if first else (len(distinct) - even, even)


def _parameter_bytes(graph: Graph, ops: Sequence[Op]) -> int:
    """The bytes of the constants of `ops`, each counted once and without shapes, axes and paddings."""
    indices = {
        index
        for op in ops
        for position, index in enumerate(op.inputs)
        if index >= 0 and position not in STRUCTURE.get(op.name, ())
    }
    return sum(len(data) for index in indices if (data := graph.tensors[index].data) is not None)


def _count_moved(graph: Graph, op: Op) -> int:
    indices = dict.fromkeys(index for index in (*op.inputs, *op.outputs) if index >= 0)
    tensors = (graph.tensors[index] for index in indices)
    return sum(count_elements(tensor.shape) for tensor in tensors if not tensor.constant)


def _float_ends(graph: Graph, verdicts: Sequence[OpVerdict]) -> Iterator[FloatEnd]:
    for op, verdict in zip(graph.ops, verdicts, strict=True):
        if verdict.rule in _ENDS:
            end = _ENDS[verdict.rule]
            tensors = graph.of(op.inputs if end == "input" else op.outputs)
            count = count_elements(tensors[0].shape)
            yield FloatEnd(op=op.index, end=end, elements=count, extra_bytes=3 * count)


def count_macs(graph: Graph, op: Op) -> int:
    """The multiply-accumulates that one inference spends on `op`.

    0 for ops without weights or matrices (sums, pooling, activations) and where the shapes make no sense.
    """
    count = _COUNTS.get(op.name)
    if count is None or not op.outputs:
        return 0
    shapes = [graph.tensors[index].shape if index >= 0 else () for index in op.inputs]
    return min(count(shapes, graph.tensors[op.outputs[0]].shape, op), MOST_MACS)


def _conv(inputs: list[Shape], result: Shape, op: Op) -> int:
    """Weights [out, height, width, in]: each result sees all but the first."""
    return count_elements(result) * count_elements(inputs[1][1:]) if len(inputs) > 1 and inputs[1] else 0


def _depthwise(inputs: list[Shape], result: Shape, op: Op) -> int:
    """Weights [1, height, width, channels]: each result sees one channel."""
    return count_elements(result) * count_elements(inputs[1][1:3]) if len(inputs) > 1 and len(inputs[1]) == 4 else 0


def _dense(inputs: list[Shape], result: Shape, op: Op) -> int:
    """Weights [out, in]."""
    return count_elements(result) * inputs[1][-1] if len(inputs) > 1 and inputs[1] else 0


def _transpose_conv(inputs: list[Shape], result: Shape, op: Op) -> int:
    """Size, weights [out, height, width, in], image: each input value goes to all but the last."""
    return count_elements(inputs[2]) * count_elements(inputs[1][:-1]) if len(inputs) > 2 and inputs[1] else 0


def _conv_3d(inputs: list[Shape], result: Shape, op: Op) -> int:
    """Weights [depth, height, width, in, out]."""
    return count_elements(result) * count_elements(inputs[1][:-1]) if len(inputs) > 1 and inputs[1] else 0


def _matrices(inputs: list[Shape], result: Shape, op: Op) -> int:
    """A result's element sums over the left matrix's last dimension, or the one before where it is transposed."""
    if not inputs or len(inputs[0]) < 2:
        return 0
    return count_elements(result) * inputs[0][-2 if op.option(0, "?", False) else -1]


def _lstm(inputs: list[Shape], result: Shape, op: Op) -> int:
    """A step multiplies all weights of the four gates and of the recurrence (operands 1 to 8) once."""
    if not inputs or len(inputs[0]) < 2:
        return 0
    steps = count_elements(inputs[0][:-1])
    return steps * sum(count_elements(shape) for shape in inputs[1:9] if shape)


_COUNTS: dict[str, Callable[[list[Shape], Shape, Op], int]] = {
    "BATCH_MATMUL": _matrices,
    "CONV_2D": _conv,
    "CONV_3D": _conv_3d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "TRANSPOSE_CONV": _transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
}
