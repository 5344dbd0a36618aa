"""The Ansible role in docs/ansible: linted, and run against two boards with an sshd each (EDGEREADY_LONG=1).

The bundle's wheels are empty ones: a .pth file brings what they would, so that no test downloads 43 MB.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ssh_boards import COMPLETE, Boards, write_wheel

from edgeready.workflows import bundle
from edgeready.workflows.bundle import TARGETS, make_bundle

ROLE = Path(__file__).parents[2] / "docs" / "ansible"
MODEL = Path(__file__).parents[1] / "data" / "arm64" / "rgb.tflite"
WHEELS = {"numpy": "1.26.4", "pillow": "13.0.0", "tflite-runtime": "2.14.0", "ai-edge-litert": "2.3.0"}
CONTROLLER = os.environ.get("EDGEREADY_ANSIBLE", "")  # a folder with Ansible's programs, to save a minute
pytestmark = [pytest.mark.slow, pytest.mark.long]  # installs Ansible


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The folder of Ansible's programs, in an environment of their own."""
    if CONTROLLER:
        return Path(CONTROLLER)
    folder = tmp_path_factory.mktemp("ansible")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "-q", "ansible-core>=2.17,<3", "ansible-lint>=25"], check=True)
    return folder / "bin"


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    made = Boards(tmp_path_factory.mktemp("boards"))
    for name in ("one", "two"):
        made.add(name, bare=True)
    yield made
    made.close()


@pytest.fixture
def make(monkeypatch, tmp_path):
    """Makes a bundle of a model for this Python, as `edgeready bundle` does."""
    here = "{}.{}".format(*sys.version_info)
    monkeypatch.setitem(TARGETS, "pi-os-12", dataclasses.replace(TARGETS["pi-os-12"], python=here))

    def download(_: object, wheels: Path, **__: object) -> None:
        for name, version in WHEELS.items():
            write_wheel(wheels, name, version)

    def write(wheels: Path) -> None:
        write_wheel(wheels, "edgeready-device", "0.1.0", script="edgeready_device.__main__:main")

    monkeypatch.setattr(bundle, "download_wheels", download)
    monkeypatch.setattr(bundle, "write_device_wheel", write)
    return lambda model, name: make_bundle(model, "pi-os-12", tmp_path / name).folder


@pytest.fixture
def play(programs, boards, tmp_path):
    """Runs the playbook on both boards: what changed and failed on each, and all that was said."""
    inventory = tmp_path / "boards.ini"
    inventory.write_text(
        "".join(
            f"{name} ansible_ssh_common_args='-F {boards.config}' ansible_python_interpreter={sys.executable}\n"
            for name in ("one", "two")
        )
    )

    def run(folder: Path, code: int = 0, limit: str = "one,two") -> tuple[dict[str, tuple[int, int]], str]:
        line = [programs / "ansible-playbook", "-i", inventory, "--limit", limit, ROLE / "playbook.yml"]
        settings = {"ANSIBLE_HOME": str(tmp_path / "home"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_PIPELINING": "1"}
        done = subprocess.run(
            [*line, "-e", f"edgeready_board_bundle={folder}"],
            capture_output=True,
            text=True,
            env={**os.environ, "LC_ALL": "C.UTF-8", **settings},
            check=False,
        )
        assert (done.returncode != 0) == (code != 0), done.stdout + done.stderr
        recap = re.findall(r"^(\w+) +: ok=\d+ +changed=(\d+) +unreachable=0 +failed=(\d+)", done.stdout, re.MULTILINE)
        return {name: (int(changed), int(failed)) for name, changed, failed in recap}, done.stdout

    return run


def current(boards: Boards, name: str) -> str:
    return os.readlink(boards.folder / f"home-{name}" / ".local/share/edgeready-bundles/current")


def test_the_role_has_nothing_that_the_linter_would_change(programs, tmp_path):
    shutil.copytree(ROLE, tmp_path / "ansible")
    done = subprocess.run(
        [programs / "ansible-lint", "--offline", "--nocolor", "--profile", "production", "."],
        cwd=tmp_path / "ansible",
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "ANSIBLE_HOME": str(tmp_path / "home")},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed: 0 failure(s), 0 warning(s)" in done.stderr


@pytest.mark.skipif(not COMPLETE, reason="OpenSSH's sshd is not installed")
def test_two_boards_get_a_bundle_once_keep_it_when_another_fails_and_go_back(play, make, boards, tmp_path):
    first = make(MODEL, "first")
    changes, _ = play(first)
    assert {name: failed for name, (_, failed) in changes.items()} == {"one": 0, "two": 0}
    version = current(boards, "one")
    assert re.fullmatch(r"versions/[0-9a-f]{16}", version)
    assert current(boards, "two") == version

    assert play(first)[0] == {"one": (0, 0), "two": (0, 0)}  # again: nothing changes

    # A model that does not verify: the old one stays in use.
    (tmp_path / "damaged.tflite").write_bytes(MODEL.read_bytes()[:-500])
    bad = make(MODEL, "bad")
    shutil.copy(tmp_path / "damaged.tflite", bad / MODEL.name)
    changes, said = play(bad, code=2, limit="one")
    assert [failed for _, failed in changes.values()] == [1]
    assert "Install it, and verify the model" in said.split("FAILED")[0].rsplit("TASK", 1)[1]
    assert current(boards, "one") == version

    # Another model, and back: the version that is there is not installed again.
    play(make(MODEL.with_name("tutorial.tflite"), "second"), limit="one")
    assert current(boards, "one") != version
    folder = boards.folder / "home-one" / ".local/share/edgeready-bundles/versions"
    assert len(list(folder.iterdir())) == 2  # what failed is gone
    assert play(first)[0] == {"one": (1, 0), "two": (0, 0)}
    assert current(boards, "one") == version


@pytest.mark.skipif(not COMPLETE, reason="OpenSSH's sshd is not installed")
def test_a_folder_that_is_no_bundle_is_refused_before_a_board_is_changed(play, boards, tmp_path):
    (tmp_path / "empty").mkdir()
    changes, said = play(tmp_path / "empty", code=2)
    assert list(changes.values()) == [(0, 1), (0, 1)]
    assert f"{tmp_path / 'empty'} is no folder of `edgeready bundle`" in said
