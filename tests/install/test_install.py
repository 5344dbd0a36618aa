"""Fresh environments, on every CPython here: what ./device brings, and the host."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from engine_nets import bands_classifier
from float_nets import SIZE
from fresh import call
from tflite_models import conv_classifier

pytestmark = [pytest.mark.install, pytest.mark.slow, pytest.mark.wide]

ROOT = Path(__file__).parents[2]
EVERY = ("3.9", "3.10", "3.11", "3.12", "3.13")
# Where time counts, the one that runs this; .ci/run tries all.
VERSIONS = EVERY if os.environ.get("EDGEREADY_LONG") == "1" else (f"3.{sys.version_info.minor}",)
HOST_VERSIONS = tuple(version for version in VERSIONS if version != "3.9")
HOST = ("./device", ".")
SEEDS = {"pip", "setuptools", "wheel"}
DATA = ROOT / "tests" / "data" / "arm64"
MODEL, DIGITS, PICTURE = DATA / "tutorial.tflite", DATA / "digits.npz", DATA / "digit-3.png"
DEVICE_CALLS: tuple[tuple[object, ...], ...] = (
    ("--help",),
    ("info",),
    ("info", "--json"),
    ("classify", "--help"),
    ("verify", MODEL),
    ("evaluate", MODEL, DIGITS, "--json"),
)
LIBRARY = f"""
import numpy as np
from edgeready_device import Model, benchmark, verify
from edgeready_device.benchmarking.benchmark import BenchmarkConfig
model = Model.load({str(MODEL)!r})
print(model.classify(np.load({str(DIGITS)!r})["x_test"][1])[0].label)
print(len(benchmark(model, BenchmarkConfig(runs=9, min_time_s=0)).latencies_s))
print(verify(model).passed)
"""

# Distributions that are installed, and those that the runtime asks for, directly or not.
INVENTORY = """
import importlib.metadata as m, json, re, sys
key = lambda name: re.sub(r"[-_.]+", "-", name).lower()
installed = {key(d.metadata["Name"]): d for d in m.distributions()}
def closure(name, seen):
    for line in (installed[name].requires or []) if name in installed else []:
        other = key(re.split(r"[ ;<>=!~\\[(]", line, maxsplit=1)[0])
        if "extra ==" not in line and other in installed and other not in seen:
            seen.add(other)
            closure(other, seen)
    return seen
print(json.dumps({
    "versions": {name: d.version for name, d in installed.items()},
    "of_litert": sorted(closure("ai-edge-litert", set())),
    "of_tflite": sorted(closure("tflite-runtime", set())),
}))
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment: its folder, what is installed, and what the runtimes ask for."""

    folder: Path
    versions: dict[str, str]
    of_litert: set[str]
    of_tflite: set[str]

    @property
    def names(self) -> set[str]:
        return set(self.versions) - SEEDS

    def run(self, program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return call(self.folder / "bin" / program, *arguments)


def interpreter(version: str) -> Path | None:
    """The CPython `version` of pyenv, or on the PATH."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = sorted(pyenv.glob(f"{version}.*/bin/python"))
    on_path = shutil.which(f"python{version}")
    candidates = [*found, *([Path(on_path)] if on_path else [])]
    return next((path for path in candidates if call(path, "-c", "import venv, ensurepip").returncode == 0), None)


def install(folder: Path, source: Path, *what: str) -> Environment:
    """Installs with the environment's own pip, which leaves it to Python to compile what is imported."""
    done = call(folder / "bin" / "python", "-m", "pip", "install", "-q", "--no-compile", *what, cwd=source)
    assert done.returncode == 0, done.stderr
    return inventory(folder)


def inventory(folder: Path) -> Environment:
    found = json.loads(call(folder / "bin" / "python", "-I", "-c", INVENTORY).stdout)
    return Environment(folder, found["versions"], set(found["of_litert"]), set(found["of_tflite"]))


@dataclass(frozen=True)
class Installed:
    """An environment as it was right after a package came in, and what its commands said then."""

    environment: Environment
    calls: dict[tuple[object, ...], subprocess.CompletedProcess[str]]


_MADE: dict[str, Installed] = {}
_WITH_IMAGES: dict[str, Environment] = {}
_WITH_LITERT: dict[str, Environment] = {}
_HOSTS: dict[str, Environment] = {}


