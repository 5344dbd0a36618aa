"""Reads a trained model according to the kind of its file or folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras

from edgeready.config.build import SourceConfig
from edgeready.engine.float_model import load_tflite
from edgeready.engine.sources import KERAS_SUFFIXES, check_source
from edgeready.onnx_file import check_onnx_installed
from edgeready.tf.sources.frozen_graph import load_frozen_graph
from edgeready.tf.sources.keras_file import load_keras_file
from edgeready.tf.sources.network import Network
from edgeready.tf.sources.saved_model import load_saved_model


def load_source(
    name: str, source: SourceConfig, frame: Sequence[int] | None = None, *, fix: bool = True
) -> keras.Model | Network:
    """Returns the trained model in the file or folder `name`: a Keras 3 model, or a Network for other kinds.

    Where a SavedModel or an ONNX model leaves the size of its pictures open, it is that of `frame` (height,
    width[, channels]). With `fix` a float32 .tflite is rewritten for 8 bits, and what an ONNX model becomes.

    Raises ModelSourceError when it cannot be read.
    """
    check_source(name)
    path = Path(name)
    if path.is_dir():
        return load_saved_model(path, source, frame)
    if path.suffix in KERAS_SUFFIXES:
        return load_keras_file(path)
    if path.suffix == ".pb":
        return load_frozen_graph(path, source)
    if path.suffix.lower() == ".onnx":
        check_onnx_installed()
        from edgeready.tf.sources.onnx_network import load_onnx  # noqa: PLC0415  (needs the extra onnx)

        return load_onnx(path, source, frame, fix=fix)
    return Network.of(load_tflite(path, frame, fix=fix))
