"""Runs an ONNX model as ONNX Runtime does: what the converted model is held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edgeready.onnx_file.inputs import input_values
from edgeready.onnx_file.reading import OnnxModel

NAME = "onnxruntime"


class OnnxReference:
    """The outputs of an ONNX model as it came, on the inputs of its converted model."""

    def __init__(self, model: OnnxModel) -> None:
        settings = onnxruntime.SessionOptions()
        settings.log_severity_level = 4
        settings.intra_op_num_threads = 1  # the confined process starts no threads of its own accord
        self._session = onnxruntime.InferenceSession(
            model.source.SerializeToString(), settings, providers=["CPUExecutionProvider"]
        )
        self._picture = model.picture
        self._names = [value.name for value in input_values(model.source)]

    def __call__(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Returns the outputs for `inputs`, one array each with batch 1, in the file's order."""
        values = [self._picture.to_source(inputs[0])] if self._picture is not None else list(inputs)
        outputs: list[NDArray[np.float32]] = self._session.run(None, dict(zip(self._names, values)))
        return outputs


def version() -> str:
    """Returns the version of ONNX Runtime."""
    return str(onnxruntime.__version__)
