"""Reads an ONNX file as a float32 graph of fixed shapes in plain operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
import onnxsim
from google.protobuf.message import DecodeError
from onnx import checker, shape_inference

from edgeready.config.build import SourceConfig
from edgeready.errors import ModelSourceError, fit_reason
from edgeready.onnx_file.gelu import with_gelu
from edgeready.onnx_file.inputs import PictureInput, fix_shapes, sizes_of, with_channels_first
from edgeready.onnx_file.plain_ops import in_plain_ops, without_half_precision, without_last_log_softmax
from edgeready_device.normalization import Normalization

_UNREADABLE = (ValueError, TypeError, OSError, MemoryError)  # what onnx.load raises besides its own errors
_DOMAINS = ("", "ai.onnx")
_QUANTIZED = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger")
# Chosen: larger than the largest layer of a network for a device; a graph may ask for any size of a constant.
_LARGEST_TENSOR = "256MB"


@dataclass(frozen=True, kw_only=True, eq=False)
class OnnxModel:
    """An ONNX model of float32 with batch 1: `source` is nearly as it came, `plain` in plain operators.

    `picture` says how a picture goes into `source`; into `plain` it goes with the channels first. It is None where
    no picture is asked for. `rewrites` says what was done.
    """

    name: str
    source: Any = field(repr=False)
    plain: Any = field(repr=False)
    picture: PictureInput | None = None
    rewrites: tuple[str, ...] = ()

    @property
    def pixels(self) -> Normalization | None:
        """What is done to a pixel before it goes in, where the graph says it: nothing, if it takes whole numbers."""
        whole = self.picture is not None and self.picture.dtype.startswith(("uint", "int"))
        return Normalization((0.0,), (1.0,)) if whole else None


def read_onnx(path: Path, settings: SourceConfig, frame: Sequence[int] | None = None) -> OnnxModel:
    """Returns the network in the ONNX file `path`.

    An open size of its pictures becomes that of `frame` (height, width[, channels]), or of the --input-shape in
    `settings`. Raises ModelSourceError for a file that cannot be read, and for one that holds integers already.
    """
    model = _load(path)
    _check_operators(path, model)
    try:
        whole, halves = without_half_precision(model)
        # A classifier's answers stay the same; the outputs of another model are what its file says.
        shorter, ends = (whole, ()) if frame is None else without_last_log_softmax(whole)
        source, picture = fix_shapes(path, shorter, settings, frame=frame)
        front = source if picture is None else with_channels_first(source, picture, frame or ())
        simple = shape_inference.infer_shapes(_simplify(path, front), data_prop=True)
        plain, rewrites = in_plain_ops(with_gelu(simple))
    except (shape_inference.InferenceError, checker.ValidationError) as error:
        raise ModelSourceError(fit_reason(f"{path}: export it again: its shapes contradict (", error, ")")) from error
    return OnnxModel(
        name=path.stem, source=source, plain=plain, picture=picture, rewrites=(*halves, *ends, *rewrites)
    )


def versions() -> tuple[tuple[str, str], ...]:
    """Returns the versions of the libraries that read a model."""
    return (("onnx", str(onnx.__version__)), ("onnxsim", str(onnxsim.__version__)))


def _load(path: Path) -> Any:
    try:
        model = onnx.load(str(path))
        if any(sizes_of(value) is None for value in model.graph.output):
            model = shape_inference.infer_shapes(model, data_prop=True)
        checker.check_model(model)
    except (DecodeError, checker.ValidationError, shape_inference.InferenceError, *_UNREADABLE) as error:
        raise ModelSourceError(
            fit_reason(f"{path}: export it again, as one file: ONNX does not read it (", error, ")")
        ) from error
    if not model.graph.node:
        raise ModelSourceError(f"{path}: export the whole network: the ONNX graph has no operator")
    return model


def _check_operators(path: Path, model: Any) -> None:
    """Raises ModelSourceError for operators that no float32 network of ONNX' own operators holds."""
    functions = {(function.domain, function.name) for function in model.functions}
    for node in model.graph.node:
        if node.op_type in _QUANTIZED:
            raise ModelSourceError(
                f"{path}: give the float32 model that it was made from: it is quantized already ({node.op_type})"
            )
        if node.domain not in _DOMAINS and (node.domain, node.op_type) not in functions:
            raise ModelSourceError(
                f"{path}: export it with ONNX' own operators: {node.op_type} is one of {node.domain!r}"
            )


def _simplify(path: Path, model: Any) -> Any:
    try:
        simple, _ = onnxsim.simplify(
            model, inline_functions=bool(model.functions), tensor_size_threshold=_LARGEST_TENSOR
        )
    except (RuntimeError, ValueError) as error:
        raise ModelSourceError(
            fit_reason(f"{path}: export it again with another opset: onnxsim does not simplify it (", error, ")")
        ) from error
    return simple
