"""Applies all rules of this folder to one file, before any runtime opens it."""

from __future__ import annotations

from dataclasses import replace

from edgeready_device.errors import ModelFileError
from edgeready_device.text import plain
from edgeready_device.tflite.flatbuffer import Flatbuffer, Table
from edgeready_device.tflite.graph import IDENTIFIER, Graph, Op, read_subgraphs
from edgeready_device.tflite.structure.arithmetic import check_scales
from edgeready_device.tflite.structure.node import TOO_LARGE, Doubt, Fault, Node, check_operands
from edgeready_device.tflite.structure.operators import OPERATORS
from edgeready_device.tflite.structure.tensors import check_memory, check_order, check_tensors

_MOST_SUBGRAPHS = 1000  # chosen: far above a classifier's one, and control flow's two for each IF or WHILE
_LONGEST = 300  # characters of a sentence, whose names and shapes come from the file; chosen: a few lines
_OPERATOR_CODES, _SUBGRAPHS, _BUFFERS, _METADATA, _SIGNATURES, _EXTERNAL = 1, 2, 4, 6, 7, 8
_SUBGRAPH_FIELDS = ("tensors", "inputs", "outputs", "operators")
# The fields of an op's options that name subgraphs.
_CALLS = {"IF": (0, 1), "WHILE": (0, 1), "CALL_ONCE": (0,), "CALL": (0,), "STABLEHLO_COMPOSITE": (1,)}
_CALLS.update({"STABLEHLO_WHILE": (0, 1), "STABLEHLO_REDUCE": (1,), "STABLEHLO_REDUCE_WINDOW": (5,)})
_CALLS.update({"STABLEHLO_SCATTER": (6,), "STABLEHLO_SORT": (2,)})
_BRANCHES = "STABLEHLO_CASE"  # whose options hold a vector of subgraphs


def verified_graph(data: bytes | memoryview) -> Graph:
    """The main subgraph of the .tflite bytes `data`; raises ModelFileError with the first thing that is wrong.

    Its `doubts` say what in any subgraph only a run can show.
    What no rule here can exclude is a kernel's own fault: see `first_run`.
    """
    graphs = read_subgraphs(data)
    try:
        doubts = _check(Flatbuffer(data).root(IDENTIFIER), graphs)
    except Fault as fault:
        reason = plain(str(fault))[:_LONGEST]
        raise ModelFileError(f"{reason}: {fault.advice}") from fault
    return replace(graphs[0], doubts=doubts) if doubts else graphs[0]


def _check(root: Table, graphs: tuple[Graph, ...]) -> tuple[str, ...]:
    """Applies all rules and returns the doubts, each once."""
    if len(graphs) > _MOST_SUBGRAPHS:
        raise Fault(f"the model has {len(graphs)} subgraphs, more than {_MOST_SUBGRAPHS}", TOO_LARGE)
    _check_root(root)
    for entry in root.tables(_SIGNATURES):
        _check_signature(entry, graphs)
    _check_calls(graphs)
    doubts: dict[str, None] = {}
    for graph in graphs:
        check_tensors(graph)
        check_order(graph)
        check_memory(graph)
        for op in graph.ops:
            try:
                doubts.update(dict.fromkeys(_check_op(Node.of(graph, op, OPERATORS.get(op.name)))))
            except Fault as fault:
                raise fault.within(f"op {op.index} {op.name}") from fault
    return tuple(doubts)


def _check_op(node: Node) -> list[str]:
    """Applies the rules to one op and returns the doubts.

    That of its operands comes first: the others rely on the inputs that it counts.
    """
    doubts = []
    check_operands(node)
    try:
        check_scales(node)
    except Doubt as doubt:
        doubts.append(f"{node.op.name} {doubt}")
    if node.operands is not None and node.operands.rule is not None:
        node.operands.rule(node)
    return doubts


def _check_root(root: Table) -> None:
    """Whether the fields that readers in C++ take for granted are there."""
    for name, number in (("operator codes", _OPERATOR_CODES), ("buffers", _BUFFERS)):
        if root.field(number) is None:
            raise Fault(f"the model has no {name}")
    for index, subgraph in enumerate(root.tables(_SUBGRAPHS)):
        for number, name in enumerate(_SUBGRAPH_FIELDS):
            if subgraph.field(number) is None:
                raise Fault(f"subgraph {index} lacks {name}")
    if root.tables(_EXTERNAL):
        raise Fault(
            "the model keeps constants in other files, which are not part of it", "convert it again into one file"
        )
    buffers = root.tables(_BUFFERS)
    for entry in root.tables(_METADATA):
        if entry.field(0) is None:
            raise Fault("a metadata entry has no name")
        if entry.text(0) == "min_runtime_version" and not buffers[entry.scalar(1, "I")].span(0)[1]:
            raise Fault("the metadata entry min_runtime_version is empty")


def _check_signature(entry: Table, graphs: tuple[Graph, ...]) -> None:
    if entry.field(2) is None:
        raise Fault("a signature has no name")
    subgraph, name = int(entry.scalar(4, "I")), f"the signature {entry.text(2)!r:.60}"
    if subgraph >= len(graphs):
        raise Fault(f"{name} names subgraph {subgraph} of {len(graphs)}")
    count = len(graphs[subgraph].tensors)
    for tensor in (*entry.tables(0), *entry.tables(1)):
        if tensor.field(0) is None or tensor.scalar(1, "I") >= count:
            raise Fault(f"{name} names tensor {tensor.scalar(1, 'I')} of {count}")


def _check_calls(graphs: tuple[Graph, ...]) -> None:
    """Whether each op that names a subgraph names one that exists, and no subgraph calls itself through others."""
    calls: list[set[int]] = []
    for graph in graphs:
        calls.append({target for op in graph.ops for target in _targets(op)})
        for target in calls[-1]:
            if not 0 < target < len(graphs):
                raise Fault(f"an op calls subgraph {target} of {len(graphs)}")
    finished: set[int] = set()
    while len(finished) < len(graphs):  # each round takes the subgraphs that call only finished ones
        ready = {i for i, targets in enumerate(calls) if i not in finished and targets <= finished}
        if not ready:
            circle = sorted(set(range(len(graphs))) - finished)
            raise Fault(f"its subgraphs call each other in a circle: {circle[:9]}")
        finished |= ready


def _targets(op: Op) -> list[int]:
    """The subgraphs that an op names in its options."""
    if op.name == _BRANCHES:
        return [] if op.options is None else [int(target) for target in op.options.array(0, "i4")]
    return [op.option(number, "i") for number in _CALLS.get(op.name, ())]
