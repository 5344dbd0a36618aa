"""Translates an ONNX model to TFLite with onnxsim's translator, which writes the graph in TensorFlow's operators."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from onnxsim.tflite_export import SUPPORTED_ONNX_OPS, convert_to_tflite

from edgeready.config.build import SourceConfig
from edgeready.engine.rewriting import RewrittenFloat, rewrite_float_model
from edgeready.errors import ConversionError, ModelSourceError, fit_reason
from edgeready.onnx_file.reading import OnnxModel, read_onnx, versions
from edgeready.onnx_file.reference import NAME, OnnxReference, version
from edgeready.tf.sources.network import Network


def load_onnx(path: Path, source: SourceConfig, frame: Sequence[int] | None = None, *, fix: bool = True) -> Network:
    """Returns the network in the ONNX file `path`, its pictures with the channels last, with `fix` for 8 bits.

    An open size of its pictures becomes that of `frame`. Raises ModelSourceError for a file that cannot be read or
    holds an operator that has no translation, and ConversionError for a graph that the translator refuses.
    """
    model = read_onnx(path, source, frame)
    _check_translated(path, model)
    layout = "nchw" if model.picture is None else "nhwc"
    try:
        translated = convert_to_tflite(model.plain, io_layout=layout)
    except (RuntimeError, ValueError, TypeError, IndexError, KeyError) as error:
        raise ConversionError(
            fit_reason(
                f"{path}: write it as float32 .tflite with litert-torch and give that: onnxsim fails (",
                error,
                ")",
            )
        ) from error
    rewritten = rewrite_float_model(translated) if fix else RewrittenFloat(data=translated)
    return Network(
        name=model.name,
        float32=rewritten.data,
        versions=(*versions(), (NAME, version())),
        normalization=model.pixels,
        reference=OnnxReference(model),
        reference_runtime=f"{NAME} {version()}",
        rewrites=(*model.rewrites, *rewritten.rewrites),
    )


def _check_translated(path: Path, model: OnnxModel) -> None:
    """Raises ModelSourceError, naming them, for operators that the translator does not know."""
    ops = (node.op_type for node in model.plain.graph.node)
    unknown = dict.fromkeys(op for op in ops if op not in SUPPORTED_ONNX_OPS)
    if unknown:
        raise ModelSourceError(
            f"{path}: write the network without {', '.join(unknown)}, or write it as float32 .tflite with "
            "litert-torch and give that: these operators of ONNX have no translation here"
        )