@pytest.fixture
def device(version: str, source: Path, tmp_path_factory) -> Installed:
    """A fresh environment of CPython `version` after `pip install ./device`; made once."""
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no CPython {version} with venv here")
    if version not in _MADE:
        folder = tmp_path_factory.mktemp(f"venv{version}")
        assert call(python, "-m", "venv", folder).returncode == 0
        environment = install(folder, source, "./device")
        calls = {arguments: environment.run("edgeready-device", *arguments) for arguments in DEVICE_CALLS}
        _MADE[version] = Installed(environment, calls)
    return _MADE[version]


@pytest.fixture
def images(version: str, device: Installed, device_wheel: Path, source: Path) -> Environment:
    """The same environment after `pip install` of the wheel with the extra `images`; made once."""
    if version not in _WITH_IMAGES:
        _WITH_IMAGES[version] = install(device.environment.folder, source, f"{device_wheel}[images]")
    return _WITH_IMAGES[version]


@pytest.fixture
def litert(version: str, images: Environment, source: Path) -> Environment:
    """The same environment after `pip install "./device[litert]"`; made once."""
    if version not in _WITH_LITERT:
        _WITH_LITERT[version] = install(images.folder, source, "./device[litert]")
    return _WITH_LITERT[version]


@pytest.fixture
def host(version: str, images: Environment, source: Path) -> Environment:
    """The same environment after `pip install .`, on the newest CPython after `pip install ./device .`; made once."""
    if version not in _HOSTS:
        _HOSTS[version] = install(images.folder, source, *(HOST if version == HOST_VERSIONS[-1] else HOST[-1:]))
    return _HOSTS[version]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_device_package_brings_one_runtime_with_numpy_and_nothing_else(version, device):
    found = device.environment
    if sys.platform == "linux" and version in ("3.9", "3.10", "3.11"):
        assert found.names == {"edgeready-device", "tflite-runtime", "numpy"} | found.of_tflite
        assert found.versions["numpy"].startswith("1.")
        assert found.versions["tflite-runtime"].startswith("2.14")
    else:
        assert found.names == {"edgeready-device", "ai-edge-litert", "numpy"} | found.of_litert
        assert found.versions["ai-edge-litert"].startswith("2.")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_device_commands_work(version, device):
    for arguments in DEVICE_CALLS:
        assert (device.calls[arguments].returncode, device.calls[arguments].stderr) == (0, ""), arguments
    runtimes = json.loads(device.calls["info", "--json"].stdout)["runtimes"]
    assert len(runtimes) == 1
    assert runtimes[0].split()[0] in device.environment.versions
    assert json.loads(device.calls["evaluate", MODEL, DIGITS, "--json"].stdout)["top1"]["hits"] == 57


