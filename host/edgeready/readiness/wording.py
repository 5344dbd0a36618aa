"""Tensors in words, short enough for one line whatever the file says."""

from __future__ import annotations

from edgeready_device.tflite.graph import Graph, Op, Tensor

_LONGEST_NAME = 80
_MOST_DIMENSIONS = 8


def name_text(name: str) -> str:
    """A name in quotes, printable and at most 80 characters long."""
    shown = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 3] + "..."
    return repr(shown)


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape in brackets, such as "[1, 28, 28, 1]"; after the eighth dimension it is cut."""
    shown = ", ".join(str(size) for size in shape[:_MOST_DIMENSIONS])
    return f"[{shown}{', ...' if len(shape) > _MOST_DIMENSIONS else ''}]"


def tensor_text(tensor: Tensor) -> str:
    """A tensor's name, type and shape."""
    return f"{name_text(tensor.name)} {tensor.dtype} {shape_text(tensor.shape)}"


def op_text(graph: Graph, op: Op) -> str:
    """An op's index, name, and the layer that it comes from: the name of its first output."""
    layer = f" {name_text(graph.tensors[op.outputs[0]].name)}" if op.outputs else ""
    return f"op {op.index} {op.custom_code[:40] or op.name}{layer}"


def layer_text(name: str) -> str:
    """The layer that made the tensor `name`: the first of its fused parts, without the function's own name."""
    first = name.split(";")[0]
    return (first.rpartition("/")[0] or first)[:_LONGEST_NAME]
