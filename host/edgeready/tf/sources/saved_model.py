"""Reads a SavedModel folder: one of its signatures as a frozen function."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from edgeready.config.build import SourceConfig
from edgeready.errors import ModelSourceError, reason_of
from edgeready.tf.convert import freeze_call
from edgeready.tf.sources.graph_code import check_saved_model
from edgeready.tf.sources.network import Network, fill_picture, fixed_shape, shape_option

_DEFAULT = "serving_default"


def load_saved_model(path: Path, source: SourceConfig, frame: Sequence[int] | None = None) -> Network:
    """Returns the network in the folder `path`, written by Keras' export, tf.saved_model.save or tf_keras.

    An open size of its pictures becomes that of `frame`. Raises ModelSourceError, naming the signatures, when the
    choice is ambiguous.
    """
    check_saved_model(path)
    try:
        model = tf.saved_model.load(str(path))
    except (OSError, ValueError, KeyError, AttributeError, tf.errors.OpError) as error:
        reason = reason_of(error)
        raise ModelSourceError(
            f"{path}: TensorFlow does not load this SavedModel ({reason}): save it again"
        ) from error
    signature = _choose_signature(path, dict(model.signatures), source.signature)
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


def _choose_signature(path: Path, signatures: dict[str, Any], name: str | None) -> Any:
    names = ", ".join(signatures)
    if not signatures:
        raise ModelSourceError(
            f"{path}: the SavedModel has no signature: save it with tf.saved_model.save(..., signatures=...)"
        )
    if name is not None and name not in signatures:
        raise ModelSourceError(f"{path}: the SavedModel has no signature {name!r}: give --signature {names}")
    if name is None and _DEFAULT not in signatures and len(signatures) > 1:
        raise ModelSourceError(f"{path}: the SavedModel has the signatures {names}: choose one with --signature")
    return signatures[name or (_DEFAULT if _DEFAULT in signatures else next(iter(signatures)))]


def _sizes(spec: tf.TensorSpec) -> list[int | None] | None:
    return None if spec.shape.rank is None else spec.shape.as_list()
