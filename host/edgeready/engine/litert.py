"""The LiteRT engine: TFLite's calibrator and integer quantizer, which ai-edge-litert's wheel holds.

Both are private functions of the wheel, so this module is the only one that calls them, and it looks for each before
the first call.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from edgeready.config.engine import LITERT, PACKAGES
from edgeready.engine.coverage import check_coverage
from edgeready.engine.flatbuffer_objects import read_objects, write_objects
from edgeready.engine.own_constants import own_constants
from edgeready.errors import ConversionError, RuntimeUnavailableError, fit_reason
from edgeready.quantization.ranges import check_ranges, widen_points
from edgeready.quantization.samples import Samples
from edgeready_device.tflite.graph import read_graph

PACKAGE = PACKAGES[LITERT]
SERVES = "2.3"  # the version that this module is written for and tested with
_NEEDS = ("Prepare", "FeedTensor", "Calibrate", "QuantizeModel")
_OTHERWISE = "use --engine tensorflow, or another op"


class _Calibrator:
    """The wheel's calibrator and quantizer of one flatbuffer.

    It holds the flatbuffer as long as it lives: the native object reads the bytes without a reference to them, and
    crashes (measured, SIGSEGV) where they are gone.
    """

    def __init__(self, wrapper: Any, model: bytes) -> None:
        no_custom_ops: list[Any] = []
        self._model = model
        self._native = _call(wrapper.CalibrationWrapper, model, no_custom_ops, no_custom_ops)

    def feed(self, samples: Samples) -> None:
        """Runs the model on `samples`."""
        for number, sample in enumerate(samples()):
            if not number:
                _call(self._native.Prepare, [list(values.shape) for values in sample])
            self._native.FeedTensor(sample)

    def read_model(self) -> bytes:
        """Returns the model with the ranges in it."""
        return bytes(self._native.Calibrate())

    def quantize(self, ends: str, activations: str, biases: str, *, allow_float: bool) -> bytes:
        """Returns the integer model; weights have a scale per channel, those of dense layers one."""
        ends_type, inner_type, bias_type = (np.dtype(name).num for name in (ends, activations, biases))
        one_scale, one_scale_for_dense = False, True
        options = (ends_type, ends_type, allow_float, inner_type, bias_type, one_scale, one_scale_for_dense)
        return bytes(_call(self._native.QuantizeModel, *options))


class LiteRtQuantizer:
    """The Quantizer of ai-edge-litert; raises RuntimeUnavailableError where the wheel lacks what it calls."""

    def __init__(self) -> None:
        self._wrapper = _load_wrapper()

    def calibrate(self, float_model: bytes, samples: Samples) -> bytes:
        """Returns `float_model` with the least and largest value of each activation over `samples` in it."""
        return self._observe(float_model, samples).read_model()

    def quantize(self, calibrated: bytes, ends: str) -> bytes:
        """Returns the result of `calibrate` with int8 inside; its inputs and outputs are `ends`.

        Raises what `check_operands` and `check_coverage` raise.
        """
        model = own_constants(widen_points(calibrated))
        integer = _Calibrator(self._wrapper, model).quantize(ends, "int8", "int32", allow_float=True)
        check_operands(integer)
        check_coverage(model, integer, "LiteRT", _OTHERWISE)
        return _without_ranges(integer)

    def quantize_16x8(self, float_model: bytes, samples: Samples) -> bytes:
        """Returns `float_model` with int16 activations and ends and int8 weights, with the ranges on `samples`."""
        observer = self._observe(own_constants(float_model), samples)
        check_ranges(observer.read_model())
        return observer.quantize("int16", "int16", "int64", allow_float=False)

    def _observe(self, float_model: bytes, samples: Samples) -> _Calibrator:
        """Returns a calibrator that has seen `samples`."""
        calibrator = _Calibrator(self._wrapper, self._wrapper.AddIntermediateTensors(float_model))
        calibrator.feed(samples)
        return calibrator


def versions() -> dict[str, str]:
    """Returns the version of the package that makes the integers."""
    return {PACKAGE: version(PACKAGE)}


def _without_ranges(integer: bytes) -> bytes:
    """Returns `integer` without the ranges of its weights, which the quantizer leaves beside scales and zero points.

    Nothing reads them. Measured: they are 137 of the 2,845 kB of a MobileNetV2.
    """
    model = read_objects(integer)
    for tensor in model.subgraphs[0].tensors:
        if tensor.quantization is not None:
            tensor.quantization.min = tensor.quantization.max = None
    return write_objects(model)


def check_operands(integer: bytes) -> None:
    """Raises ConversionError for an op of `integer` that has integers and a float32 constant: nothing runs it.

    Measured with ai-edge-litert 2.3: PADV2 keeps the value that it pads with.
    """
    graph = read_graph(integer)
    for op in graph.ops:
        tensors = graph.of(op.inputs)
        if not any(tensor.dtype in ("int8", "int16") for tensor in tensors):
            continue
        for tensor in tensors:
            if tensor.constant and tensor.dtype == "float32":
                raise ConversionError(
                    f"op {op.index} {op.name}: LiteRT's quantizer leaves {tensor.name!r} float32 beside integers, "
                    f"which no runtime takes: {_OTHERWISE}"
                )


def _load_wrapper() -> Any:
    """Returns the wheel's private module; raises RuntimeUnavailableError where it is not as it is called here."""
    try:
        import ai_edge_litert.interpreter  # noqa: F401, PLC0415  (slow; it loads the library that the wrapper needs)
        from ai_edge_litert import (  # noqa: PLC0415
            _pywrap_tensorflow_lite_calibration_wrapper as wrapper,
        )
    except ImportError as error:
        raise _unfit(str(error)) from error
    lacking = [name for name in _NEEDS if not hasattr(getattr(wrapper, "CalibrationWrapper", None), name)]
    if lacking or not hasattr(wrapper, "AddIntermediateTensors"):
        raise _unfit(f"it lacks {', '.join(lacking or ['AddIntermediateTensors'])}")
    return wrapper


def _call(function: Any, *arguments: Any) -> Any:
    """Calls a private function; raises RuntimeUnavailableError where it takes other arguments in this version."""
    try:
        return function(*arguments)
    except TypeError as error:
        raise _unfit(f"{function.__name__} takes other arguments") from error


def _unfit(reason: str) -> RuntimeUnavailableError:
    try:
        installed = version(PACKAGE)
    except PackageNotFoundError:
        installed = "none"
    return RuntimeUnavailableError(
        fit_reason(
            f"the LiteRT engine needs {PACKAGE} {SERVES}, here is {installed} (",
            reason,
            f'): run pip install "{PACKAGE}=={SERVES}.*", or use --engine tensorflow',
        )
    )
