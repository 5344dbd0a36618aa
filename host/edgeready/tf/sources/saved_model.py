"""Reads a SavedModel folder: one of its signatures as a frozen function."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from edgeready.config.build import SourceConfig
from edgeready.config.open_shapes import fill_picture, fixed_shape, shape_option
from edgeready.errors import ModelSourceError, fit_reason
from edgeready.tf.convert import freeze_call
from edgeready.tf.sources.graph_code import check_saved_model
from edgeready.tf.sources.network import Network

_DEFAULT = "serving_default"
_WRITES = ("AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp", "RngReadAndSkip", "RngSkip")


def load_saved_model(path: Path, source: SourceConfig, frame: Sequence[int] | None = None) -> Network:
    """Returns the network in the folder `path`, written by Keras' export, tf.saved_model.save or tf_keras.

    An open size of its pictures becomes that of `frame`. Raises ModelSourceError, naming the signatures, when the
    choice is ambiguous.
    """
    check_saved_model(path)
    try:
        model = tf.saved_model.load(str(path))
    except (OSError, ValueError, KeyError, AttributeError, tf.errors.OpError) as error:
        raise ModelSourceError(
            fit_reason(f"{path}: TensorFlow does not load this SavedModel (", error, "): save it again")
        ) from error
    signature = _choose_signature(path, dict(model.signatures), source.signature, frame)
    _check_inference(path, signature)
    inputs = signature.structured_input_signature[1]
    specs = []
    for number, (name, spec) in enumerate(inputs.items()):
        option = shape_option(str(path), source.shapes, number, count=len(inputs))
        if option is None:
            option = fill_picture(_sizes(spec), frame)
        shape = fixed_shape(str(path), name, _sizes(spec), option=option)
        specs.append(tf.TensorSpec(shape, spec.dtype, name=name))

    def call(*tensors: tf.Tensor) -> Any:
        return signature(**dict(zip(inputs, tensors)))

    return Network(name=path.name, function=freeze_call(call, specs))


def _choose_signature(path: Path, signatures: dict[str, Any], name: str | None, frame: Sequence[int] | None) -> Any:
    """Returns the signature `name`, or the one that serves by default, or the only one that takes a `frame`."""
    names = ", ".join(signatures)
    if not signatures:
        raise ModelSourceError(
            f"{path}: the SavedModel has no signature: save it with tf.saved_model.save(..., signatures=...)"
        )
    if name is not None and name not in signatures:
        raise ModelSourceError(f"{path}: the SavedModel has no signature {name!r}: give --signature {names}")
    if name is None and frame is not None and len(signatures) > 1:
        fitting = [key for key, signature in signatures.items() if _takes(signature, frame)]
        name = _DEFAULT if _DEFAULT in fitting else fitting[0] if len(fitting) == 1 else None
    if name is None and _DEFAULT not in signatures and len(signatures) > 1:
        raise ModelSourceError(f"{path}: the SavedModel has the signatures {names}: choose one with --signature")
    return signatures[name or (_DEFAULT if _DEFAULT in signatures else next(iter(signatures)))]


def _takes(signature: Any, frame: Sequence[int]) -> bool:
    """Returns whether `signature` has one input of pixels, which `frame` (height, width[, channels]) fits."""
    specs = list(signature.structured_input_signature[1].values())
    if len(specs) != 1 or specs[0].dtype != tf.float32 or specs[0].shape.rank is None:
        return False
    sizes = specs[0].shape.as_list()[1:]
    picture = (*frame, 1)[: len(sizes)]
    return len(sizes) in (2, 3) and all(size in (None, has) for size, has in zip(sizes, picture, strict=True))


def _check_inference(path: Path, signature: Any) -> None:
    """Raises ModelSourceError for a signature that changes its variables: it was saved in training mode."""
    graph = signature.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    writers = [node.name for node in nodes if node.op in _WRITES]
    if writers:
        parts = [part for name in writers for part in name.split("/") if part not in ("AssignVariableOp", "")]
        raise ModelSourceError(
            f"{path}: give the .keras file, or export the model without layers of random augmentation: the signature "
            f"was saved in training mode, and {parts[0] if parts else 'a layer'} changes a variable in it"
        )


def _sizes(spec: tf.TensorSpec) -> list[int | None] | None:
    return None if spec.shape.rank is None else spec.shape.as_list()
