"""Gives the inputs of an ONNX graph fixed shapes, and says how a picture goes into them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, shape_inference

from edgeready.config.build import SourceConfig
from edgeready.config.open_shapes import fill_picture, fixed_shape, shape_option
from edgeready.errors import ModelSourceError

_CHANNELS = (1, 3)
_TO_FIRST, _TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
_FLAT_SHAPE = "edgeready_flat_shape"


@dataclass(frozen=True, kw_only=True)
class PictureInput:
    """How a picture (1, height, width, channels) goes into the one input of an ONNX graph.

    `kind` is "channels first", "channels last", "flat" or "plain" for an input without channels; `dtype` is the
    input's own.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: str = "float32"

    def to_source(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Returns `picture`, whose axes may lack the channels, as the graph's own input takes it."""
        if self.kind == "channels first":
            picture = picture.transpose(_TO_FIRST)
        return np.ascontiguousarray(picture.reshape(self.shape).astype(self.dtype))


def input_values(model: Any) -> list[Any]:
    """Returns the inputs of the graph of `model` that its file holds no values for."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in constants]


def sizes_of(value: Any) -> list[int | None] | None:
    """Returns the sizes of a graph's input or output, None for an open one; None for one without a shape."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    return [axis.dim_value if axis.dim_value > 0 else None for axis in kind.shape.dim]


def fix_shapes(
    path: Path, model: Any, settings: SourceConfig, *, frame: Sequence[int] | None
) -> tuple[Any, PictureInput | None]:
    """Returns `model` with batch 1 and fixed shapes of its inputs, and how a picture of the shape `frame` goes in.

    With `frame` None, or several inputs, there is no picture. Raises ModelSourceError for a size that stays open.
    """
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    values = input_values(fixed)
    if not values:
        raise ModelSourceError(f"{path}: export it again: the ONNX graph has no input")
    picture = None
    for number, value in enumerate(values):
        sizes = sizes_of(value)
        option = shape_option(str(path), settings.shapes, number, count=len(values))
        kind = _kind_of(fixed, value, sizes) if frame is not None and len(values) == 1 else ""
        if option is None and kind:
            option = _fill(sizes, frame, kind)
        shape = fixed_shape(str(path), value.name, sizes, option=option)
        _set_shape(value, shape)
        if kind:
            dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
            picture = PictureInput(name=value.name, kind=kind, shape=shape, dtype=np.dtype(dtype).name)
    del fixed.graph.value_info[:]
    for output in fixed.graph.output:
        output.type.tensor_type.ClearField("shape")
    return shape_inference.infer_shapes(fixed, strict_mode=True, data_prop=True), picture


def with_channels_first(model: Any, picture: PictureInput, frame: Sequence[int]) -> Any:
    """Returns `model` with a float32 input (1, channels, height, width), whatever its own input is.

    An input without channels stays as it is, and a flat one that holds no grey picture of the shape `frame`.
    """
    fronted = onnx.ModelProto()
    fronted.CopyFrom(model)
    (value,) = input_values(fronted)
    if picture.dtype != "float32":
        _take_float32(fronted, value)
    if picture.kind == "channels last":
        shape = tuple(picture.shape[axis] for axis in _TO_FIRST)
        _put_in_front(fronted, value, shape, "Transpose", perm=list(_TO_LAST))
    elif picture.kind == "flat" and math.prod(frame) == picture.shape[1] and (len(frame) == 2 or frame[2] == 1):
        fronted.graph.initializer.append(numpy_helper.from_array(np.array(picture.shape), _FLAT_SHAPE))
        _put_in_front(fronted, value, (1, 1, *frame[:2]), "Reshape", _FLAT_SHAPE)
    return fronted


def _kind_of(model: Any, value: Any, sizes: list[int | None] | None) -> str:
    """Returns the kind of PictureInput of an input with `sizes`; "" where it takes no picture."""
    if sizes is None or len(sizes) not in (2, 3, 4):
        return ""
    if len(sizes) < 4:
        return "flat" if len(sizes) == 2 else "plain"
    users = [node for node in model.graph.node if value.name in node.input]
    turned = any(
        node.op_type == "Transpose" and tuple(helper.get_node_attr_value(node, "perm")) == _TO_FIRST for node in users
    )
    last = sizes[3] in _CHANNELS and sizes[1] not in _CHANNELS
    return "channels last" if turned or last else "channels first"


def _fill(sizes: list[int | None] | None, frame: Sequence[int] | None, kind: str) -> tuple[int, ...] | None:
    """Returns the shape of a picture input with open `sizes`, filled from `frame`; None where none fits."""
    if sizes is None or kind != "channels first" or frame is None:
        return fill_picture(sizes, frame)
    picture = fill_picture([sizes[axis] for axis in _TO_LAST], frame)
    return None if picture is None else tuple(picture[axis] for axis in _TO_FIRST)


def _set_shape(value: Any, shape: Sequence[int]) -> None:
    axes = value.type.tensor_type.shape
    del axes.dim[:]
    for size in shape:
        axes.dim.add().dim_value = size


def _take_float32(model: Any, value: Any) -> None:
    """Gives an input of whole numbers, which the graph casts before it computes, float32 in their place."""
    own = value.type.tensor_type.elem_type
    value.type.tensor_type.elem_type = TensorProto.FLOAT
    for node in model.graph.node:
        if value.name in node.input and node.op_type != "Cast":
            _put_in_front(model, value, [axis.dim_value for axis in value.type.tensor_type.shape.dim], "Cast", to=own)
            return


def _put_in_front(model: Any, value: Any, shape: Sequence[int], op_type: str, *more: str, **attributes: Any) -> None:
    """Puts an operator between the input `value`, which gets another name and `shape`, and the graph behind it."""
    own = value.name
    value.name = f"{own}_picture"
    _set_shape(value, shape)
    node = helper.make_node(op_type, [value.name, *more], [own], name=f"{own}_{op_type}", **attributes)
    model.graph.node.insert(0, node)
