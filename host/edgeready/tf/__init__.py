"""The only folder that imports TensorFlow; its import without the extra `build` raises MissingExtraError."""

from __future__ import annotations

import os

from edgeready.errors import MissingExtraError
from edgeready_device.runtime.native_log import hold_native_log

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

with hold_native_log(lambda line: False):
    try:
        import tensorflow as tf
    except ImportError as error:
        raise MissingExtraError(
            f'TensorFlow does not load ({error}): run pip install "edgeready[build]" to train and convert'
        ) from error

tf.get_logger().setLevel("ERROR")
