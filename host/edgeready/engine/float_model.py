"""Reads a float32 .tflite, and refuses files from which an integer model would lose more than it must."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeready.engine.channels_last import take_channels_last
from edgeready.engine.fixed_batch import fix_batch
from edgeready.engine.rewriting import RewrittenFloat, rewrite_float_model
from edgeready.engine.stablehlo_mark import drop_stablehlo_mark
from edgeready.errors import ModelFileError, ModelSourceError
from edgeready.quantization.source_check import Reference, reference_of
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.normalization import Normalization
from edgeready_device.tflite.graph import Graph, read_graph

_AGAIN = "convert the model that it was made from"


@dataclass(frozen=True, kw_only=True)
class FloatSource:
    """A trained network as the flatbuffer `float32`, with batch 1; `versions` are those of what read it.

    `rewrites` says what was rewritten for 8 bits, and `reference` computes what the model gave before, in
    `reference_runtime`; None where nothing was. `normalization` and `color` are what its file says of its pixels;
    None where it says nothing.
    """

    name: str
    float32: bytes = field(default=b"", repr=False)
    rewrites: tuple[str, ...] = ()
    reference: Reference | None = field(default=None, repr=False)
    reference_runtime: str = "the file as it came"
    versions: tuple[tuple[str, str], ...] = ()
    normalization: Normalization | None = None
    color: str | None = None


def load_tflite(path: Path, frame: Sequence[int] | None = None, *, fix: bool = True) -> FloatSource:
    """Returns the network in the float32 .tflite `path`, as it is without `fix`, else rewritten for 8 bits.

    For pictures of the shape `frame` (height, width[, channels]) an input with the channels first gets them last.

    Raises ModelSourceError for any other kind of .tflite.
    """
    file = read_model_file(path)
    check_float(str(path), file.graph)
    data = fix_batch(drop_stablehlo_mark(file.flatbuffer))
    check_static(str(path), read_graph(data))
    if frame is not None:
        data = take_channels_last(data, frame)
    rewritten = rewrite_float_model(data) if fix else RewrittenFloat(data=data)
    return replace(
        _describe_pixels(file),
        name=path.stem,
        float32=rewritten.data,
        rewrites=rewritten.rewrites,
        reference=reference_of(data) if rewritten.rewrites else None,
    )


def _describe_pixels(file: TfliteModel) -> FloatSource:
    """Returns a FloatSource with what the file says of its pixels; nothing where it is no image classifier."""
    try:
        contract = file.contract
    except ModelFileError:
        return FloatSource(name="")
    if not contract.normalization_stated:
        return FloatSource(name="")
    return FloatSource(name="", normalization=contract.frame.normalization, color=contract.frame.color)


def check_float(name: str, graph: Graph) -> None:
    """Raises ModelSourceError unless `graph` is one subgraph of built-in ops on float32."""
    if graph.subgraphs > 1:
        raise ModelSourceError(f"{name}: it has {graph.subgraphs} subgraphs (loops, branches): {_AGAIN}")
    for op in graph.ops:
        if op.custom_code:
            raise ModelSourceError(f"{name}: op {op.index} is the custom op {op.custom_code}: {_AGAIN}")
    constants = {tensor.dtype for tensor in graph.tensors if tensor.constant}
    ends = {tensor.dtype for tensor in graph.of((*graph.inputs, *graph.outputs))}
    quantized = any(tensor.scales for tensor in graph.tensors)
    if "float16" in constants:
        raise ModelSourceError(f"{name}: its weights are float16, their last digits are lost: {_AGAIN}")
    if quantized and ends == {"float32"} and not any(t.scales for t in graph.tensors if not t.constant):
        raise ModelSourceError(f"{name}: its weights are int8 already (dynamic range), and rounded: {_AGAIN}")
    if quantized or ends & {"int8", "uint8", "int16"}:
        raise ModelSourceError(
            f"{name}: it is quantized already, ends {', '.join(sorted(ends))}: {_AGAIN}, or use this file as it is "
            "(check, golden and evaluate take it)"
        )


def check_static(name: str, graph: Graph) -> None:
    """Raises ModelSourceError unless every shape in `graph` is known."""
    if wide := [tensor for tensor in graph.tensors if not tensor.static]:
        raise ModelSourceError(
            f"{name}: tensor {wide[0].name!r} has the open shape {list(wide[0].shape_signature)}: {_AGAIN} with an "
            "input of fixed height and width"
        )
