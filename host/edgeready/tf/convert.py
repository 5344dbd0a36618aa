"""Converts a frozen function to float .tflite bytes; `edgeready.jobs.run` gives it a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from edgeready.config.build import SourceConfig
from edgeready.errors import ConversionError


def freeze(model: keras.Model) -> Any:
    """Returns `model` in inference mode as a concrete function with batch 1 and without variables.

    `model` is one of Keras 3 or tf_keras. Raises ConversionError when an input has no fixed size.
    """
    single = len(model.inputs) == 1
    specs = [
        tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype, name="image" if single else _plain(tensor.name))
        for tensor in model.inputs
    ]

    def infer(*inputs: tf.Tensor) -> Any:
        return model(inputs[0] if single else list(inputs), training=False)

    return freeze_call(infer, specs)


def freeze_call(call: Callable[..., Any], specs: Sequence[tf.TensorSpec]) -> Any:
    """Returns `call` on inputs of `specs` as a concrete function without variables.

    The frozen variables keep READ_VARIABLE out of calibration; the fixed batch keeps SHAPE, STRIDED_SLICE and PACK
    out of Flatten, Reshape and Conv2DTranspose.
    """
    for spec in specs:
        if spec.shape.rank is None or any(size is None for size in spec.shape):
            shape = "unknown" if spec.shape.rank is None else list(spec.shape[1:])
            raise ConversionError(
                f"the model's input has the open shape {shape}: build it with a fixed height and width"
            )

    @tf.function(input_signature=list(specs))  # type: ignore[untyped-decorator]
    def infer(*inputs: tf.Tensor) -> Any:
        outputs = tf.nest.flatten(call(*inputs))
        if len(outputs) == 1:
            return tf.identity(outputs[0], name="scores")
        return [tf.identity(output, name=f"output_{number}") for number, output in enumerate(outputs)]

    return convert_variables_to_constants_v2(infer.get_concrete_function())


def to_float32(frozen: Any, source: SourceConfig) -> bytes:
    """Returns the float32 .tflite of a frozen function."""
    converted: bytes = converter_of(frozen, source).convert()
    return converted


def to_dynamic(frozen: Any, source: SourceConfig) -> bytes:
    """Returns the .tflite of a frozen function with int8 weights where they have 1,024 values or more.

    Dense layers have one scale: with a scale per output FULLY_CONNECTED has version 12, which tflite-runtime 2.14
    refuses.
    """
    settings = converter_of(frozen, source)
    settings.optimizations = [tf.lite.Optimize.DEFAULT]
    converted: bytes = settings.convert()
    return converted


def to_float16(frozen: Any, source: SourceConfig) -> bytes:
    """Returns the .tflite of a frozen function with float16 weights."""
    settings = converter_of(frozen, source)
    settings.optimizations = [tf.lite.Optimize.DEFAULT]
    settings.target_spec.supported_types = [tf.float16]
    converted: bytes = settings.convert()
    return converted


def converter_of(frozen: Any, source: SourceConfig) -> Any:
    """Returns TensorFlow's converter of a frozen function, with the ops that `source` allows."""
    settings = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    settings.allow_custom_ops = source.custom_ops
    if source.select_tf_ops:
        settings.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    settings._experimental_disable_per_channel_quantization_for_dense_layers = True
    return settings


def _plain(name: str) -> str:
    return name.partition(":")[0].replace("/", "_")
