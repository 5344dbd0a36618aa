"""Reads ONNX models: what their file says, as a graph of fixed shapes in plain operators."""

from __future__ import annotations

from importlib.util import find_spec

from edgeready.config.extras import install_command
from edgeready.errors import MissingExtraError

WITHOUT_LOG_SOFTMAX = "LogSoftmax at the end is left out: what goes into it has the same softmax"
"""What a report says of a classifier that ended in one."""
_PACKAGES = ("onnx", "onnxsim", "onnxruntime")


def check_onnx_installed() -> None:
    """Raises MissingExtraError, with the command that mends it, unless what reads ONNX is installed."""
    lacking = [name for name in _PACKAGES if find_spec(name) is None]
    if lacking:
        raise MissingExtraError(f"{install_command('onnx')}: an ONNX model needs {' and '.join(lacking)}")
