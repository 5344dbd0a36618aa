"""Which tensors the rows of a YOLO output are put together from: it tells boxes, objectness and classes apart."""

from __future__ import annotations

from edgeready_device.tflite.graph import Graph

_PASSES_ON = ("QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "CAST")


def read_channel_parts(graph: Graph, output: int, size: int) -> tuple[int, ...]:
    """Returns the widths of the tensors that the last CONCATENATION joins to rows of `size` values; () without one.

    `output` is the number of the model's output that holds the rows. Concatenations along another axis, of the scales
    of a head, are passed through.
    """
    makers = {output: op for op in graph.ops for output in op.outputs}
    tensor = graph.outputs[output]
    for _ in graph.ops:
        op = makers.get(tensor)
        if op is None or not op.inputs:
            return ()
        if op.name == "CONCATENATION":
            axis = int(op.option(0, "i")) % max(len(graph.tensors[op.outputs[0]].shape), 1)
            shapes = [graph.tensors[index].shape for index in op.inputs]
            widths = tuple(shape[axis] for shape in shapes if axis < len(shape) and shape[axis])
            if sum(widths) == size and len(widths) > 1:
                return widths
        elif op.name not in _PASSES_ON:
            return ()
        tensor = op.inputs[0]
    return ()