@pytest.mark.parametrize("version", VERSIONS)
def test_all_eight_verbs_run_right_after_pip_install_device(version, device, tmp_path):
    environment = device.environment
    for out in (tmp_path / "a.json", tmp_path / "b.json"):
        done = environment.run("edgeready-device", "benchmark", MODEL, "--min-time", 0, "--runs", 64, "--out", out)
        assert done.returncode == 0, done.stderr
    compared = environment.run("edgeready-device", "compare", tmp_path / "a.json", tmp_path / "b.json", "--json")
    assert compared.returncode in (0, 1), compared.stderr
    for arguments in (("doctor", MODEL), ("tune", MODEL, "--seconds", 1, "--dry-run")):
        done = environment.run("edgeready-device", *arguments)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    refused = environment.run("edgeready-device", "classify", MODEL, PICTURE)
    assert (refused.returncode, refused.stdout) == (6, "")
    assert "Pillow" in refused.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_the_library_classifies_measures_and_verifies(version, device):
    done = device.environment.run("python", "-c", LIBRARY)
    assert (done.stdout.split(), done.stderr) == (["2", "9", "True"], "")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_extra_images_adds_pillow_alone(version, device, images):
    assert images.names == {*device.environment.names, "pillow"}
    done = images.run("edgeready-device", "classify", MODEL, PICTURE)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_a_model_runs_in_the_fresh_environment(version, device, tmp_path):
    (tmp_path / "model.tflite").write_bytes(conv_classifier())
    images = np.random.default_rng(1).integers(0, 256, (30, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "noise.npz", x=images, y=np.arange(30) % 3)
    done = device.environment.run(
        "edgeready-device", "evaluate", tmp_path / "model.tflite", tmp_path / "noise.npz", "--json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["top1"]["count"] == 30


@pytest.mark.parametrize("version", ["3.11"])
@pytest.mark.long
def test_the_extra_litert_adds_the_faster_runtime_on_3_11(version, images, litert):
    assert litert.names == {*images.names, "ai-edge-litert", *litert.of_litert}
    assert "tflite-runtime" in images.names
    assert "ai-edge-litert" not in images.names
    runtimes = json.loads(litert.run("edgeready-device", "info", "--json").stdout)["runtimes"]
    assert [runtime.split()[0] for runtime in runtimes] == ["ai-edge-litert", "tflite-runtime"]


def check_host(found: Environment, tmp_path: Path) -> None:
    """The host works without TensorFlow, and says in one line what training needs."""
    assert {"edgeready", "edgeready-device", "ai-edge-litert", "typer", "pillow"} <= found.names
    assert not found.names & {"tensorflow", "keras", "scikit-learn", "h5py"}
    shown = found.run("edgeready", "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    (tmp_path / "model.tflite").write_bytes(conv_classifier())
    checked = found.run("edgeready", "check", tmp_path / "model.tflite")
    assert (checked.returncode, checked.stderr) == (0, "")
    images = np.random.default_rng(1).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "noise.npz", x=images, y=np.arange(60) % 3)
    for data in ("digits", tmp_path / "noise.npz"):
        refused = found.run("edgeready", "build", data, "--out", tmp_path / "out" / "model.tflite")
        assert (refused.returncode, refused.stdout) == (6, "")
        assert refused.stderr.startswith("edgeready: ")
        assert 'pip install "tensorflow' in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("version", HOST_VERSIONS)
def test_the_host_comes_without_tensorflow_and_says_what_training_needs(version, host, tmp_path):
    check_host(host, tmp_path)


@pytest.mark.parametrize("version", dict.fromkeys([HOST_VERSIONS[0], HOST_VERSIONS[-1]]))
def test_a_float_file_is_converted_and_verified_right_after_the_install_without_extras(version, host, tmp_path):
    (tmp_path / "bands.tflite").write_bytes(bands_classifier())
    images = np.zeros((120, SIZE, SIZE), np.uint8)
    for number, image in enumerate(images):
        image[number % 3 * SIZE // 3 : (number % 3 + 1) * SIZE // 3] = 120
    images += np.random.default_rng(1).integers(0, 120, images.shape, dtype=np.uint8)
    np.savez(tmp_path / "bands.npz", x=images, y=np.arange(120) % 3)
    out = tmp_path / "uint8.tflite"
    done = host.run(
        "edgeready", "convert", tmp_path / "bands.tflite", "--data", tmp_path / "bands.npz", "--out", out, "--json"
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["engine"], document["readiness"]["ready"]) == ("litert", True)
    assert host.run("edgeready-device", "verify", out).returncode == 0


@pytest.mark.long
def test_uv_installs_the_same(source, tmp_path):
    if importlib.util.find_spec("uv") is None:
        pytest.skip("uv is not installed here")
    uv, folder = (sys.executable, "-m", "uv"), tmp_path / "venv"
    assert call(*uv, "venv", "-q", "-p", sys.executable, folder).returncode == 0
    done = call(*uv, "pip", "install", "-q", "-p", folder / "bin" / "python", *HOST, cwd=source)
    assert done.returncode == 0, done.stderr
    check_host(inventory(folder), tmp_path)


@dataclass(frozen=True)
class Wheel:
    """A built wheel: its files, and what its metadata say."""

    files: set[str]
    metadata: list[str]

    def field(self, name: str) -> list[str]:
        return [line.partition(": ")[2] for line in self.metadata if line.startswith(f"{name}: ")]


@pytest.fixture(scope="module")
def wheel(device_wheel: Path) -> Wheel:
    """The wheel of the device package."""
    with zipfile.ZipFile(device_wheel) as archive:
        files = set(archive.namelist())
        (metadata,) = (name for name in files if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode().partition("\n\n")[0]
    return Wheel(files, text.splitlines())


def test_the_wheel_holds_one_package(wheel):
    folders = {name.split("/")[0] for name in wheel.files}
    assert folders == {"edgeready_device", f"edgeready_device-{_version()}.dist-info"}
    assert "edgeready_device/py.typed" in wheel.files
    assert len(wheel.files) > 100


def test_the_wheel_asks_for_the_runtime_and_numpy_only(wheel):
    assert wheel.field("Version") == [_version()]
    assert wheel.field("Requires-Python") == [">=3.9"]
    needed = [line for line in wheel.field("Requires-Dist") if "extra ==" not in line]
    assert {re.split(r"[<>=!~; ]", line)[0] for line in needed} == {"tflite-runtime", "ai-edge-litert", "numpy"}


def _version() -> str:
    from edgeready_device import __version__

    return __version__
