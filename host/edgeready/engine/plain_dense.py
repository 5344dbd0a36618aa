"""Lowers the version of dense layers that keep the dimensions of an input which has only two.

FULLY_CONNECTED with keep_num_dims has version 5, and the quantizer keeps that version. The Edge TPU compiler was seen
to take versions up to 4 (readiness/operators.py). With an input [batch, features] the option changes nothing.
"""

from __future__ import annotations

import copy

from edgeready.engine.fixed_batch import drop_unused_codes
from edgeready.engine.flatbuffer_objects import read_objects, write_objects
from edgeready_device.tflite.graph import Graph, Op, read_graph

_KEEPING = 5  # the version that keep_num_dims makes necessary


def lower_dense_versions(data: bytes) -> bytes:
    """Returns the float32 .tflite `data` with version 1 of each FULLY_CONNECTED that has version 5 for nothing.

    A file without one comes back as it is.
    """
    graph = read_graph(data)
    numbers = [op.index for op in graph.ops if _is_flat(graph, op)]
    if not numbers:
        return data
    model = read_objects(data)
    plain = copy.copy(model.operatorCodes[model.subgraphs[0].operators[numbers[0]].opcodeIndex])
    plain.version = 1
    model.operatorCodes.append(plain)
    for number in numbers:
        operator = model.subgraphs[0].operators[number]
        operator.opcodeIndex = len(model.operatorCodes) - 1
        if operator.builtinOptions is not None:
            operator.builtinOptions.keepNumDims = False
    drop_unused_codes(model)
    return write_objects(model)


def _is_flat(graph: Graph, op: Op) -> bool:
    """Returns whether `op` is a dense layer of version 5 on float32 from two dimensions to two."""
    if op.name != "FULLY_CONNECTED" or op.version != _KEEPING:
        return False
    ends = graph.of((op.inputs[0], op.outputs[0]))
    return all(len(tensor.shape) == 2 for tensor in ends) and all(
        tensor.dtype == "float32" for tensor in graph.of(tuple(index for index in op.inputs if index >= 0))
    )
