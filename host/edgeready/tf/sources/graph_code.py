"""Refuses TensorFlow graphs with ops that reach beyond the graph: files, Python, other machines, devices.

TensorFlow's own list says which ops have a state; of those, only variables, calls, random numbers, tables in memory
and arrays are let through. Of the others, a few read files all the same. An op that TensorFlow does not know is
refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from edgeready.errors import ModelSourceError, fit_reason

_STATEFUL = re.compile(
    r"VarHandleOp|(Read|Assign|AssignAdd|AssignSub)VariableOp|VarIsInitializedOp|DestroyResourceOp|Variable(V2|Shape)?"
    r"|ResourceGather(Nd)?|StatefulPartitionedCall|If|While|Case|Assert|CheckNumerics(V2)?|GuaranteeConst|Empty"
    r"|DisableCopyOnRead|DeepCopy|Timestamp"
    r"|Random(Uniform|UniformInt|StandardNormal|Gamma|Poisson|PoissonV2|Shuffle)|(Parameterized)?TruncatedNormal"
    r"|Multinomial|Stateful(Uniform|UniformInt|UniformFullInt|StandardNormal|StandardNormalV2|TruncatedNormal)"
    r"|StatefulRandomBinomial|Rng(Skip|ReadAndSkip)|NonDeterministicInts|StatelessRandomGetAlg"
    r"|(Mutable|MutableDense|Anonymous)?HashTable(V2)?|InitializeTableV2|LookupTable(Find|Import|Insert|Size|Export)V2"
    r"|TensorArray(|Read|Write|Gather|Scatter|Size|Concat|Split|Close)V3|Stack(Push|Pop|Close)?V2|CudnnRNN\w*"
)
_STATELESS = re.compile(
    r"ReadFile|MatchingFiles|PyFuncStateless|InitializeTableFromTextFile|Reader\w+|Debug\w+|\w*Dataset\w*"
    r"|XlaCustomCall\w*|XlaLaunch\w*|TPU\w+"
)
# They read and write the checkpoint that the loader names: for the loader's own functions, and nothing else.
_CHECKPOINT = {"SaveV2", "RestoreV2", "MergeV2Checkpoints", "Save", "SaveSlices", "Restore", "RestoreSlice"}
_MOST_NODES = 200_000  # chosen like the number of tables in a .tflite; NASNetLarge has some ten thousand
_INITIALIZERS = ("saved_model_main_op", "legacy_init_op", "__saved_model_init_op")
_GIVE = "TensorFlow would run it: convert the model that it was made from, or give FILE.py:FUNCTION"


def find_fault(op: str) -> str:
    """Returns why no graph may hold the op `op`, or ""."""
    definition = op_def_registry.get(op)
    if definition is None:
        return f"the op {op[:80]!r}, which TensorFlow does not know"
    safe = _STATEFUL.fullmatch(op) if definition.is_stateful else not _STATELESS.fullmatch(op)
    return "" if safe else f"the op {op}, which reaches beyond the graph"


def check_graph(path: Path, graph: Any) -> None:
    """Raises ModelSourceError, naming the node, for an op in the GraphDef `graph` that reaches beyond it."""
    _check_nodes(path, graph, checkpoint=False)


def check_saved_model(path: Path) -> None:
    """Raises ModelSourceError for a SavedModel in the folder `path` that runs or reads more than itself.

    Functions that only the loader calls may read and write the checkpoint; those of signatures and of what runs at
    loading may not.
    """
    _check_files(path)
    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString((path / "saved_model.pb").read_bytes())
    except DecodeError as error:
        raise ModelSourceError(
            fit_reason(f"{path}: TensorFlow does not load this SavedModel (", error, "): save it again")
        ) from error
    for meta in model.meta_graphs:
        for asset in meta.asset_file_def:
            if ".." in Path(asset.filename).parts or Path(asset.filename).is_absolute():
                raise ModelSourceError(f"{path}: the asset {asset.filename[:80]!r} lies out of the folder")
        _check_nodes(path, meta.graph_def, checkpoint=True)
        _check_checkpoints(path, meta)


def _check_files(path: Path) -> None:
    if (path / "saved_model.cpb").exists():
        raise ModelSourceError(f"{path}: a SavedModel in several parts (saved_model.cpb) is not read: save it in one")
    root = path.resolve()
    for folder, names, files in os.walk(path):
        for name in (*names, *files):
            place = Path(folder, name)
            if place.is_symlink() and root not in place.resolve().parents:
                raise ModelSourceError(
                    f"{path}: {place.relative_to(path)} is a symbolic link out of the folder: copy the model with "
                    "what its links lead to (cp -rL)"
                )


def _check_nodes(path: Path, graph: Any, *, checkpoint: bool) -> None:
    functions = {function.signature.name for function in graph.library.function}
    bodies = [("", graph.node), *((f.signature.name, f.node_def) for f in graph.library.function)]
    count = sum(len(nodes) for _, nodes in bodies)
    if count > _MOST_NODES:
        raise ModelSourceError(
            f"{path}: {count:,} nodes, and {_MOST_NODES:,} are the most: no device runs such a graph"
        )
    verdicts: dict[str, str] = {}
    for function, nodes in bodies:
        for node in nodes:
            if node.op in functions or (checkpoint and node.op in _CHECKPOINT):
                continue
            if node.op not in verdicts:
                verdicts[node.op] = find_fault(node.op)
            if fault := verdicts[node.op]:
                place = f" of the function {function[:80]!r}" if function else ""
                raise ModelSourceError(f"{path}: the node {node.name[:80]!r}{place} is {fault}; {_GIVE}")


def _check_checkpoints(path: Path, meta: Any) -> None:
    """Raises ModelSourceError where a checkpoint is read or written by what the model's user calls."""
    bodies = {function.signature.name: function.node_def for function in meta.graph_def.library.function}
    if meta.object_graph_def.nodes:
        nodes = [node for name in meta.object_graph_def.concrete_functions for node in bodies.get(name, ())]
    else:
        nodes = _needed_nodes(meta)
    reached: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node.op in _CHECKPOINT:
            raise ModelSourceError(
                f"{path}: the node {node.name[:80]!r} is the op {node.op}, which reads or writes another file; "
                f"{_GIVE}"
            )
        for name in _callees(node, bodies) - reached:
            reached.add(name)
            waiting.extend(bodies[name])


