"""A bundle for a board without internet: the wheels of the board's Python, and a device wheel put together again."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tflite_models import conv_classifier

from edgeready.bundle import TARGETS, make_bundle
from edgeready.errors import ModelFileError, NotFoundError, OutputError, UsageError

ROOT = Path(__file__).parents[2]


def run(*command: object, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"PYTHONPATH": str(path)} if path else {})}
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=environment, check=False
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(conv_classifier())
    return path


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the device package installed as a user has it; skips, saying why, where pip cannot build it."""
    folder = tmp_path_factory.mktemp("site")
    got = run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, ROOT / "device")
    if got.returncode:
        pytest.skip(f"pip cannot build the device package here: {got.stderr.strip().splitlines()[-1:]}")
    return folder


@pytest.mark.install
@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("pi-os-12", {"edgeready_device", "numpy", "pillow", "tflite_runtime"}),
        ("armv7", {"edgeready_device", "tflite_runtime"}),
    ],
)
def test_a_bundle_holds_the_wheels_of_its_target_and_no_other(installed, model, tmp_path, target, expected):
    out = tmp_path / "bundle"
    made = run(sys.executable, "-m", "edgeready", "bundle", model, "--target", target, "--out", out, path=installed)
    assert made.returncode == 0, made.stderr
    wheels = sorted(path.name for path in (out / "wheels").iterdir())
    assert {name.split("-")[0] for name in wheels} == expected
    machine = "armv7l" if target == "armv7" else "aarch64"
    assert all(name.endswith(f"{machine}.whl") or name.endswith("-none-any.whl") for name in wheels)
    assert (out / "model.tflite").read_bytes() == model.read_bytes()
    assert os.access(out / "install.sh", os.X_OK)
    assert run("sh", "-n", out / "install.sh").returncode == 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.install
@pytest.mark.slow
def test_the_device_wheel_that_is_put_together_again_installs_and_runs(installed, tmp_path):
    script = "import pathlib, sys, edgeready.device_wheel as d; d.device_wheel(pathlib.Path(sys.argv[1]))"
    made = run(sys.executable, "-c", script, tmp_path, path=installed)
    assert made.returncode == 0, made.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "edgeready_device/cli.py" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith(("direct_url.json", "INSTALLER"))]
    site = tmp_path / "site"
    got = run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", site, wheel)
    assert got.returncode == 0, got.stderr
    shown = run(sys.executable, "-m", "edgeready_device", "--version", path=site)
    assert shown.stdout == "edgeready-device 0.1.0\n"


def test_an_unknown_target_is_refused_with_the_names(model, tmp_path):
    with pytest.raises(UsageError, match=r"'pi-os-11' is unknown: choose pi-os-12, pi-os-13, armv7") as caught:
        make_bundle(model, "pi-os-11", tmp_path / "out")
    assert caught.value.exit_code == 2
    assert tuple(TARGETS) == ("pi-os-12", "pi-os-13", "armv7")


def test_a_file_that_is_no_model_is_not_bundled(tmp_path):
    text = tmp_path / "notes.tflite"
    text.write_text("these are notes, not a model")
    with pytest.raises(ModelFileError, match=r"no \.tflite model"):
        make_bundle(text, "pi-os-12", tmp_path / "out")
    with pytest.raises(NotFoundError, match="no such file"):
        make_bundle(tmp_path / "absent.tflite", "pi-os-12", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_already_is_left_alone(model, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="is there already"):
        make_bundle(model, "pi-os-12", out)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_without_a_package_index_one_line_says_so_and_nothing_is_left(model, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    with pytest.raises(NotFoundError, match="pip cannot get the wheels for Raspberry Pi OS 12") as caught:
        make_bundle(model, "pi-os-12", tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["model.tflite"]
