"""Reads what needs no TensorFlow to be read, as a float32 flatbuffer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgeready.config.build import SourceConfig
from edgeready.engine.float_model import FloatSource, load_tflite
from edgeready.engine.foreign_kinds import find_foreign_kind
from edgeready.errors import ModelSourceError, NotFoundError
from edgeready.onnx_file import check_onnx_installed
from edgeready_device.input_file import NotAFileError, check_file

KINDS = (
    "a Keras model (.keras or .h5), the folder of a SavedModel, a frozen graph (.pb), a float32 .tflite, "
    "an ONNX model, or FILE.py:FUNCTION"
)
KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
_SUFFIXES = (*KERAS_SUFFIXES, ".pb", ".onnx", ".tflite")


def load_float_source(
    name: str, settings: SourceConfig | None = None, frame: Sequence[int] | None = None, *, fix: bool = True
) -> FloatSource:
    """Returns the trained network in the file `name`, with `fix` rewritten for 8 bits.

    What an ONNX model leaves open is said by `settings`, or is the size of the pictures of the shape `frame`.

    Raises ModelSourceError when it cannot be read.
    """
    path = Path(name)
    check_model_file(path)
    if path.suffix == ".tflite":
        return load_tflite(path, frame, fix=fix)
    if path.suffix.lower() == ".onnx":
        check_onnx_installed()
        from edgeready.engine.onnx_source import load_onnx  # noqa: PLC0415  (needs the extra onnx)

        return load_onnx(path, settings or SourceConfig(), frame, fix=fix)
    raise no_source(path)


def check_source(name: str) -> None:
    """Raises what reading the trained model `name` would raise, as far as the names of its files show it.

    So a wrong path is told before the data are read and TensorFlow starts.
    """
    path = Path(name)
    if ".py:" in name:
        check_function_file(name)
    elif path.is_dir() and path.suffix not in KERAS_SUFFIXES:
        if not (path / "saved_model.pb").is_file():
            raise no_source(path)
    else:
        check_model_file(path)
        if path.suffix not in _SUFFIXES and path.suffix.lower() != ".onnx":
            raise no_source(path)


def check_function_file(name: str) -> None:
    """Raises NotFoundError where the FILE of FILE:FUNCTION is none."""
    path = Path(name.rpartition(":")[0])
    if not path.is_file():
        raise NotFoundError(f"{path}: no such file; give FILE.py:FUNCTION")


def no_source(path: Path) -> ModelSourceError:
    """The error for a file or folder that no source reads: what it is, where that is known, and what to give."""
    kind = find_foreign_kind(path)
    if kind:
        return ModelSourceError(f"{path}: {kind}")
    lack = "the folder holds no saved_model.pb; " if path.is_dir() else ""
    return ModelSourceError(f"{path}: {lack}give {KINDS}")


def check_model_file(path: Path) -> None:
    """Raises NotFoundError where `path` is no file, and ModelSourceError for one that holds no model."""
    try:
        check_file(path)
    except NotAFileError as error:
        raise ModelSourceError(f"{path}: {error}") from error
    except OSError:  # there is none
        pass
    if not path.is_file():
        raise NotFoundError(f"{path}: no such model file; give {KINDS}")
    if path.name.lower().endswith(".weights.h5"):  # before a library that reads .h5 looks for a model in it
        raise no_source(path)
