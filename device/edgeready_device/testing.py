"""A stand-in for tests without a runtime or a model file; it ships with the package for the tests of users."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.model import Model
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.runtime.runtime import Runtime
from edgeready_device.session import Session
from edgeready_device.tflite.graph import Graph, Op, Tensor


class FakeInterpreter:
    """Answers every inference with `answer(input tensor)`; counts them in `invocations`."""

    def __init__(self, answer: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        self._answer = answer
        self._tensors: dict[int, NDArray[Any]] = {}
        self.invocations = 0

    def set_tensor(self, tensor_index: int, value: NDArray[Any]) -> None:
        """Stores a copy of `value`."""
        self._tensors[tensor_index] = np.array(value)

    def invoke(self) -> None:
        """Computes the output tensor with `answer`."""
        self._tensors[1] = self._answer(self._tensors[0])
        self.invocations += 1

    def get_tensor(self, tensor_index: int) -> NDArray[Any]:
        """A copy of a tensor: 0 is the input, 1 the output."""
        return self._tensors[tensor_index].copy()

    def reset_all_variables(self) -> None:
        """Does nothing: the stand-in has no state."""

    def get_input_details(self) -> list[dict[str, Any]]:
        """The input is tensor 0."""
        return [{"index": 0}]

    def get_output_details(self) -> list[dict[str, Any]]:
        """The output is tensor 1."""
        return [{"index": 1}]


def fake_model(
    answer: Callable[[NDArray[Any]], Sequence[float]],
    labels: Sequence[str],
    height: int = 224,
    width: int = 224,
    channels: int = 3,
) -> Model:
    """A Model without a file or a runtime, whose probabilities are those that `answer` returns for a uint8 frame.

    `answer` gets each frame as (height, width, channels) and gives a number from 0 to 1 for each of `labels`; as in
    any uint8 model they come out in steps of 1/255.
    """
    shapes = {"image": (1, height, width, channels), "scores": (1, len(labels))}
    graph = Graph(
        tensors=tuple(
            Tensor(index, name, shape, shape_signature=shape, dtype="uint8", scales=(1 / 255,), zero_points=(0,))
            for index, (name, shape) in enumerate(shapes.items())
        ),
        ops=(Op(0, "SOFTMAX", 1, inputs=(0,), outputs=(1,)),),
        inputs=(0,),
        outputs=(1,),
    )
    file = TfliteModel.of_graph(graph, path=Path("fake.tflite"), labels=tuple(labels))

    def invoke(tensor: NDArray[Any]) -> NDArray[Any]:
        scores = np.asarray(answer(tensor[0]), np.float64)
        return np.asarray(np.rint(np.clip(scores, 0, 1) * 255)[np.newaxis], np.uint8)

    return Model(Session(file, FakeInterpreter(invoke), Runtime("fake", "0")))
