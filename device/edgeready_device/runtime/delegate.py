"""Delegates: libraries that run ops in place of the runtime (an Edge TPU's, or any other), and how many they take."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeready_device.errors import ModelFileError, NotFoundError, RuntimeUnavailableError, UsageError, one_line
from edgeready_device.isolation.trial import BUILT_FOR_IT
from edgeready_device.runtime.runtime import Interpreter, Runtime, open_interpreter, runtime_module

EDGETPU_LIBRARIES = {"darwin": "libedgetpu.1.dylib", "win32": "edgetpu.dll"}
FORMS = "edgetpu, edgetpu:usb, edgetpu:pci, edgetpu:0, or the path of a library as ./libx.so,key=value"
_EDGETPU = re.compile(r"edgetpu(?::(usb|pci))?(?::(\d{1,3}))?")
_ENTRIES = ("tflite_plugin_create_delegate", "tflite_plugin_destroy_delegate")
# The field e_machine of an ELF header, of the processors that boards and laptops have.
_MACHINES = {3: "x86", 40: "32-bit Arm", 62: "x86-64", 183: "arm64", 243: "RISC-V"}


@dataclass(frozen=True)
class DelegateSpec:
    """A delegate as the user names it: the `text`, its shared `library`, and the `options` that go to it."""

    text: str
    library: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def edgetpu(self) -> bool:
        """Whether it is the Edge TPU's by its name."""
        return _EDGETPU.fullmatch(self.text) is not None


@dataclass(frozen=True)
class Delegation:
    """What a delegate did: it took `ops_taken` of `ops_total` ops, in `partitions` pieces.

    `first_run_s` is its first inference in a process of its own, with which an Edge TPU's weights are loaded, and
    `second_run_s` the one after it.
    """

    spec: DelegateSpec
    ops_total: int
    ops_taken: int
    partitions: int
    first_run_s: float = 0.0
    second_run_s: float = 0.0

    @property
    def name(self) -> str:
        """The delegate as the user names it."""
        return self.spec.text


def parse_delegate(text: str) -> DelegateSpec:
    """The DelegateSpec that `text` means: one of FORMS; raises UsageError, or NotFoundError for no file."""
    match = _EDGETPU.fullmatch(text)
    if match is not None:
        kind, number = match.groups()
        device = (kind or "") + ("" if number is None else f":{int(number)}")
        library = EDGETPU_LIBRARIES.get(sys.platform, "libedgetpu.so.1")
        return DelegateSpec(text, library, {"device": device} if device else {})
    library, *pairs = text.split(",")
    if not library or ("/" not in library and not re.search(r"\.(so|dylib|dll)(\.\d+)*$", library)):
        raise UsageError(f"the delegate {text!r} is unknown: choose {FORMS}")
    options = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise UsageError(f"the delegate's option {pair!r} is no key=value: write {library},key=value")
        options[key] = value
    if "/" in library and not Path(library).is_file():
        raise NotFoundError(f"{library}: no such file; choose {FORMS}")
    return DelegateSpec(text, library, options)


def open_delegated(
    runtime: Runtime, model: bytes, spec: DelegateSpec, *, ops_total: int, threads: int = 1, kernels: str = "default"
) -> tuple[Interpreter, Delegation]:
    """An interpreter whose ops the delegate `spec` has taken where it could, and what it took of `ops_total`.

    A library can crash the process: `trial.try_model` opens it in a child first. Raises RuntimeUnavailableError when
    the library is no delegate, does not start, refuses the model or takes nothing.
    """
    nodes: list[Mapping[str, Any]] = []
    try:
        interpreter = open_interpreter(
            runtime,
            model,
            threads,
            kernels=kernels,
            delegate=load_delegate(runtime, spec),
            inspect=lambda interpreter: nodes.extend(interpreter._get_ops_details()),
        )
    except ModelFileError as error:
        reason = str(error).partition("refuses the model: ")[2]
        raise RuntimeUnavailableError(
            f"{runtime} with the delegate {spec.text} refuses the model ({reason}): {BUILT_FOR_IT}"
        ) from error
    ops_taken, partitions = count_taken_ops(nodes, ops_total)
    delegation = Delegation(spec, ops_total, ops_taken, partitions=partitions)
    if not delegation.ops_taken:
        cure = (
            "the file is not compiled for the Edge TPU: run edgeready compile"
            if spec.edgetpu
            else "all would run on the CPU: give a model that it supports"
        )
        raise RuntimeUnavailableError(
            f"the delegate {spec.text} took 0 of {ops_total} ops; {cure}, or leave --delegate out"
        )
    return interpreter, delegation


