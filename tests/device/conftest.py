"""Fixtures of the device's tests: models, complete files, and the runtimes that are installed.

The models are those of device_models.py. Where the environment variable EDGEREADY_TEST_MODELS names a folder, its
ready-made files are taken (`python tests/device/device_models.py FOLDER` writes them): so the tests need no
`flatbuffers`, and run in a bare container with numpy, Pillow, pytest, hypothesis and one TFLite runtime. Else a
temporary folder gets them.
The external delegates are compiled where they are used, or taken ready-made from the folder that the environment
variable EDGEREADY_TEST_DELEGATES names (`tests/arm64/delegates` compiles them for a board): there needs to be no
compiler.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeready_device import cli
from edgeready_device.model import Model
from edgeready_device.model_file.golden import GoldenVectors
from edgeready_device.model_file.manifest import InputSpec, Manifest
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.normalization import Normalization
from edgeready_device.runtime.runtime import RUNTIME_VARIABLE, Runtime, installed_runtimes
from edgeready_device.session import Session
from edgeready_device.testing import FakeInterpreter

MODELS_VARIABLE = "EDGEREADY_TEST_MODELS"
DELEGATES_VARIABLE = "EDGEREADY_TEST_DELEGATES"
RUNTIMES = ("ai-edge-litert", "tflite-runtime")
INSTALLED = {runtime.name: runtime for runtime in installed_runtimes()}


@pytest.fixture(autouse=True)
def _no_runtime_by_environment(monkeypatch):
    monkeypatch.delenv(RUNTIME_VARIABLE, raising=False)


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Callable[[str], Path]:
    """The path of a bare model by its name in device_models.py."""
    given = os.environ.get(MODELS_VARIABLE)
    folder = Path(given) if given else tmp_path_factory.mktemp("models")
    if not given:
        from device_models import write_models

        write_models(folder)
    return lambda name: folder / f"{name}.tflite"


@pytest.fixture(params=RUNTIMES)
def runtime(request) -> Runtime:
    """Each TFLite runtime in turn."""
    if request.param not in INSTALLED:
        pytest.skip(f"{request.param} is not installed here")
    return INSTALLED[request.param]


@pytest.fixture
def litert() -> Runtime:
    """ai-edge-litert, which does not crash on damaged models."""
    if "ai-edge-litert" not in INSTALLED:
        pytest.skip("ai-edge-litert is not installed here")
    return INSTALLED["ai-edge-litert"]


@pytest.fixture(scope="session")
def compiled_delegate(tmp_path_factory) -> Callable[..., Path]:
    """Compiles external_delegate.c: an external delegate whose options say what it does and how it fails."""
    given = os.environ.get(DELEGATES_VARIABLE)
    if given:
        return lambda *options: Path(given, "libexternal" + "".join(options) + ".so")
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler is installed here, and the external delegate is written in C")

    def make(*options: str) -> Path:
        target = tmp_path_factory.mktemp("delegate") / "libexternal.so"
        source = Path(__file__).parent / "external_delegate.c"
        command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", *options, "-o", target, source]
        subprocess.run([str(part) for part in command], check=True)
        return target

    return make


@pytest.fixture(scope="session")
def delegate_library(compiled_delegate) -> Path:
    """The external delegate as both runtimes want it."""
    return compiled_delegate()


@pytest.fixture
def complete(tmp_path, model) -> Callable[..., Path]:
    """Makes a complete edgeready file, as the host does: flatbuffer, then a ZIP of the parts with their hashes.

    `parts` replaces or (None) leaves out whole parts after the hashes were taken; `extra` adds some. The ZIP's
    offsets count from the file's start, as zipfile's mode "a" has them, or from the ZIP's own start (`relative`).
    """

    def make(
        name: str = "sums",
        *,
        labels: bytes | None = b"left\nright\nboth\n",
        golden: GoldenVectors | None = None,
        frame: InputSpec | None = None,
        scores: str = "logits",
        parts: dict[str, bytes | None] | None = None,
        extra: dict[str, bytes] | None = None,
        relative: bool = False,
    ) -> Path:
        flatbuffer = model(name).read_bytes()
        frame = frame or InputSpec(2, 2, 1, "stretch", Normalization((0.0,), (1.0,)))
        contents: dict[str, bytes | None] = {"labels.txt": labels, "golden.npz": golden and golden.to_bytes()}
        hashed = {"flatbuffer": flatbuffer, **{key: data for key, data in contents.items() if data is not None}}
        hashes = {key: hashlib.sha256(data).hexdigest() for key, data in hashed.items()}
        manifest = Manifest(name, frame, scores, {"made_by": "a test"}, hashes)
        contents.update({"edgeready.json": manifest.to_json().encode(), **(parts or {}), **(extra or {})})
        target = tmp_path / f"{name}.tflite"
        target.write_bytes(b"" if relative else flatbuffer)
        with zipfile.ZipFile(target, "a", zipfile.ZIP_STORED) as archive:
            for key, data in contents.items():
                if data is not None:
                    archive.writestr(zipfile.ZipInfo(key), data)
        if relative:
            target.write_bytes(flatbuffer + target.read_bytes())
        return target

    return make


@pytest.fixture
def faked(model) -> Callable[..., Model]:
    """A Model of the file at `path` (or a bare model's name) in a FakeInterpreter that gives `answer`."""

    def make(path: str | Path, answer: Callable[[Any], Any]) -> Model:
        file = read_model_file(model(path) if isinstance(path, str) else path)
        return Model(Session(file, FakeInterpreter(answer), Runtime("fake", "0")))

    return make


@pytest.fixture
def call_verb(capsys) -> Callable[..., tuple[Any, list[str], list[str]]]:
    """Runs a verb in this process: exit code, lines on standard output, lines on standard error without the name."""

    def call(verb: str, *arguments: object):
        try:
            code = cli.main([verb, *map(str, arguments)])
        except SystemExit as ended:  # argparse
            code = ended.code
        out, err = capsys.readouterr()
        return code, out.splitlines(), [line.removeprefix("edgeready-device: ") for line in err.splitlines()]

    return call
