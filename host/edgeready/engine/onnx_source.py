"""Reads an ONNX model as a float32 flatbuffer, without TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgeready.config.build import SourceConfig
from edgeready.config.extras import install_command
from edgeready.engine.float_model import FloatSource
from edgeready.engine.moves import NOTHING
from edgeready.engine.onnx_translation import translate_onnx
from edgeready.engine.rewriting import RewrittenFloat, rewrite_float_model
from edgeready.errors import UntranslatedError
from edgeready.onnx_file.reading import read_onnx, versions
from edgeready.onnx_file.reference import NAME, OnnxReference, version


def load_onnx(
    path: Path, settings: SourceConfig, frame: Sequence[int] | None = None, *, fix: bool = True
) -> FloatSource:
    """Returns the network in the ONNX file `path`, its pictures with the channels last, with `fix` for 8 bits.

    An open size of its pictures becomes that of `frame`. Raises ModelSourceError for a file that cannot be read, and
    UntranslatedError where an operator has no translation here.
    """
    model = read_onnx(path, settings, frame)
    try:
        translated = translate_onnx(model)
    except UntranslatedError as error:
        raise UntranslatedError(
            f"{path}: write the network without it, or {install_command('build')}, with which more operators are "
            f"translated: edgeready itself does not translate {error}"
        ) from error
    rewritten = rewrite_float_model(translated) if fix else RewrittenFloat(data=translated)
    return FloatSource(
        name=model.name,
        float32=rewritten.data,
        rewrites=(*model.rewrites, *(text for text in rewritten.rewrites if not text.startswith(NOTHING))),
        versions=(*versions(), (NAME, version())),
        normalization=model.pixels,
        reference=OnnxReference(model),
        reference_runtime=f"{NAME} {version()}",
    )
