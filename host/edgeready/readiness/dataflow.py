"""Who makes a tensor and who reads it, in the order in which the runtime runs the ops."""

from __future__ import annotations

from edgeready_device.tflite.graph import Graph, Op, Tensor

_INTEGERS = ("int32", "int64")


class Flow:
    """The data dependencies of a graph; only an earlier op counts as a maker, so there is never a cycle."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._producer: dict[int, int] = {}
        self._readers: dict[int, list[int]] = {}
        self.parents: list[tuple[int, ...]] = []
        self._computes_shapes: list[bool] = []
        for op in graph.ops:
            makers = {self._producer[i]: None for i in op.inputs if i in self._producer}
            self.parents.append(tuple(makers))
            integers = bool(op.outputs) and all(graph.tensors[i].dtype in _INTEGERS for i in op.outputs)
            follows = integers and any(self._computes_shapes[i] for i in makers)
            self._computes_shapes.append(op.name == "SHAPE" or follows)
            for i in dict.fromkeys(op.inputs):
                self._readers.setdefault(i, []).append(op.index)
            for i in op.outputs:
                self._producer.setdefault(i, op.index)

    def producer(self, tensor: Tensor, before: Op) -> Op | None:
        """The op ahead of `before` that makes `tensor`; None for constants and for what the caller feeds."""
        index = self._producer.get(tensor.index)
        return None if index is None or index >= before.index else self._graph.ops[index]

    def readers(self, tensor: int) -> tuple[Op, ...]:
        """The ops that read tensor number `tensor`, in order."""
        return tuple(self._graph.ops[i] for i in self._readers.get(tensor, ()))

    def computes_shapes(self, op: Op) -> bool:
        """Whether `op` is a SHAPE, or makes integers out of what one made."""
        return self._computes_shapes[op.index]
