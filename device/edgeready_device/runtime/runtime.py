"""The TFLite runtimes: which of ai-edge-litert and tflite-runtime is installed and works here, and how it opens."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from edgeready_device.errors import ModelFileError, RuntimeUnavailableError, UsageError
from edgeready_device.machine.machine import bound_threads
from edgeready_device.runtime.failure import RUN_ERRORS, describe_failure
from edgeready_device.runtime.native_log import hold_native_log, not_info

RUNTIME_VARIABLE = "EDGEREADY_RUNTIME"
_MODULES = {"ai-edge-litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime"}
KERNELS = ("default", "reference")
UNKNOWN = "unknown"
_SUFFIX = ".dist-info"
_BEFORE_ARMV7 = ("armv4", "armv5", "armv6")


class Interpreter(Protocol):
    """What edgeready needs of a TFLite interpreter; both runtimes and the shipped stand-in have it."""

    def set_tensor(self, tensor_index: int, value: NDArray[Any]) -> None:
        """Copies `value` into input tensor `tensor_index`."""

    def invoke(self) -> None:
        """Runs the model."""

    def get_tensor(self, tensor_index: int) -> NDArray[Any]:
        """A copy of tensor `tensor_index`."""

    def reset_all_variables(self) -> None:
        """Sets variable tensors back to what they were before the first run."""

    def get_input_details(self) -> list[dict[str, Any]]:
        """One dictionary per input, with its `index`."""

    def get_output_details(self) -> list[dict[str, Any]]:
        """One dictionary per output, with its `index`."""


@dataclass(frozen=True)
class Runtime:
    """An installed TFLite runtime: its distribution's name and version."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def installed_runtimes() -> tuple[Runtime, ...]:
    """The TFLite runtimes of this environment, the preferred one first; nothing heavy is imported."""
    versions = {name: installed_version(name, module) for name, module in _MODULES.items()}
    return tuple(Runtime(name, version) for name, version in versions.items() if version is not None)


def installed_version(name: str, module: str) -> str | None:
    """The version of the distribution `name`, whose module is `module`; None where the module is not installed.

    A module without a distribution (a program's own build of it) has the version "unknown". The version is read from
    the folder's name: importlib.metadata imports the e-mail parser, which takes 1.6 MB and 12 ms.
    """
    spec = importlib.util.find_spec(module)
    if spec is None:
        return None
    places = [Path(place).parent for place in spec.submodule_search_locations or ()]
    folders = [path.name for place in places for path in place.glob(f"{module}-*{_SUFFIX}")]
    if len(folders) == 1:
        return folders[0][len(module) + 1 : -len(_SUFFIX)]
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  (see above)

    try:
        return version(name)
    except PackageNotFoundError:  # as frigate ships one
        return UNKNOWN


def choose_runtime(name: str | None = None) -> Runtime:
    """The runtime called `name`, else the one in $EDGEREADY_RUNTIME, else LiteRT before tflite-runtime.

    Raises UsageError for a name that is none, RuntimeUnavailableError when it is not installed or cannot
    work with this numpy.
    """
    name = name or os.environ.get(RUNTIME_VARIABLE) or None
    if name is not None and name not in _MODULES:
        raise UsageError(f"the runtime {name!r} is unknown: choose {' or '.join(_MODULES)}")
    candidates = [runtime for runtime in installed_runtimes() if name in (None, runtime.name)]
    numpy2 = int(np.__version__.split(".")[0]) >= 2
    for runtime in candidates:
        if runtime.name != "tflite-runtime" or not numpy2:
            return runtime
    if candidates:
        raise RuntimeUnavailableError(
            f"{candidates[0]} cannot work with numpy {np.__version__}: run pip install 'numpy<2', "
            "or pip install ai-edge-litert"
        )
    raise RuntimeUnavailableError(
        f"{name or 'no TFLite runtime'} is {'not ' if name else ''}installed for CPython "
        f"{sys.version_info.major}.{sys.version_info.minor}: run pip install {name or 'ai-edge-litert'}"
    )


def open_interpreter(
    runtime: Runtime,
    model: bytes,
    threads: int = 1,
    *,
    kernels: str = "default",
    delegate: Any = None,
    inspect: Callable[[Any], None] | None = None,
) -> Interpreter:
    """An interpreter of `runtime` with the tensors of `model` allocated.

    `kernels` is "default" (the runtime's fastest) or "reference" (slow, the same bits on every machine);
    `delegate` is what this runtime's `load_delegate` returns. `inspect` is called with the interpreter before its
    tensors are allocated: afterwards the runtime's own delegate has taken ops, too.
    Raises RuntimeUnavailableError when the runtime does not load, ModelFileError when it refuses the model.
    """
    if threads < 1:
        raise UsageError(f"threads is {threads}: ask for at least 1")
    if kernels not in KERNELS:
        raise UsageError(f"kernels is {kernels!r}: choose {' or '.join(KERNELS)}")
    module = runtime_module(runtime)
    types = module.OpResolverType
    resolver = types.BUILTIN_REF if kernels == "reference" else types.AUTO
    more = {} if delegate is None else {"experimental_delegates": [delegate]}
    refusal: Exception | None = None
    with hold_native_log(not_info):
        try:
            interpreter = module.Interpreter(
                model_content=model,
                num_threads=bound_threads(threads),
                experimental_op_resolver_type=resolver,
                **more,
            )
            if inspect is not None:
                inspect(interpreter)
            interpreter.allocate_tensors()
        except RUN_ERRORS as error:
            refusal = error  # raised outside, so that information is still held back
    if refusal is not None:
        raise ModelFileError(f"{runtime} refuses the model: {describe_failure(refusal)}") from refusal
    return cast("Interpreter", interpreter)


def runtime_module(runtime: Runtime) -> Any:
    """The module with `runtime`'s Interpreter and load_delegate; raises RuntimeUnavailableError."""
    _check_processor(runtime)
    try:
        return importlib.import_module(f"{_MODULES[runtime.name]}.interpreter")
    except ImportError as error:
        raise RuntimeUnavailableError(
            f"{runtime} does not load on this machine ({error}): install it again with pip install {runtime.name}"
        ) from error


def _check_processor(runtime: Runtime) -> None:
    """Raises RuntimeUnavailableError for a wheel for ARMv7 on ARMv6 (Raspberry Pi 1, Zero), where it would crash."""
    processor = platform.machine()
    if processor.startswith(_BEFORE_ARMV7) and "armv7" in _wheel(runtime):
        raise RuntimeUnavailableError(
            f"{runtime} is built for ARMv7 and this processor is older ({processor}), which would end in "
            "'Illegal instruction': take a Raspberry Pi Zero 2 W, 2 or newer"
        )


def _wheel(runtime: Runtime) -> str:
    """What the installed distribution of `runtime` says about its build; empty where it says nothing."""
    from importlib.metadata import PackageNotFoundError, distribution  # noqa: PLC0415  (12 ms, only here)

    try:
        return distribution(runtime.name).read_text("WHEEL") or ""
    except PackageNotFoundError:
        return ""
