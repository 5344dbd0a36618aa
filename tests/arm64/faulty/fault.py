"""A backend that computes wrong numbers in silence: the real interpreter with its answers spoilt.

The folder of this file goes first on PYTHONPATH. $EDGEREADY_FAULT says what is spoilt:

- garbage: every answer, beyond recognition (as QEMU 7.2 with its default CPU does to LiteRT)
- classes: two neighbouring classes change places
- reference: reference kernels are one step off in one value, which no machine may be
"""

from __future__ import annotations

import importlib.util
import os
import sys
from types import ModuleType
from typing import Any

import numpy as np


def real(package: str) -> ModuleType:
    """The interpreter module of the installed package that this folder hides."""
    path = next(folder for folder in sys.modules[package].__path__[1:] if os.path.exists(f"{folder}/interpreter.py"))
    spec = importlib.util.spec_from_file_location(f"{package}.real_interpreter", f"{path}/interpreter.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def spoilt(module: ModuleType) -> type:
    """An Interpreter whose answers are wrong."""
    fault = os.environ["EDGEREADY_FAULT"]

    class Interpreter(module.Interpreter):  # type: ignore[misc, name-defined]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            reference = options["experimental_op_resolver_type"] == module.OpResolverType.BUILTIN_REF
            self._spoils = fault != "reference" or reference

        def get_tensor(self, tensor_index: int, subgraph_index: int = 0) -> Any:
            answer = super().get_tensor(tensor_index, subgraph_index)
            if not self._spoils:
                return answer
            if fault == "garbage":
                return answer ^ np.uint8(0x5A)
            if fault == "classes":
                return answer[:, [1, 0, *range(2, answer.shape[1])]]
            answer[0, 0] += 1 if answer[0, 0] < 255 else -1
            return answer

    return Interpreter
