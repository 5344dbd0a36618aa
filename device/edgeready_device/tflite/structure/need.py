"""What a model needs by its sizes: the memory of its tensors and kernels, and the work of one run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgeready_device.tflite.graph import Graph, Op, Tensor
from edgeready_device.tflite.structure.tensors import bits_of, size_bytes

# Measured on 60 public models, both runtimes and both kernel paths: a runtime takes at most 4 times the file (its
# packed and its unpacked weights), and 1.1 times the tensors where no two share memory.
_FILE_COPIES, _TENSOR_COPIES = 6, 3
_POINTER = 8  # bytes: XNNPACK keeps the address of each pixel of each window
_STEPS_PER_VALUE = 20  # chosen: an exponential or a division in a reference kernel costs some tens of additions
_MOST_ROUNDS = 100  # of a loop, whose number of rounds no file states; chosen: above a recurrent layer's usual steps
_LOOPS = ("WHILE", "STABLEHLO_WHILE")
_WINDOWS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "CONV_3D": 4}  # the dimension of the weights with the channels
_DENSE = ("FULLY_CONNECTED", "BATCH_MATMUL")
# Their weights meet each row of the input, or each pixel.
_OTHERS_WITH_WEIGHTS = ("LSTM", "RNN", "SVDF", "TRANSPOSE_CONV", "CONV_3D_TRANSPOSE")


@dataclass(frozen=True)
class Need:
    """What one model needs: `memory_bytes` beyond the runtime's own, and about so many `operations` a run."""

    memory_bytes: int
    operations: int


def read_need(graphs: Sequence[Graph], size_bytes_of_file: int) -> Need:
    """Returns the need of the model with the subgraphs `graphs` in a flatbuffer of so many bytes.

    Open sizes count as those of the first subgraph's inputs: no file says what they become.
    """
    sides = _input_sides(graphs[0])
    graphs = [_fill_open_sizes(graph, sides) for graph in graphs]
    tensors = sum(size_bytes(tensor) for graph in graphs for tensor in graph.tensors if not tensor.constant)
    scratch = max((_scratch_bytes(graph, op) for graph in graphs for op in graph.ops), default=0)
    work = [sum(_operations(graph, op) for op in graph.ops) for graph in graphs]
    rounds = _MOST_ROUNDS if any(op.name in _LOOPS for graph in graphs for op in graph.ops) else 1
    return Need(
        memory_bytes=_FILE_COPIES * size_bytes_of_file + _TENSOR_COPIES * tensors + scratch,
        operations=work[0] + rounds * sum(work[1:]),
    )


def _input_sides(graph: Graph) -> tuple[int, int]:
    """Returns height and width of the largest picture that goes in, or the length of a series twice."""
    shapes = [tensor.shape for tensor in graph.of(graph.inputs)]
    pictures = [shape[1:3] for shape in shapes if len(shape) == 4]
    longest = max((size for shape in shapes for size in shape), default=1)
    height, width = max(pictures, key=math.prod, default=(longest, longest))
    return height, width


def _fill_open_sizes(graph: Graph, sides: tuple[int, int]) -> Graph:
    if not any(tensor.open for tensor in graph.tensors):
        return graph
    return replace(graph, tensors=tuple(_fill_open_size(tensor, sides) for tensor in graph.tensors))


def _fill_open_size(tensor: Tensor, sides: tuple[int, int]) -> Tensor:
    if not tensor.open or tensor.constant:
        return tensor
    wide = tensor.shape_signature.count(-1) > 1 and len(tensor.shape) >= 4
    guesses = {1: sides[0], 2: sides[1]} if wide else {}
    shape = [
        size if own >= 0 or (axis == 0 and len(tensor.shape) > 1) else guesses.get(axis, math.prod(sides))
        for axis, (size, own) in enumerate(zip(tensor.shape, tensor.shape_signature))
    ]
    return replace(tensor, shape=tuple(shape))


def _scratch_bytes(graph: Graph, op: Op) -> int:
    """The bytes of the copy of an image in which the pixels of each window lie side by side."""
    weights = _weights(graph, op)
    if weights is None or len(weights.shape) < 4 or not op.outputs:
        return 0
    image, output = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    if op.name == "TRANSPOSE_CONV":  # a sum of 4 bytes for each pixel, and for each that it is spread to
        image = graph.tensors[op.inputs[2]] if len(op.inputs) > 2 else output
        return 4 * (_pixels(image) * math.prod(weights.shape[:3]) + output.elements)
    pixel = max(_POINTER, weights.shape[-1] * (bits_of(image.dtype) or 8) // 8)
    return _pixels(output) * math.prod(weights.shape[1:-1]) * pixel


def _operations(graph: Graph, op: Op) -> int:
    outputs, inputs = graph.of(op.outputs), graph.of(op.inputs)
    values = sum(tensor.elements for tensor in (*outputs, *inputs))
    weights = _weights(graph, op)
    if weights is None or not outputs:
        return _STEPS_PER_VALUE * values
    if op.name in _WINDOWS:
        channels = weights.shape[_WINDOWS[op.name]] if len(weights.shape) > _WINDOWS[op.name] else 1
        return values + outputs[0].elements * (weights.elements // max(1, channels))
    if op.name in _DENSE:
        return values + outputs[0].elements * max(weights.shape[-2:])
    rows = max((_pixels(tensor) for tensor in inputs if not tensor.constant), default=1)
    return values + rows * sum(tensor.elements for tensor in inputs if tensor.constant)


def _pixels(tensor: Tensor) -> int:
    return tensor.elements // max(1, tensor.shape[-1]) if tensor.shape else 1


def _weights(graph: Graph, op: Op) -> Tensor | None:
    """The weights of an op that multiplies: its second input, of two dimensions or more."""
    multiplies = op.name in _WINDOWS or op.name in _DENSE or any(word in op.name for word in _OTHERS_WITH_WEIGHTS)
    if not multiplies or len(op.inputs) < 2 or min(op.inputs[:2]) < 0:
        return None
    weights = graph.tensors[op.inputs[1]]
    return weights if len(weights.shape) >= 2 else None
