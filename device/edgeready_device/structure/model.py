"""Rules of the model as a whole: what must be there, and the numbers by which its parts name each other."""

from __future__ import annotations

from collections.abc import Iterator

from edgeready_device.reading.flatbuffer import Flatbuffer, Table
from edgeready_device.reading.graph import IDENTIFIER, Graph

_OPERATOR_CODES, _SUBGRAPHS, _BUFFERS, _METADATA, _SIGNATURES, _EXTERNAL = 1, 2, 4, 6, 7, 8
_TENSORS, _INPUTS, _OUTPUTS, _OPERATORS = 0, 1, 2, 3
# The fields of an op's options that name subgraphs.
_CALLS = {"IF": (0, 1), "WHILE": (0, 1), "CALL_ONCE": (0,), "CALL": (0,), "STABLEHLO_COMPOSITE": (1,)}
_CALLS["STABLEHLO_WHILE"] = (0, 1)


def model_problems(data: memoryview, graphs: tuple[Graph, ...]) -> Iterator[str]:
    """What is wrong with the root table of `data`, whose subgraphs are `graphs`, a sentence each."""
    root = Flatbuffer(data).root(IDENTIFIER)
    for name, number in (("operator codes", _OPERATOR_CODES), ("buffers", _BUFFERS)):
        if root.field(number) is None:
            yield f"the model has no {name}"
    for index, subgraph in enumerate(root.tables(_SUBGRAPHS)):
        missing = [n for n in (_TENSORS, _INPUTS, _OUTPUTS, _OPERATORS) if subgraph.field(n) is None]
        if missing:
            yield f"subgraph {index} lacks {'tensors inputs outputs operators'.split()[missing[0]]}"
    if root.tables(_EXTERNAL):
        yield "the model keeps constants in other files, which are not part of it"
    yield from _metadata(root)
    for entry in root.tables(_SIGNATURES):
        yield from _signature(entry, graphs)
    yield from _calls(graphs)


def _metadata(root: Table) -> Iterator[str]:
    buffers = root.tables(_BUFFERS)
    for entry in root.tables(_METADATA):
        if entry.field(0) is None:
            yield "a metadata entry has no name"
        elif entry.text(0) == "min_runtime_version" and not buffers[entry.scalar(1, "I")].span(0)[1]:
            yield "the metadata entry min_runtime_version is empty"


def _signature(entry: Table, graphs: tuple[Graph, ...]) -> Iterator[str]:
    subgraph = int(entry.scalar(4, "I"))
    if entry.field(2) is None:
        yield "a signature has no name"
    elif subgraph >= len(graphs):
        yield f"the signature {entry.text(2)!r:.60} names subgraph {subgraph} of {len(graphs)}"
    else:
        for tensor in (*entry.tables(0), *entry.tables(1)):
            count = len(graphs[subgraph].tensors)
            if tensor.field(0) is None or tensor.scalar(1, "I") >= count:
                yield f"the signature {entry.text(2)!r:.60} names tensor {tensor.scalar(1, 'I')} of {count}"


def _calls(graphs: tuple[Graph, ...]) -> Iterator[str]:
    """Each op that names a subgraph names one that exists, and no subgraph comes back to itself."""
    called: list[set[int]] = []
    for graph in graphs:
        named = [(op, number) for op in graph.ops for number in _CALLS.get(op.name, ())]
        called.append({int(op.option(number, "i")) for op, number in named})
        for target in called[-1]:
            if not 0 < target < len(graphs):
                yield f"an op calls subgraph {target} of {len(graphs)}"
                return
    finished: set[int] = set()
    while len(finished) < len(graphs):  # each round takes those that call only finished ones
        ended = {i for i, targets in enumerate(called) if i not in finished and targets <= finished}
        if not ended:
            yield f"its subgraphs call each other in a circle: {sorted(set(range(len(graphs))) - finished)[:9]}"
            return
        finished |= ended
