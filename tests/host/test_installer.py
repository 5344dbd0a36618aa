"""install.sh of a bundle, run by a real shell; the board's python3 is played by a script, for no board is here."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from tflite_models import conv_classifier

from edgeready.errors import NotFoundError, OutputError
from edgeready.workflows import bundle as workflow
from edgeready.workflows.bundle import TARGETS, _installer, make_bundle

# What is asked of python3: its version, the system's packages, a virtual environment. Each can be made to fail.
PYTHON3 = """#!/bin/sh
case "$*" in
  *version_info*) exit "${WRONG_VERSION:-0}" ;;
  *numpy*) exit "${NO_PACKAGES:-0}" ;;
  --version) echo "Python 3.9.2" ;;
  *venv*)
    [ -z "${NO_VENV:-}" ] || exit 1
    for place; do :; done
    mkdir -p "$place/bin"
    for name in pip edgeready-device; do
      printf '#!/bin/sh\\necho "%s $*" >> "$LOG"\\n' "$name" > "$place/bin/$name"
      chmod +x "$place/bin/$name"
    done
    echo "$*" >> "$LOG" ;;
esac
"""


@pytest.fixture
def install(tmp_path):
    """Runs install.sh: its exit code, standard output, standard error, and what was called."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text(PYTHON3)
    (tmp_path / "bin" / "python3").chmod(0o755)
    bundle = tmp_path / "to the board"
    bundle.mkdir()

    def run(*arguments: str, target="pi-os-12", model="m.tflite", verb="verify", **environment: str):
        (bundle / "install.sh").write_text(_installer(TARGETS[target], model, verb))
        path = f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"
        log = tmp_path / "log"
        done = subprocess.run(
            ["sh", str(bundle / "install.sh"), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": path, "LOG": str(log), **environment},
        )
        calls = log.read_text().splitlines() if log.exists() else []
        return done.returncode, done.stdout, done.stderr, calls

    run.bundle = bundle
    return run


def test_it_installs_in_the_home_folder_and_ends_with_the_path_of_the_command(install, tmp_path):
    home = tmp_path / "my home"
    assert install(HOME=str(home)) == (
        0,
        f"installed: {home}/edgeready/bin/edgeready-device\n"
        "two runtimes are installed: the following command finds the faster one here, and has it used from then on:\n"
        f'  "{home}/edgeready/bin/edgeready-device" tune "{install.bundle}"/m.tflite\n',
        "",
        [
            f"-m venv {home}/edgeready",
            f"pip install -q --no-index --find-links {install.bundle}/wheels edgeready-device[images,litert] "
            "tflite-runtime==2.14.0 ai-edge-litert>=2.3,<3 numpy<2 pillow",
            f"edgeready-device verify {install.bundle}/m.tflite",
        ],
    )


def test_it_installs_in_the_folder_that_it_is_given_also_without_a_home(install, tmp_path):
    code, out, err, calls = install(str(tmp_path / "opt"), target="armv7", verb="doctor")
    assert (code, out, err) == (0, f"installed: {tmp_path}/opt/bin/edgeready-device\n", "")
    assert calls[0] == f"-m venv --system-site-packages {tmp_path}/opt"
    assert calls[2] == f"edgeready-device doctor {install.bundle}/m.tflite"


@pytest.mark.parametrize(
    ("environment", "code", "message"),
    [
        ({}, 2, "HOME is not set: name a folder, as in sh install.sh /opt/edgeready"),
        (
            {"HOME": "/nowhere", "WRONG_VERSION": "1"},
            6,
            "this bundle is for CPython 3.11, and here is Python 3.9.2: make one with another --target",
        ),
        (
            {"HOME": "/nowhere", "NO_PACKAGES": "1"},
            6,
            "install the system's packages first: sudo apt install python3-numpy python3-pil",
        ),
        (
            {"HOME": "/nowhere", "NO_VENV": "1"},
            6,
            "a virtual environment cannot be made: sudo apt install python3-venv",
        ),
    ],
)
def test_what_is_missing_is_one_line_and_nothing_is_installed(install, environment, code, message):
    assert install(target="armv7", **environment) == (code, "", f"{message}\n", [])


def test_a_models_name_is_never_read_by_the_shell(install, tmp_path):
    name = "it's $(touch harm) `touch harm`.tflite"
    code, _, _, calls = install(str(tmp_path / "opt"), model=name)
    assert (code, calls[2]) == (0, f"edgeready-device verify {install.bundle}/{name}")
    assert not list(Path(tmp_path).rglob("harm"))


@pytest.mark.parametrize("target", TARGETS)
def test_each_target_has_its_own_python(target):
    first, second = TARGETS[target].python.split(".")
    assert f"sys.version_info[:2] != ({first}, {second})" in _installer(TARGETS[target], "m.tflite", "verify")


def test_a_target_has_both_runtimes_where_both_have_wheels_and_names_the_extra():
    pairs = {name: [r.split("=")[0].split(">")[0] for r in target.runtimes] for name, target in TARGETS.items()}
    assert pairs == {
        "pi-os-12": ["tflite-runtime", "ai-edge-litert"],
        "pi-os-13": ["ai-edge-litert"],
        "armv7": ["tflite-runtime"],
    }
    texts = {name: _installer(target, "m.tflite", "verify") for name, target in TARGETS.items()}
    assert [name for name, text in texts.items() if "tune" in text] == ["pi-os-12"]
    ours = {name: text.split("'edgeready-device")[1].split("'")[0] for name, text in texts.items()}
    assert ours == {"pi-os-12": "[images,litert]", "pi-os-13": "[images,litert]", "armv7": ""}


# -- a disk that does not take it all --------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path) -> Path:
    (tmp_path / "m.tflite").write_bytes(conv_classifier())
    return tmp_path / "m.tflite"


@pytest.fixture
def quick(monkeypatch):
    """A bundle of two small wheels, without a package index."""

    def put(*arguments, temporary: Path | None = None) -> None:
        with zipfile.ZipFile(arguments[-1] / f"wheel_{len(arguments)}-1-py3-none-any.whl", "w") as archive:
            archive.writestr("module.py", "value = 1\n" * 1000)

    monkeypatch.setattr(workflow, "download_wheels", put)
    monkeypatch.setattr(workflow, "write_device_wheel", put)


@pytest.mark.usefixtures("quick")
def test_a_bundle_that_was_written_whole_is_there(model, tmp_path):
    result = make_bundle(model, "pi-os-12", tmp_path / "out")
    assert (tmp_path / "out" / "m.tflite").read_bytes() == model.read_bytes()
    assert "doctor" in (tmp_path / "out" / "install.sh").read_text()  # the model has no golden vectors
    assert result.install == "sh out/install.sh"


@pytest.mark.usefixtures("quick")
def test_what_a_killed_bundle_left_goes_with_the_next(model, tmp_path):
    leftover, young = (tmp_path / f".out.edgeready-{name}" for name in ("old", "young"))
    for folder in (leftover / "bundle", young):
        folder.mkdir(parents=True)
    (leftover / ".held").touch()
    an_hour_ago = time.time() - 3600
    os.utime(leftover / ".held", (an_hour_ago, an_hour_ago))
    make_bundle(model, "pi-os-12", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == [young.name, "m.tflite", "out"]


def test_pip_keeps_its_temporary_files_beside_the_unfinished_bundle(model, tmp_path, monkeypatch):
    pip = tmp_path / "python"
    pip.write_text(f'#!/bin/sh\necho "$TMPDIR" > {tmp_path}/place\nexit 2\n')
    pip.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(pip))
    with pytest.raises(NotFoundError, match="pip cannot get the wheels"):
        make_bundle(model, "pi-os-12", tmp_path / "out")
    place = Path((tmp_path / "place").read_text().strip())
    assert (place.parent, place.name[:15], place.exists()) == (tmp_path, ".out.edgeready-", False)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("cut", "name"), [("wheel_1-1-py3-none-any.whl", "wheel_1-1"), ("m.tflite", "m.tflite")])
@pytest.mark.parametrize("size", [0, 50])
def test_a_file_that_the_disk_did_not_take_whole_is_refused_and_nothing_is_left(
    model, tmp_path, monkeypatch, cut, name, size
):
    check = workflow._check

    def lose(folder: Path, source: Path) -> None:
        (path,) = folder.rglob(cut)
        path.write_bytes(path.read_bytes()[:size])
        check(folder, source)

    monkeypatch.setattr(workflow, "_check", lose)
    with pytest.raises(OutputError, match=rf"^{name}.* whole: free some space, and bundle again$"):
        make_bundle(model, "pi-os-12", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["m.tflite"]


def test_a_pip_without_room_is_a_full_disk_and_no_missing_index(model, tmp_path, monkeypatch):
    pip = tmp_path / "python"
    pip.write_text("#!/bin/sh\necho 'ERROR: Could not install: [Errno 28] No space left on device' >&2\nexit 2\n")
    pip.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(pip))
    with pytest.raises(OutputError) as caught:
        make_bundle(model, "pi-os-12", tmp_path / "out")
    assert str(caught.value).endswith(
        "out (No space left on device): free some space, or choose another folder with --out"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.tflite", "python"]
