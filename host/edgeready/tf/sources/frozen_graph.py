"""Reads a frozen graph of TensorFlow 1 (.pb), with its inputs and outputs by name or where there is one choice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError

from edgeready.config.build import SourceConfig
from edgeready.config.open_shapes import fixed_shape, shape_option
from edgeready.errors import ModelSourceError, fit_reason
from edgeready.tf.convert import freeze_call
from edgeready.tf.sources.graph_code import ancestors, check_graph, node_name
from edgeready.tf.sources.network import Network

_VARIABLES = ("Variable", "VariableV2", "VarHandleOp", "VarIsInitializedOp")
_NO_RESULT = ("Const", "NoOp", "Placeholder", "PlaceholderWithDefault", "Assert", "SaveV2", "RestoreV2")


def load_frozen_graph(path: Path, source: SourceConfig) -> Network:
    """Returns the network in the file `path`.

    Raises ModelSourceError, naming the candidates, when inputs or outputs are ambiguous.
    """
    graph = _read(path)
    check_graph(path, graph)
    nodes = {node.name: node for node in graph.node}
    outputs = [_node_named(path, nodes, name, end="output") for name in source.outputs] or [_only_output(path, nodes)]
    needed = ancestors(nodes, outputs, stop=source.inputs)
    open_ends = [name for name in nodes if name in needed and nodes[name].op == "Placeholder"]
    inputs = [_node_named(path, nodes, name, end="input") for name in source.inputs] or _only_input(path, open_ends)
    if missing := [name for name in open_ends if name not in inputs]:
        raise ModelSourceError(
            f"{path}: the output {outputs[0]!r} also needs the placeholder {missing[0]!r}: name it with --input, "
            "too, or freeze the graph for inference"
        )
    shapes = [shape_option(str(path), source.shapes, number, count=len(inputs)) for number in range(len(inputs))]
    specs = [_spec(path, nodes[name], shape) for name, shape in zip(inputs, shapes)]

    def call(*tensors: tf.Tensor) -> Any:
        values = dict(zip((f"{name}:0" for name in inputs), tensors))
        results = [name if ":" in name else f"{name}:0" for name in source.outputs or outputs]
        return tf.graph_util.import_graph_def(graph, input_map=values, return_elements=results, name="")

    try:
        return Network(name=path.stem, function=freeze_call(call, specs))
    except (ValueError, tf.errors.OpError) as error:
        raise ModelSourceError(
            fit_reason(f"{path}: the graph does not fit its inputs (", error, "): check --input-shape")
        ) from error


def _read(path: Path) -> tf.compat.v1.GraphDef:
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise ModelSourceError(
            fit_reason(
                f"{path}: this is no frozen graph (", error, "); give the folder of a SavedModel, not the .pb in it"
            )
        ) from error
    if not graph.node:
        raise ModelSourceError(f"{path}: the graph has no node; give the folder of a SavedModel, not the .pb in it")
    if variable := next((node.name for node in graph.node if node.op in _VARIABLES), None):
        raise ModelSourceError(
            f"{path}: the graph holds the variable {variable!r}: freeze it first, with convert_variables_to_constants"
        )
    return graph


def _node_named(path: Path, nodes: dict[str, Any], name: str, end: str) -> str:
    plain = node_name(name)
    if plain not in nodes:
        ends = [node for node in nodes if nodes[node].op == "Placeholder"] if end == "input" else _unused_nodes(nodes)
        raise ModelSourceError(f"{path}: no node {plain!r} for --{end}: the graph has {', '.join(ends) or 'none'}")
    return plain


def _only_output(path: Path, nodes: dict[str, Any]) -> str:
    names = _unused_nodes(nodes)
    if len(names) != 1:
        raise ModelSourceError(
            f"{path}: {len(names)} nodes may be the output ({', '.join(names[:8]) or 'none'}): choose with --output"
        )
    return names[0]


def _only_input(path: Path, names: list[str]) -> list[str]:
    if len(names) != 1:
        raise ModelSourceError(
            f"{path}: {len(names)} placeholders may be the input ({', '.join(names[:8]) or 'none'}): choose with "
            "--input"
        )
    return names


def _unused_nodes(nodes: dict[str, Any]) -> list[str]:
    """Returns the nodes with a result that no other node uses."""
    used = {node_name(name) for node in nodes.values() for name in node.input}
    return [
        name
        for name, node in nodes.items()
        if name not in used and node.op not in _NO_RESULT and "Summary" not in node.op
    ]


def _spec(path: Path, node: Any, option: tuple[int, ...] | None) -> tf.TensorSpec:
    """Returns the TensorSpec of the input `node`; `option` is its --input-shape."""
    attribute = node.attr["shape"].shape if "shape" in node.attr else None
    shape = None
    if attribute is not None and not attribute.unknown_rank:
        shape = [None if dimension.size < 0 else int(dimension.size) for dimension in attribute.dim]
    if node.op != "Placeholder" and option is None:
        shape = None
    kind = node.attr["dtype"].type or node.attr["T"].type
    return tf.TensorSpec(
        fixed_shape(str(path), node.name, shape, option=option), tf.as_dtype(kind), name=_plain(node.name)
    )


def _plain(name: str) -> str:
    return name.replace("/", "_")
