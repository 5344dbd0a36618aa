"""A stand-in interpreter for tests without a runtime; it is shipped so that users' tests can have it too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


class FakeInterpreter:
    """Answers every inference with `answer(input tensor)`; counts them in `invocations`."""

    def __init__(self, answer: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        self._answer = answer
        self._tensors: dict[int, NDArray[Any]] = {}
        self.invocations = 0

    def set_tensor(self, tensor_index: int, value: NDArray[Any]) -> None:
        """Keeps a copy of `value`."""
        self._tensors[tensor_index] = np.array(value)

    def invoke(self) -> None:
        """Asks `answer`."""
        self._tensors[1] = self._answer(self._tensors[0])
        self.invocations += 1

    def get_tensor(self, tensor_index: int) -> NDArray[Any]:
        """A copy of a tensor: 0 is the input, 1 the output."""
        return self._tensors[tensor_index].copy()

    def get_input_details(self) -> list[dict[str, Any]]:
        """The input is tensor 0."""
        return [{"index": 0}]

    def get_output_details(self) -> list[dict[str, Any]]:
        """The output is tensor 1."""
        return [{"index": 1}]
