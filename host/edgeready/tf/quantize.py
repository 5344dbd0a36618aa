"""The TensorFlow engine: the converter's own calibrator and integer quantizer, in two steps.

`TFLiteConverter.convert` does both in one, and lets nobody change the ranges between them. Measured: with unchanged
ranges both ways give the same tensors and ops.
"""

from __future__ import annotations

from contextlib import suppress

import tensorflow as tf

from edgeready.config.engine import TRY_LITERT
from edgeready.engine.coverage import check_coverage
from edgeready.engine.unread_pieces import make_whole
from edgeready.errors import MissingExtraError, ModelFileError, fit_reason
from edgeready.quantization.samples import Samples

try:
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.optimize import calibrator
except ImportError as error:
    raise MissingExtraError(
        fit_reason(
            f"the TensorFlow engine needs TensorFlow 2.19 to 2.21, here is {tf.__version__} (",
            error,
            "): install one of these, or use --engine litert",
        )
    ) from error


class TensorFlowQuantizer:
    """The Quantizer of TensorFlow."""

    def calibrate(self, float_model: bytes, samples: Samples) -> bytes:
        """Returns `float_model` with the least and largest value of each activation over `samples` in it."""
        calibrated: bytes = _observer(float_model).calibrate(samples)
        return calibrated

    def quantize(self, calibrated: bytes, ends: str) -> bytes:
        """Returns the result of `calibrate` with int8 inside; its inputs and outputs are `ends`.

        Raises what `make_whole` and `check_coverage` raise.
        """
        kind = tf.as_dtype(ends)
        integer = make_whole(
            lambda: mlir_quantize(
                calibrated,
                input_data_type=kind,
                output_data_type=kind,
                disable_per_channel_for_dense_layers=True,
            )
        )
        with suppress(ModelFileError):  # ops that it merged or left out: the two cannot be laid side by side
            check_coverage(calibrated, integer, "TensorFlow", f"{TRY_LITERT}, or another op")
        return integer

    def quantize_16x8(self, float_model: bytes, samples: Samples) -> bytes:
        """Returns `float_model` with int16 activations and ends and int8 weights, with the ranges on `samples`."""
        quantized: bytes = _observer(float_model).calibrate_and_quantize(
            samples,
            tf.int16,
            tf.int16,
            allow_float=False,
            activations_type=tf.int16,
            bias_type=tf.int64,
            disable_per_channel_quantization_for_dense_layers=True,
        )
        return quantized


def _observer(float_model: bytes) -> calibrator.Calibrator:
    return calibrator.Calibrator(calibrator.add_intermediate_tensors(float_model))
