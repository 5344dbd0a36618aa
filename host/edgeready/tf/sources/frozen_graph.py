"""A frozen graph of TensorFlow 1 (.pb): its inputs and outputs are named, or found where there is one choice."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError

from edgeready.config.build import SourceConfig
from edgeready.errors import ModelSourceError
from edgeready.tf.convert import freeze_call
from edgeready.tf.sources.network import Network, fixed_shape, shape_given

_VARIABLES = ("Variable", "VariableV2", "VarHandleOp", "VarIsInitializedOp")
_NO_RESULT = ("Const", "NoOp", "Placeholder", "PlaceholderWithDefault", "Assert", "SaveV2", "RestoreV2")


def load_frozen_graph(path: Path, source: SourceConfig) -> Network:
    """The network in the file `path`; raises ModelSourceError naming the candidates when the ends are not clear."""
    graph = _read(path)
    nodes = {node.name: node for node in graph.node}
    outputs = [_known(path, nodes, name, "output") for name in source.outputs] or [_only_output(path, nodes)]
    needed = _reached(nodes, outputs, stop=source.inputs)
    open_ends = [name for name in nodes if name in needed and nodes[name].op == "Placeholder"]
    inputs = [_known(path, nodes, name, "input") for name in source.inputs] or _only_input(path, open_ends)
    if missing := [name for name in open_ends if name not in inputs]:
        raise ModelSourceError(
            f"{path}: the output {outputs[0]!r} also needs the placeholder {missing[0]!r}: name it with --input, "
            "too, or freeze the graph for inference"
        )
    specs = [_spec(path, nodes[name], source, number, len(inputs)) for number, name in enumerate(inputs)]

    def call(*tensors: tf.Tensor) -> Any:
        given = dict(zip((f"{name}:0" for name in inputs), tensors))
        fetched = [name if ":" in name else f"{name}:0" for name in source.outputs or outputs]
        return tf.graph_util.import_graph_def(graph, input_map=given, return_elements=fetched, name="")

    try:
        return Network(path.stem, freeze_call(call, specs))
    except (ValueError, tf.errors.OpError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelSourceError(
            f"{path}: the graph does not fit its inputs ({reason}): check --input-shape"
        ) from error


def _read(path: Path) -> tf.compat.v1.GraphDef:
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise ModelSourceError(
            f"{path}: this is no frozen graph ({error}); give the folder of a SavedModel, not the .pb in it"
        ) from error
    if not graph.node:
        raise ModelSourceError(f"{path}: the graph has no node; give the folder of a SavedModel, not the .pb in it")
    if found := next((node.name for node in graph.node if node.op in _VARIABLES), None):
        raise ModelSourceError(
            f"{path}: the graph holds the variable {found!r}: freeze it first, with convert_variables_to_constants"
        )
    return graph


def _known(path: Path, nodes: dict[str, Any], name: str, end: str) -> str:
    plain = _node(name)
    if plain not in nodes:
        ends = [node for node in nodes if nodes[node].op == "Placeholder"] if end == "input" else _unused(nodes)
        raise ModelSourceError(f"{path}: no node {plain!r} for --{end}: the graph has {', '.join(ends) or 'none'}")
    return plain


def _only_output(path: Path, nodes: dict[str, Any]) -> str:
    found = _unused(nodes)
    if len(found) != 1:
        raise ModelSourceError(
            f"{path}: {len(found)} nodes may be the output ({', '.join(found[:8]) or 'none'}): choose with --output"
        )
    return found[0]


def _only_input(path: Path, found: list[str]) -> list[str]:
    if len(found) != 1:
        raise ModelSourceError(
            f"{path}: {len(found)} placeholders may be the input ({', '.join(found[:8]) or 'none'}): choose with "
            "--input"
        )
    return found


def _unused(nodes: dict[str, Any]) -> list[str]:
    """The nodes that give something and that no other node takes."""
    used = {_node(name) for node in nodes.values() for name in node.input}
    return [
        name
        for name, node in nodes.items()
        if name not in used and node.op not in _NO_RESULT and "Summary" not in node.op
    ]


def _reached(nodes: dict[str, Any], outputs: Iterable[str], stop: Iterable[str]) -> set[str]:
    """The nodes that `outputs` need; nothing behind `stop`."""
    halt, found, waiting = {_node(name) for name in stop}, set[str](), list(outputs)
    while waiting:
        name = waiting.pop()
        if name not in found and name in nodes:
            found.add(name)
            if name not in halt:
                waiting.extend(_node(each) for each in nodes[name].input)
    return found


def _node(name: str) -> str:
    return name.lstrip("^").partition(":")[0]


def _spec(path: Path, node: Any, source: SourceConfig, number: int, count: int) -> tf.TensorSpec:
    told = node.attr["shape"].shape if "shape" in node.attr else None
    known = None
    if told is not None and not told.unknown_rank:
        known = [None if dimension.size < 0 else int(dimension.size) for dimension in told.dim]
    if node.op != "Placeholder" and not source.shapes:
        known = None
    given = shape_given(str(path), source.shapes, number, count)
    kind = node.attr["dtype"].type or node.attr["T"].type
    return tf.TensorSpec(fixed_shape(str(path), node.name, known, given), tf.as_dtype(kind), name=_plain(node.name))


def _plain(name: str) -> str:
    return name.replace("/", "_")
