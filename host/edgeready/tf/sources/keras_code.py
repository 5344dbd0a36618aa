"""Refuses what the configuration of a Keras model must not hold: code, names of code elsewhere, and names of files.

Keras' safe mode refuses a Lambda layer's bytecode. It lets through functions by name, modules to import, TensorFlow's
whole API in Keras 2's op layers, and layers that load other files; releases differ in what else. So this is checked
here, for every release, before a library reads the configuration.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from edgeready.tf.sources.graph_code import find_fault
from edgeready.tf.sources.keras_content import values_of

LAMBDA = "it carries code in a Lambda layer, which is not run: give FILE.py:FUNCTION instead"
GIVE = "code in a model is not run: give FILE.py:FUNCTION instead"
_CODE = {"Lambda", "__lambda__"}
_OTHER_FILES = {"TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "ReloadedLayer", "KerasLayer"}
_METHODS = {"ClassMethod", "InstanceMethod", "InstanceProperty"}
_OP_LAYERS = {"TFOpLambda", "SlicingOpLambda"}
# Fields that name a file, of layers that look words up and of those that load something.
_FILE_FIELDS = {
    *("vocabulary", "vocabulary_file", "filepath", "file_path", "filename", "file", "path", "directory", "folder"),
    *("url", "origin", "handle"),
}
_OWN = {
    "__typespec__",
    "__tensor__",
    "__numpy__",
    "__keras_tensor__",
    "__bytes__",
    "__ellipsis__",
    "__slice__",
    "__tuple__",
}
_OWN_MODULE = re.compile(r"(keras|tf_keras|builtins)(\.\w+)*")
# What a TensorFlow function in a layer of Keras 2 may be: arithmetic. The other names of TensorFlow's API read and
# write files, load libraries and call Python.
_NAMESPACES = re.compile(r"(compat\.v[12]\.)?(math|nn|linalg|bitwise|signal|image|__operators__)\.\w+")
_FUNCTIONS = set(
    """
    abs add add_n argmax argmin argsort batch_to_space boolean_mask broadcast_to cast clip_by_value
    clip_by_norm concat convert_to_tensor cos cumsum divide einsum equal exp expand_dims floor gather
    gather_nd greater greater_equal identity less less_equal logical_and logical_not logical_or matmul maximum
    minimum multiply negative norm not_equal one_hot ones_like pad pow rank realdiv reduce_all reduce_any
    reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod reduce_sum repeat reshape reverse round
    shape sigmoid sign sin size slice sort space_to_batch split sqrt square squeeze stack stop_gradient
    strided_slice subtract tan tanh tensordot tile transpose truediv unstack where zeros_like
    """.split()
)
# Where a library has what a configuration names; of the second line classes only, as functions there load and save.
_GROUPS = "layers initializers regularizers constraints activations losses metrics optimizers quantizers".split()
_CLASS_GROUPS = "models dtype_policies mixed_precision random".split()
_HELPERS = {"deserialize", "get", "serialize"}


def find_code(config: Any) -> str:
    """Returns the first code, name of code elsewhere or name of a file in a configuration, in words; "" for none."""
    return next((fault for node in _objects(config) if (fault := _find_fault(node))), "")


def find_stranger(config: Any, library: Any) -> str:
    """Returns the first object with a module that is no part of `library` (keras or tf_keras), in words; "" for none.

    A name without a module is looked up in the library's own tables only.
    """
    names = _names_in(library) | _OWN
    for node in _objects(config):
        name = node.get("config") if node["class_name"] == "function" else node["class_name"]
        if node.get("module") is not None and str(name) not in names:
            return f"{library.__name__} has no {str(name)[:30]!r} of {node['module'][:30]!r}; {GIVE}"
    return ""


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    return (value for value, _ in values_of(config) if isinstance(value, dict) and "class_name" in value)


def _find_fault(node: dict[str, Any]) -> str:
    """Returns why the object `node` is refused, or ""."""
    name, module, registered = node["class_name"], node.get("module"), node.get("registered_name")
    fields = node.get("config")
    layer = fields.get("name", name) if isinstance(fields, dict) else fields
    if not isinstance(name, str) or not isinstance(module, (str, type(None))):
        return f"{str(name)[:80]!r} is no name of a class"
    if name in _CODE:
        return LAMBDA
    if name == "__typespec__":
        return "" if node.get("spec_name") == "TensorSpec" else f"it makes a {str(node.get('spec_name'))[:80]!r}"
    if module is not None and _OWN_MODULE.fullmatch(module) is None:
        return f"{name} {str(layer)[:80]!r} is code of the module {module[:80]!r}; {GIVE}"
    expected = fields if name == "function" else name
    if (registered is not None and registered not in ("", expected)) or ">" in name:
        return f"{str(registered or name)[:80]!r} is a class or function of your own; {GIVE}"
    if name in _OTHER_FILES:
        return f"the layer {str(layer)[:80]!r} loads another file or program, as every {name}; give that file itself"
    if name in _METHODS:
        return f"the layer {str(layer)[:80]!r} calls a method by its name; {GIVE}"
    return _find_field_fault(name, fields) if isinstance(fields, dict) else ""


def _find_field_fault(name: str, fields: dict[str, Any]) -> str:
    layer = str(fields.get("name", name))[:80]
    if name in _OP_LAYERS:
        function = str(fields.get("function"))
        if function not in _FUNCTIONS and _NAMESPACES.fullmatch(function) is None:
            return f"the layer {layer!r} calls tf.{function[:80]}, which is no arithmetic; {GIVE}"
    if name == "TensorFlowOpLayer":
        try:
            op = str(json.loads(fields["node_def"])["op"])
        except (KeyError, TypeError, ValueError):
            return f"the layer {layer!r} names no op"
        if fault := find_fault(op):
            return f"the layer {layer!r} holds an op: {fault}"
    for field in sorted(_FILE_FIELDS & fields.keys()):
        if isinstance(fields[field], str) and fields[field]:
            return f"the layer {layer!r} names the file {fields[field][:80]!r} ({field}), which is not read"
    return ""


def _names_in(library: Any) -> set[str]:
    """Returns the names of everything that a configuration of `library` can hold: its classes and functions."""
    names = {"Sequential", "Functional", "Model"}
    for group in _GROUPS:
        names.update(dir(getattr(library, group, None)))
    for group in _CLASS_GROUPS:
        names.update(
            name
            for name, value in getattr(getattr(library, group, None), "__dict__", {}).items()
            if isinstance(value, type)
        )
    names.update(dir(library.optimizers.schedules))
    roots = [library.layers.Layer, *([library.Operation] if hasattr(library, "Operation") else [])]
    package = library.__name__.split(".", maxsplit=1)[0]
    while roots:
        kind = roots.pop()
        if kind.__module__.split(".", maxsplit=1)[0] == package:
            names.add(kind.__name__)
        roots.extend(kind.__subclasses__())
    return {name for name in names if not name.startswith("_")} - _HELPERS
