"""All rules of this folder over one file: the door through which every model passes on its way to a runtime."""

from __future__ import annotations

from collections.abc import Iterator

from edgeready_device.errors import ModelFileError
from edgeready_device.reading.graph import Graph, read_subgraphs
from edgeready_device.structure.arithmetic import ARITHMETIC, scale_problems
from edgeready_device.structure.arrangements import ARRANGEMENTS
from edgeready_device.structure.model import model_problems
from edgeready_device.structure.node import Node, Rule
from edgeready_device.structure.operands import operand_problems
from edgeready_device.structure.order import memory_problems, order_problems
from edgeready_device.structure.sizes import SIZES
from edgeready_device.structure.tensors import tensor_problems
from edgeready_device.structure.windows import WINDOWS
from edgeready_device.text import plain

_MOST_SUBGRAPHS = 1000
_LONGEST = 300  # characters of a sentence: names and shapes come from the file
_RULES: dict[str, Rule] = {**WINDOWS, **SIZES, **ARRANGEMENTS, **ARITHMETIC}


def verified_graph(data: bytes | memoryview) -> Graph:
    """The main subgraph of the .tflite bytes `data`; raises ModelFileError with the first thing that is wrong.

    What no rule here can exclude is a kernel's own fault: see `first_run`.
    """
    graphs = read_subgraphs(data)
    for problem in _problems(memoryview(data), graphs):
        raise ModelFileError(f"{plain(problem)[:_LONGEST]}: the file is damaged, or made to harm")
    return graphs[0]


def _problems(data: memoryview, graphs: tuple[Graph, ...]) -> Iterator[str]:
    if len(graphs) > _MOST_SUBGRAPHS:
        yield f"the model has {len(graphs)} subgraphs, more than {_MOST_SUBGRAPHS}"
    yield from model_problems(data, graphs)
    for graph in graphs:
        for tensor in graph.tensors:
            for problem in tensor_problems(tensor):
                yield f"tensor {tensor.index} ({tensor.name:.60}) {problem}"
        yield from order_problems(graph)
        yield from memory_problems(graph)
        for op in graph.ops:
            for problem in _op_problems(Node.of(graph, op)):
                yield f"op {op.index} {op.name} {problem}"


def _op_problems(node: Node) -> Iterator[str]:
    """The rule about an op's operands stands first: the others take the inputs that it counts for granted."""
    wrong = list(operand_problems(node))
    if wrong:
        yield from wrong
        return
    yield from scale_problems(node)
    rule = _RULES.get(node.op.name)
    if rule is not None:
        yield from rule(node)
