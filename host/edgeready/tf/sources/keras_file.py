"""Reads a saved Keras model with Keras 3, or with tf_keras where Keras 2 wrote the file."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras

from edgeready.errors import MissingExtraError, ModelSourceError
from edgeready.tf.convert import freeze
from edgeready.tf.sources.network import Network

SUFFIXES = (".keras", ".h5", ".hdf5")


def load_keras_file(path: Path) -> keras.Model | Network:
    """Returns the Keras 3 model in the file `path`; a Network where only tf_keras loads it.

    Keras 3 reads many files of Keras 2, but no MobileNet and no model in a model, as Teachable Machine writes.

    Raises ModelSourceError with Keras' reason, MissingExtraError when tf_keras is needed and not installed.
    """
    try:
        return keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError, AttributeError) as error:
        if not written_by(path).startswith("2."):
            raise ModelSourceError(
                f"{path}: Keras {keras.__version__} does not load it ({_reason(error)})"
            ) from error
        return _legacy(path, _reason(error))


def written_by(path: Path) -> str:
    """Returns the version of Keras that wrote the file `path`; "" where the file does not say."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return str(json.loads(archive.read("metadata.json")).get("keras_version", ""))
        with h5py.File(path, "r") as file:
            version = file.attrs.get("keras_version", "")
            return version.decode() if isinstance(version, bytes) else str(version)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return ""


def _legacy(path: Path, why: str) -> Network:
    version = written_by(path)
    try:
        import tf_keras  # noqa: PLC0415  (an extra, and 2 s)
        from tf_keras.src.saving.serialization_lib import SafeModeScope  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            f"{path} was written by Keras {version}, and Keras {keras.__version__} does not load it ({why}): run "
            'pip install "edgeready[legacy]"'
        ) from error
    try:
        with SafeModeScope(True):  # an .h5 may carry code in a Lambda layer; tf_keras itself would run it
            model: Any = tf_keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError, AttributeError) as error:
        raise ModelSourceError(
            f"{path} was written by Keras {version}, and tf_keras {tf_keras.__version__} does not load it "
            f"({_reason(error)})"
        ) from error
    return Network(name=path.stem, function=freeze(model), versions=(("tf_keras", str(tf_keras.__version__)),))


def _reason(error: BaseException) -> str:
    if "Python lambda" in str(error).replace("`", "") or "Python `lambda`" in str(error):
        return "it carries code in a Lambda layer, which is not run: give FILE.py:FUNCTION instead"
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
