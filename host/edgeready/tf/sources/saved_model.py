"""A SavedModel folder: one of its signatures as a frozen function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from edgeready.config.build import SourceConfig
from edgeready.errors import ModelSourceError
from edgeready.tf.convert import freeze_call
from edgeready.tf.sources.network import Network, fixed_shape, shape_given

_DEFAULT = "serving_default"


def load_saved_model(path: Path, source: SourceConfig) -> Network:
    """The network in the folder `path`, written by Keras' export, tf.saved_model.save or tf_keras.

    Raises ModelSourceError naming the signatures when it is not clear which one is meant.
    """
    try:
        loaded = tf.saved_model.load(str(path))
    except (OSError, ValueError, KeyError, AttributeError, tf.errors.OpError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelSourceError(
            f"{path}: TensorFlow does not load this SavedModel ({reason}): save it again"
        ) from error
    signature = _chosen(path, dict(loaded.signatures), source.signature)
    taken = signature.structured_input_signature[1]
    specs = [
        tf.TensorSpec(
            fixed_shape(str(path), name, _sizes(spec), shape_given(str(path), source.shapes, number, len(taken))),
            spec.dtype,
            name=name,
        )
        for number, (name, spec) in enumerate(taken.items())
    ]

    def call(*inputs: tf.Tensor) -> Any:
        return signature(**dict(zip(taken, inputs)))

    return Network(path.name, freeze_call(call, specs))


def _chosen(path: Path, signatures: dict[str, Any], wanted: str | None) -> Any:
    names = ", ".join(signatures)
    if not signatures:
        raise ModelSourceError(
            f"{path}: the SavedModel has no signature: save it with tf.saved_model.save(..., signatures=...)"
        )
    if wanted is not None and wanted not in signatures:
        raise ModelSourceError(f"{path}: the SavedModel has no signature {wanted!r}: give --signature {names}")
    if wanted is None and _DEFAULT not in signatures and len(signatures) > 1:
        raise ModelSourceError(f"{path}: the SavedModel has the signatures {names}: choose one with --signature")
    return signatures[wanted or (_DEFAULT if _DEFAULT in signatures else next(iter(signatures)))]


def _sizes(spec: tf.TensorSpec) -> list[int | None] | None:
    return None if spec.shape.rank is None else spec.shape.as_list()