def count_taken_ops(nodes: Sequence[Mapping[str, Any]], ops_total: int) -> tuple[int, int]:
    """How many of the model's ops a delegate took, and in how many pieces.

    `nodes` are the interpreter's: the model's `ops_total` ops, then a node for each piece, which stands for the ops
    between its inputs and its outputs.
    """
    makers = {int(output): i for i, node in enumerate(nodes[:ops_total]) for output in node["outputs"]}
    ops: set[int] = set()
    for piece in nodes[ops_total:]:
        sources = {int(tensor) for tensor in piece["inputs"]}
        tensors = [int(tensor) for tensor in piece["outputs"]]
        while tensors:  # from the piece's outputs back to its inputs
            tensor = tensors.pop()
            op = makers.get(tensor)
            if op is not None and op not in ops and tensor not in sources:
                ops.add(op)
                tensors.extend(int(source) for source in nodes[op]["inputs"])
    return len(ops), len(nodes) - ops_total


def load_delegate(runtime: Runtime, spec: DelegateSpec) -> Any:
    """The delegate object of `runtime`; raises RuntimeUnavailableError with the reason in a sentence."""
    module = runtime_module(runtime)
    _check_library(spec)
    try:
        return module.load_delegate(spec.library, dict(spec.options))
    except (ValueError, RuntimeError) as error:
        reason = one_line(error).removeprefix(f"Failed to load delegate from {spec.library}").strip()
        if spec.edgetpu:
            raise RuntimeUnavailableError(
                f"{spec.library} finds no Edge TPU for {spec.text!r}{f' ({reason})' if reason else ''}: "
                "run edgeready-device doctor, which looks for the device, its driver and its permissions"
            ) from error
        raise RuntimeUnavailableError(
            f"the delegate {spec.library} does not start: {reason or 'it gives no reason; check its options'}"
        ) from error


def _check_library(spec: DelegateSpec) -> None:
    """Loads the library before the runtime does; raises RuntimeUnavailableError with the reason where that fails.

    The runtimes leave a broken object behind there.
    """
    here, there = _processor_of(sys.executable), _processor_of(spec.library)
    try:
        if here and there and here != there:
            raise OSError(f"it is built for {there}, and this Python for {here}")
        library = ctypes.PyDLL(spec.library)
    except OSError as error:
        if spec.edgetpu:
            raise RuntimeUnavailableError(
                f"the Edge TPU's library does not load ({one_line(error)}): install a "
                "libedgetpu1-std that was rebuilt for this runtime (docs/coral.md), then run edgeready-device doctor"
            ) from error
        raise RuntimeUnavailableError(
            f"{spec.library} does not load ({one_line(error)}): give a shared library built for this machine"
        ) from error
    missing = [name for name in _ENTRIES if not hasattr(library, name)]
    if missing:
        raise RuntimeUnavailableError(
            f"{spec.library} is no TFLite delegate: it has no {' and no '.join(missing)}; choose {FORMS}"
        )


def _processor_of(path: str) -> str:
    """The processor that an ELF file is built for; empty for any other file, or one that the loader searches for."""
    try:
        with open(path, "rb") as stream:
            head = stream.read(20)
    except OSError:
        return ""
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return ""
    number = int.from_bytes(head[18:20], "little" if head[5] == 1 else "big")
    return _MACHINES.get(number, f"machine {number}")
