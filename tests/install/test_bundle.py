"""A bundle for a board without internet: the wheels of the board's Python, and our own put together again."""

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

from edgeready.errors import ModelFileError, NotFoundError, OutputError, UsageError
from edgeready.workflows.bundle import TARGETS, make_bundle
from edgeready.workflows.device_wheel import write_device_wheel
from edgeready_device import __version__

# What pip brings with LiteRT 2.3 besides numpy.
LITERT_NEEDS = {"backports_strenum", "flatbuffers", "ml_dtypes", "protobuf", "tqdm", "typing_extensions"}


def run(*command: object, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"PYTHONPATH": str(path)} if path else {})}
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=environment, check=False
    )


def install_line(bundle: Path) -> list[str]:
    """What the bundle's installer gives to `pip install`, with this folder for the board's."""
    (line,) = re.findall(r'(?m)^"\$place/bin/pip" install -q (.*)$', (bundle / "install.sh").read_text())
    return [word.replace("$here", str(bundle)) for word in shlex.split(line)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(conv_classifier())
    return path


@pytest.fixture(scope="module")
def installed(device_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the device package, installed as a user has it."""
    folder = tmp_path_factory.mktemp("site")
    line = ["install", "-q", "--no-deps", "--no-compile", "--target", folder, device_wheel]
    done = run(sys.executable, "-m", "pip", *line)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.install
@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param(
            "pi-os-12",
            {"edgeready_device", "numpy", "pillow", "tflite_runtime", "ai_edge_litert", *LITERT_NEEDS},
            marks=pytest.mark.long,
        ),
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
    asked = install_line(out)
    ours = "edgeready-device" if target == "armv7" else "edgeready-device[images,litert]"
    assert asked[asked.index(ours) :][:2] == [ours, "tflite-runtime==2.14.0"]
    board = [option for platform in TARGETS[target].platforms for option in ("--platform", platform)]
    board += ["--python-version", TARGETS[target].python, "--only-binary=:all:", "--target", tmp_path / "site"]
    got = run(sys.executable, "-m", "pip", "install", "-q", "--dry-run", *board, *asked)
    assert got.returncode == 0, got.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.install
@pytest.mark.slow
def test_the_wheel_that_is_put_together_again_installs_and_runs(installed, tmp_path):
    script = """
import pathlib, sys
from edgeready.workflows.device_wheel import write_device_wheel
write_device_wheel(pathlib.Path(sys.argv[1]))
"""
    made = run(sys.executable, "-c", script, tmp_path, path=installed)
    assert made.returncode == 0, made.stderr
    wheels = sorted(tmp_path.glob("*.whl"))
    assert [wheel.name for wheel in wheels] == [f"edgeready_device-{__version__}-py3-none-any.whl"]
    names = zipfile.ZipFile(wheels[0]).namelist()
    assert {"edgeready_device/cli.py", "edgeready_device/tuning/tune.py"} <= set(names)
    assert {name.split("/")[0] for name in names} == {"edgeready_device", f"edgeready_device-{__version__}.dist-info"}
    assert not [name for name in names if name.endswith(("direct_url.json", "INSTALLER", ".pyc"))]
    site = tmp_path / "site"
    got = run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", site, *wheels)
    assert got.returncode == 0, got.stderr
    shown = run(sys.executable, "-m", "edgeready_device", "--version", path=site)
    assert shown.stdout == f"edgeready-device {__version__}\n"
    where = run(sys.executable, "-c", "import edgeready_device as d; print(d.__path__[0])", path=site)
    assert where.stdout.strip() == str(site / "edgeready_device")
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


def test_where_it_is_not_installed_the_line_says_what_brings_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    with pytest.raises(NotFoundError) as caught:
        write_device_wheel(tmp_path)
    assert str(caught.value) == "edgeready-device is not installed: run pip install ./device"


def test_an_editable_installation_has_no_files_to_make_a_wheel_of(tmp_path, monkeypatch):
    as_installed(tmp_path / "site", "edgeready-device", "__editable__.edgeready_device-0.1.0.pth")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    with pytest.raises(NotFoundError) as caught:
        write_device_wheel(tmp_path)
    assert str(caught.value) == "edgeready-device is installed in editable mode: run pip install ./device without -e"


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
