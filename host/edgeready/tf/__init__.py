"""The only folder that imports TensorFlow; its import without the extra `build` raises MissingExtraError."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from edgeready.config.extras import install_command
from edgeready.errors import MissingExtraError, fit_reason
from edgeready_device.runtime.native_log import hold_native_log

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

# Keras loads these where they are installed, for wrappers and pictures that nothing here uses, and does without them
# where they are not. Measured with Keras 3 on two cores: 1.3 of the 4.3 s of processor time that this import took.
_OPTIONAL_FOR_KERAS = ("cv2", "matplotlib", "sklearn")


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Makes the import of the packages `names` fail in its block; afterwards a network's own file may import them."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # Python raises ModuleNotFoundError for such an entry
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with hold_native_log(lambda line: False), _hidden(*_OPTIONAL_FOR_KERAS):
    try:
        import tensorflow as tf  # isort: skip  (first: where it is missing, its own error is the one to tell)
        import keras  # noqa: F401  (here, so that they are hidden from it)
    except ImportError as error:
        raise MissingExtraError(
            fit_reason("TensorFlow does not load (", error, f"): run {install_command('build')} to train and convert")
        ) from error

tf.get_logger().setLevel("ERROR")
