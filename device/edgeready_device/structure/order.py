"""Rules of a whole subgraph: what is read was made before, nothing is made twice, and it fits into memory."""

from __future__ import annotations

from collections.abc import Iterator

from edgeready_device.reading.graph import Graph
from edgeready_device.structure.tensors import MOST_BYTES, size_bytes


def order_problems(graph: Graph) -> Iterator[str]:
    """What is wrong with the order of the ops, a sentence each."""
    ready = {tensor.index for tensor in graph.tensors if tensor.constant or tensor.variable or not tensor.elements}
    for index in graph.inputs:
        if graph.tensors[index].constant:
            yield f"{_named(graph, index)} is an input and a constant at once"
    if len(set(graph.inputs)) != len(graph.inputs):
        yield f"the inputs {list(graph.inputs[:9])} name a tensor twice"
    made = set(graph.inputs)
    for op in graph.ops:
        for index in op.inputs:
            if index >= 0 and index not in ready and index not in made:
                yield f"op {op.index} {op.name} reads {_named(graph, index)} before it is made"
        for index in op.outputs:
            if index in made or graph.tensors[index].constant:
                yield f"op {op.index} {op.name} writes {_named(graph, index)}, which is there already"
            made.add(index)
    for index in graph.outputs:
        if index not in ready and index not in made:
            yield f"the output {_named(graph, index)} is made by no op"


def _named(graph: Graph, index: int) -> str:
    return f"tensor {index} ({graph.tensors[index].name:.60})"


def memory_problems(graph: Graph) -> Iterator[str]:
    """Whether the tensors that live at the same time fit into the limit."""
    last = {index: op.index for op in graph.ops for index in op.inputs if index >= 0}
    last.update(dict.fromkeys(graph.outputs, len(graph.ops)))
    sizes = [0 if tensor.constant else size_bytes(tensor) for tensor in graph.tensors]
    ending: dict[int, int] = {}
    for index, end in last.items():
        ending[end] = ending.get(end, 0) + sizes[index]
    live = peak = sum(sizes[index] for index in set(graph.inputs))
    for op in graph.ops:
        live += sum(sizes[index] for index in op.outputs)
        peak = max(peak, live)
        live -= ending.get(op.index, 0) + sum(sizes[index] for index in op.outputs if index not in last)
    if peak > MOST_BYTES:
        yield f"its tensors take {peak} bytes at once, more than {MOST_BYTES}"
