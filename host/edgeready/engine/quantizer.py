"""The steps from a float32 .tflite to an integer one, and what an engine gives for them.

An engine observes a model and makes it integer: TensorFlow's (tf/quantize.py) and LiteRT's (engine/litert.py). Both
call private functions of their packages. Between the two steps the ranges can be read and changed in the bytes
(edgeready.quantization.ranges).
"""

from __future__ import annotations

from typing import Protocol

from edgeready.config.method import Method
from edgeready.config.modes import MODES, Mode
from edgeready.errors import UsageError
from edgeready.jobs.quantize_job import Quantized, QuantizeJob
from edgeready.proof.conformance import prove
from edgeready.quantization.bias_correction import correct_biases
from edgeready.quantization.clipping import clip_ranges
from edgeready.quantization.equalization import equalize_channels
from edgeready.quantization.overwritten import measure_overwritten
from edgeready.quantization.ranges import check_constants, check_ranges, read_ranges, replace_ranges
from edgeready.quantization.representative import check_samples
from edgeready.quantization.samples import Samples
from edgeready_device.progress import Progress
from edgeready_device.tflite.graph import read_graph


class Quantizer(Protocol):
    """What an engine does with a flatbuffer.

    Convolutions get a scale per output channel, dense layers one scale: the Edge TPU compiler maps dense layers with
    several, but whether the chip computes them well is not known. An op without an 8-bit form stays float32.
    """

    def calibrate(self, float_model: bytes, samples: Samples) -> bytes:
        """Returns `float_model` with the least and largest value of each activation over `samples` in it."""

    def quantize(self, calibrated: bytes, ends: str) -> bytes:
        """Returns the result of `calibrate` with int8 inside and inputs and outputs of the type `ends`."""

    def quantize_16x8(self, float_model: bytes, samples: Samples) -> bytes:
        """Returns `float_model` with int16 activations and ends and int8 weights, with the ranges on `samples`."""


def quantize_step(quantizer: Quantizer, job: QuantizeJob, progress: Progress) -> Quantized:
    """Does `job` with `quantizer`; the log of the process says why the converter refused it.

    Raises ConversionError for a model that is not what its mode promises.
    """
    mode = MODES[job.mode]
    if job.samples is not None:
        check_samples(job.samples)
    progress(f"converting to {mode.name}", 0, 0)
    check_constants(read_graph(job.model))
    if mode.name == "int16x8":  # the converters do it in one step only
        if job.samples is None:
            raise UsageError("int16x8 takes its ranges from samples: give samples")
        return Quantized(model=_prove_integer(quantizer.quantize_16x8(job.model, job.samples), mode))
    if job.samples is None:
        return Quantized(calibrated=job.model, model=_prove_integer(quantizer.quantize(job.model, mode.ends), mode))
    calibrated = observe(quantizer, job.model, job.samples, job.method)
    if job.observe_only:
        return Quantized(calibrated=calibrated)
    integer = to_integer(quantizer, calibrated, job.samples, job.method, ends=mode.ends)
    return Quantized(calibrated=calibrated, model=_prove_integer(integer, mode))


def _prove_integer(integer: bytes, mode: Mode) -> bytes:
    """Returns `integer`; raises ConversionError unless it is what `mode` promises."""
    prove(read_graph(integer), mode)
    return integer


def observe(quantizer: Quantizer, float_model: bytes, samples: Samples, method: Method) -> bytes:
    """Returns `float_model` ready for integers: equalized where `method` says so, with the ranges in it.

    Raises ConversionError for a range that no integers can hold.
    """
    model = equalize_channels(float_model, samples) if method.equalize else float_model
    calibrated = quantizer.calibrate(model, samples)
    check_ranges(calibrated)
    calibrated = replace_ranges(calibrated, measure_overwritten(calibrated, samples))
    if method.calibration == "min-max":
        return calibrated
    ranges = clip_ranges(calibrated, read_ranges(calibrated), samples, how=method.calibration)
    return replace_ranges(calibrated, ranges)


def to_integer(quantizer: Quantizer, calibrated: bytes, samples: Samples, method: Method, *, ends: str) -> bytes:
    """Returns the result of `observe` as an integer model with inputs and outputs of the type `ends`.

    The biases are corrected where `method` says so.
    """
    quantized = quantizer.quantize(calibrated, ends)
    return correct_biases(calibrated, quantized, samples) if method.bias_correction else quantized


def make_integer(quantizer: Quantizer, float_model: bytes, mode: str, samples: Samples, method: Method) -> bytes:
    """Returns `float_model` in the calibrated `mode`, with the ranges on `samples`.

    Raises ConversionError for constants and ranges that no integers can hold.
    """
    check_constants(read_graph(float_model))
    if mode == "int16x8":
        return quantizer.quantize_16x8(float_model, samples)
    calibrated = observe(quantizer, float_model, samples, method)
    return to_integer(quantizer, calibrated, samples, method, ends=MODES[mode].ends)