def _callees(node: Any, bodies: Mapping[str, Any]) -> set[str]:
    """Returns the functions that `node` calls: as its op, or as its attributes."""
    names = {node.op}
    for attribute in node.attr.values():
        names.add(attribute.func.name)
        names.update(function.name for function in attribute.list.func)
    return names & bodies.keys()


def _needed_nodes(meta: Any) -> list[Any]:
    """Returns the nodes of a SavedModel of TensorFlow 1 that its signatures and its start need."""
    nodes = {node.name: node for node in meta.graph_def.node}
    ends = [tensor.name for signature in meta.signature_def.values() for tensor in signature.outputs.values()]
    for name in _INITIALIZERS:
        ends.extend(meta.collection_def[name].node_list.value if name in meta.collection_def else ())
    return [nodes[name] for name in ancestors(nodes, ends)]


def ancestors(nodes: Mapping[str, Any], ends: Iterable[str], stop: Iterable[str] = ()) -> set[str]:
    """Returns the names of the nodes that the tensors `ends` need, without those that only those of `stop` need."""
    last, names, waiting = {node_name(end) for end in stop}, set[str](), [node_name(end) for end in ends]
    while waiting:
        name = waiting.pop()
        if name not in names and name in nodes:
            names.add(name)
            if name not in last:
                waiting.extend(node_name(operand) for operand in nodes[name].input)
    return names


def node_name(tensor: str) -> str:
    """Returns the name of the node that makes `tensor`, or of a control input."""
    return tensor.lstrip("^").partition(":")[0]
