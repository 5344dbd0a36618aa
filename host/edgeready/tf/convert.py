"""Converts a Keras model to .tflite bytes in this process; `edgeready.workshop` gives it a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from edgeready.errors import ConversionError
from edgeready_device.preprocess import Normalization


def freeze(model: keras.Model) -> Any:
    """`model` in inference mode as a concrete function with batch 1 and without variables.

    Freezing the variables first keeps READ_VARIABLE out of calibration; the fixed batch keeps SHAPE,
    STRIDED_SLICE and PACK out of Flatten, Reshape and Conv2DTranspose. Raises ConversionError when the
    model's input has no fixed size.
    """
    shape = tuple(model.inputs[0].shape[1:])
    if any(size is None for size in shape):
        raise ConversionError(
            f"the model's input has the open shape {list(shape)}: build it with a fixed height and width"
        )

    @tf.function(input_signature=[tf.TensorSpec((1, *shape), tf.float32, name="image")])  # type: ignore[untyped-decorator]
    def infer(image: tf.Tensor) -> tf.Tensor:
        return tf.identity(model(image, training=False), name="scores")

    return convert_variables_to_constants_v2(infer.get_concrete_function())


def to_float32(frozen: Any) -> bytes:
    """The float32 .tflite of a frozen function."""
    converted: bytes = tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert()
    return converted


def to_uint8(frozen: Any, calibration: NDArray[np.uint8], normalization: Normalization) -> bytes:
    """The uint8, integer-only .tflite of a frozen function.

    Its ranges come from the frames `calibration`, uint8 (n, height, width[, channels]) in the rank of the model.
    """

    def representative() -> Iterator[list[NDArray[np.float32]]]:
        for frame in calibration:
            yield [normalization.apply(frame[np.newaxis])]

    settings = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    settings.optimizations = [tf.lite.Optimize.DEFAULT]
    settings.representative_dataset = representative
    settings.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    settings.inference_input_type = tf.uint8
    settings.inference_output_type = tf.uint8
    # The last Edge TPU compiler (2021) is older than dense layers with a scale per output.
    settings._experimental_disable_per_channel_quantization_for_dense_layers = True
    converted: bytes = settings.convert()
    return converted
