"""Graphs that were trained for 8 bits: FakeQuant nodes hold their ranges, and are no part of the float network."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from edgeready.config.build import SourceConfig
from edgeready.tf.convert import converter_of, freeze_call
from edgeready_device.tflite.graph import Graph

_PREFIX = "FakeQuantWithMinMax"


def holds_fake_quant(frozen: Any) -> bool:
    """Returns whether the frozen function `frozen` has ranges of its own."""
    return any(operation.type.startswith(_PREFIX) for operation in frozen.graph.get_operations())


def without_fake_quant(frozen: Any) -> Any:
    """Returns the frozen function `frozen` in floats: each FakeQuant node passes its input on."""
    graph = frozen.graph.as_graph_def()
    for node in graph.node:
        if node.op.startswith(_PREFIX):
            kind = node.attr["T"]
            del node.input[1:]
            node.ClearField("attr")
            node.op = "Identity"
            node.attr["T"].CopyFrom(kind if kind.type else tf.compat.v1.AttrValue(type=tf.float32.as_datatype_enum))
    names = [tensor.name for tensor in frozen.inputs]
    results = [tensor.name for tensor in frozen.outputs]

    def call(*tensors: tf.Tensor) -> Any:
        return tf.graph_util.import_graph_def(
            graph, input_map=dict(zip(names, tensors)), return_elements=results, name=""
        )

    specs = [tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.op.name) for tensor in frozen.inputs]
    return freeze_call(call, specs)


def has_symmetric_weights(graph: Graph) -> bool:
    """Returns whether int8 kernels take the constants of `graph`: FakeQuant nodes can give them an offset."""
    weights = (tensor for tensor in graph.tensors if tensor.constant and tensor.dtype == "int8")
    return not any(any(tensor.zero_points) for tensor in weights)


def to_integer(frozen: Any, source: SourceConfig, ends: str) -> bytes:
    """Returns the integer .tflite of a function with FakeQuant nodes, whose ranges it takes; `ends` as in a Mode."""
    settings = converter_of(frozen, source)
    settings.optimizations = [tf.lite.Optimize.DEFAULT]
    settings.inference_input_type = settings.inference_output_type = tf.as_dtype(ends)
    converted: bytes = settings.convert()
    return converted
