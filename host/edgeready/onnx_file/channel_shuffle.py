"""Writes a channel shuffle, which needs five dimensions, as a convolution of one pixel with a permutation."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgeready.onnx_file.inputs import sizes_of

_SWAP = [0, 2, 1, 3, 4]  # (batch, groups, channels of a group, height, width) with groups and channels exchanged


def as_convolutions(model: Any) -> tuple[Any, tuple[str, ...]]:
    """Returns `model` with each Reshape, Transpose, Reshape that only reorders channels as a Conv, and a sentence.

    Its weights are 0 and 1, so each output is one of the inputs, unchanged. `model` has its shapes inferred.
    """
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    graph = plain.graph
    shapes = {value.name: sizes_of(value) for value in (*graph.input, *graph.value_info, *graph.output)}
    users: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    ends = {value.name for value in graph.output}
    count = 0
    for split in list(graph.node):
        chain = _chain(split, users, ends)
        if chain is None or not _shuffles(chain, shapes):
            continue
        last, middle = chain[2], shapes[split.output[0]]
        assert middle is not None  # seen by _shuffles
        last.CopyFrom(_convolution(graph, split.input[0], last.output[0], groups=middle[1] or 1, size=middle[2] or 1))
        for node in chain[:2]:
            graph.node.remove(node)
        count += 1
    return plain, (f"channel shuffle: written as a 1x1 convolution with a permutation, {count}x",) if count else ()


def _chain(split: Any, users: dict[str, list[Any]], ends: set[str]) -> tuple[Any, Any, Any] | None:
    """Returns the Reshape `split`, the Transpose and the Reshape behind it, where no other node reads in between."""
    chain = [split]
    for op_type in ("Transpose", "Reshape"):
        readers = users.get(chain[-1].output[0], [])
        if chain[0].op_type != "Reshape" or len(readers) != 1 or readers[0].op_type != op_type:
            return None
        if chain[-1].output[0] in ends:
            return None
        chain.append(readers[0])
    return chain[0], chain[1], chain[2]


def _shuffles(chain: tuple[Any, Any, Any], shapes: dict[str, list[int | None] | None]) -> bool:
    """Whether the `chain` exchanges groups and channels of a map, and nothing else."""
    split, swap, join = chain
    image, parts, result = (shapes.get(name) for name in (split.input[0], split.output[0], join.output[0]))
    if image is None or parts is None or len(image) != 4 or len(parts) != 5 or result != image:
        return False
    whole = None not in image and None not in parts
    same = (image[0], image[2], image[3]) == (parts[0], parts[3], parts[4])
    return whole and same and helper.get_node_attr_value(swap, "perm") == _SWAP


def _convolution(graph: Any, image: str, name: str, *, groups: int, size: int) -> Any:
    """Returns a Conv that puts the channels of `image` where a shuffle of `groups` groups of `size` puts them."""
    order = np.arange(groups * size).reshape(groups, size).T.reshape(-1)
    weights = np.eye(groups * size, dtype=np.float32)[order][:, :, np.newaxis, np.newaxis]
    graph.initializer.append(numpy_helper.from_array(weights, f"{name}_order"))
    return helper.make_node("Conv", [image, f"{name}_order"], [name], name=name, kernel_shape=[1, 1])
