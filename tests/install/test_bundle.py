"""A bundle for a board without internet: the wheels of the board's Python, and our own two put together again."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tflite_models import conv_classifier

from edgeready.bundle import TARGETS, make_bundle
from edgeready.device_wheel import device_wheels
from edgeready.errors import ModelFileError, NotFoundError, OutputError, UsageError


def run(*command: object, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"PYTHONPATH": str(path)} if path else {})}
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=environment, check=False
    )


def install_line(bundle: Path) -> list[str]:
    """What the bundle's installer gives to `pip install`, with this folder for the board's."""
    (line,) = re.findall(r'(?m)^"\$HOME/edgeready/bin/pip" install -q (.*)$', (bundle / "install.sh").read_text())
    return [word.replace("$here", str(bundle)) for word in shlex.split(line)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(conv_classifier())
    return path


@pytest.fixture(scope="module")
def installed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both device packages, installed as a user has them; skips, saying why, where pip cannot."""
    folder, packages = tmp_path_factory.mktemp("site"), (source / "device", source / "device" / "bench")
    got = run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, *packages)
    if got.returncode:
        pytest.skip(f"pip cannot build the device packages here: {got.stderr.strip().splitlines()[-1:]}")
    return folder


@pytest.mark.install
@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("pi-os-12", {"edgeready_device", "edgeready_bench", "numpy", "pillow", "tflite_runtime"}),
        ("armv7", {"edgeready_device", "edgeready_bench", "tflite_runtime"}),
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
    asked = install_line(out)
    ours = "edgeready-device" if target == "armv7" else "edgeready-device[images]"
    assert asked[asked.index(ours) :][:3] == [ours, "edgeready-bench", "tflite-runtime==2.14.0"]
    board = [option for platform in TARGETS[target].platforms for option in ("--platform", platform)]
    board += ["--python-version", TARGETS[target].python, "--only-binary=:all:", "--target", tmp_path / "site"]
    got = run(sys.executable, "-m", "pip", "install", "-q", "--dry-run", *board, *asked)
    assert got.returncode == 0, got.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.install
@pytest.mark.slow
def test_the_wheels_that_are_put_together_again_install_and_run(installed, tmp_path):
    script = "import pathlib, sys, edgeready.device_wheel as d; d.device_wheels(pathlib.Path(sys.argv[1]))"
    made = run(sys.executable, "-c", script, tmp_path, path=installed)
    assert made.returncode == 0, made.stderr
    wheels = sorted(tmp_path.glob("*.whl"))
    assert [wheel.name for wheel in wheels] == [
        "edgeready_bench-0.1.0-py3-none-any.whl",
        "edgeready_device-0.1.0-py3-none-any.whl",
    ]
    bench, device = (zipfile.ZipFile(wheel).namelist() for wheel in wheels)
    assert "edgeready_bench/tuning/tune.py" in bench
    assert "edgeready_device/cli.py" in device
    assert {name.split("/")[0] for name in bench} == {"edgeready_bench", "edgeready_bench-0.1.0.dist-info"}
    assert {name.split("/")[0] for name in device} == {"edgeready_device", "edgeready_device-0.1.0.dist-info"}
    left_out = ("direct_url.json", "INSTALLER", ".pyc")
    assert not [name for name in (*bench, *device) if name.endswith(left_out)]
    site = tmp_path / "site"
    got = run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", site, *wheels)
    assert got.returncode == 0, got.stderr
    shown = run(sys.executable, "-m", "edgeready_device", "--version", path=site)
    assert shown.stdout == "edgeready-device 0.1.0\n"
    where = "import edgeready_bench, edgeready_device as d; print(edgeready_bench.__path__[0], d.__path__[0])"
    found = run(sys.executable, "-c", where, path=site).stdout.split()
    assert found == [str(site / "edgeready_bench"), str(site / "edgeready_device")]
    assert run(sys.executable, "-m", "edgeready_device", "tune", "--help", path=site).returncode == 0


def as_installed(site: Path, name: str, *files: str) -> None:
    """A distribution `name` in the folder `site`, as pip leaves it, that consists of `files`."""
    package = name.replace("-", "_")
    for file in files:
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text(f'"""{file}"""\n')
    info = site / f"{package}-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in (*files, f"{info.name}/METADATA")))


def test_where_one_of_the_two_is_not_installed_the_line_says_what_brings_it(tmp_path, monkeypatch):
    as_installed(tmp_path / "site", "edgeready-device", "edgeready_device/__init__.py")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    with pytest.raises(NotFoundError) as caught:
        device_wheels(tmp_path)
    assert str(caught.value) == "edgeready-bench is not installed: run pip install ./device/bench"


def test_an_editable_installation_has_no_files_to_make_a_wheel_of(tmp_path, monkeypatch):
    as_installed(tmp_path / "site", "edgeready-device", "edgeready_device/__init__.py")
    as_installed(tmp_path / "site", "edgeready-bench", "__editable__.edgeready_bench-0.1.0.pth")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    with pytest.raises(NotFoundError) as caught:
        device_wheels(tmp_path)
    assert str(caught.value) == (
        "edgeready-bench is installed in editable mode: run pip install ./device/bench without -e"
    )


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
