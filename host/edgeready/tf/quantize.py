"""The converter's own integer quantization in two steps: calibrates a float32 .tflite, then makes it integer.

Between the two the ranges can be read and changed in the bytes (edgeready.quantization.ranges), which
`TFLiteConverter.convert` does not allow. Measured: with unchanged ranges both give the same tensors and ops.
"""

from __future__ import annotations

import tensorflow as tf
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.lite.python.optimize import calibrator

from edgeready.config.method import Method
from edgeready.config.modes import MODES
from edgeready.errors import UsageError
from edgeready.jobs.quantize_job import Quantized, QuantizeJob
from edgeready.quantization.bias_correction import correct_biases
from edgeready.quantization.clipping import clip_ranges
from edgeready.quantization.equalization import equalize_channels
from edgeready.quantization.overwritten import measure_overwritten
from edgeready.quantization.ranges import read_ranges, replace_ranges
from edgeready.quantization.representative import check_samples
from edgeready.quantization.samples import Samples
from edgeready_device.progress import Progress


def quantize_step(job: QuantizeJob, progress: Progress) -> Quantized:
    """Does `job`; the log of the process says why the converter refused it."""
    mode = MODES[job.mode]
    if job.samples is not None:
        check_samples(job.samples)
    progress(f"converting to {mode.name}", 0, 0)
    if mode.name == "int16x8":  # the converter does it in one step only
        if job.samples is None:
            raise UsageError("int16x8 takes its ranges from samples: give samples")
        return Quantized(model=quantize_16x8(job.model, job.samples))
    if job.samples is None:
        return Quantized(calibrated=job.model, model=quantize(job.model, mode.ends))
    calibrated = observe(job.model, job.samples, job.method)
    if job.observe_only:
        return Quantized(calibrated=calibrated)
    return Quantized(calibrated=calibrated, model=to_integer(calibrated, job.samples, job.method, ends=mode.ends))


def observe(float_model: bytes, samples: Samples, method: Method) -> bytes:
    """Returns `float_model` ready for integers: equalized where `method` says so, with the ranges in it."""
    model = equalize_channels(float_model, samples) if method.equalize else float_model
    calibrated = calibrate(model, samples)
    calibrated = replace_ranges(calibrated, measure_overwritten(calibrated, samples))
    if method.calibration == "min-max":
        return calibrated
    ranges = clip_ranges(calibrated, read_ranges(calibrated), samples, how=method.calibration)
    return replace_ranges(calibrated, ranges)


def to_integer(calibrated: bytes, samples: Samples, method: Method, ends: str) -> bytes:
    """Returns the result of `observe` as an integer model with inputs and outputs of the type `ends`.

    The biases are corrected where `method` says so.
    """
    quantized = quantize(calibrated, ends)
    return correct_biases(calibrated, quantized, samples) if method.bias_correction else quantized


def calibrate(float_model: bytes, samples: Samples) -> bytes:
    """Returns `float_model` with the least and largest value of each activation over `samples` in it."""
    calibrated: bytes = _observer(float_model).calibrate(samples)
    return calibrated


def quantize(calibrated: bytes, ends: str) -> bytes:
    """Returns the result of `calibrate` with int8 inside; its inputs and outputs are `ends`: uint8, int8 or float32.

    Convolutions have a scale per output channel, dense layers one scale: the Edge TPU compiler maps dense layers with
    several, but whether the chip computes them well is not known. An op without an 8-bit form stays float32.
    """
    kind = tf.as_dtype(ends)
    quantized: bytes = mlir_quantize(
        calibrated,
        input_data_type=kind,
        output_data_type=kind,
        disable_per_channel_for_dense_layers=True,
    )
    return quantized


def quantize_16x8(float_model: bytes, samples: Samples) -> bytes:
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
