"""`deploy` and `rollback` through a real sshd on this machine; each board has its own home folder.

The wheels are one small one: the device package and its runtimes come over PYTHONPATH, so that no test downloads.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from ssh_boards import COMPLETE, Boards, write_wheel

from edgeready.boards import claim
from edgeready.boards.connection import Client
from edgeready.boards.hosts import Host
from edgeready.boards.scripts import DEVICE
from edgeready.errors import BoardError
from edgeready.workflows import board_wheels
from edgeready.workflows import deploy as workflow
from edgeready.workflows.deploy import ROOT, deploy, rollback

MODEL = Path(__file__).parents[1] / "data" / "arm64" / "rgb.tflite"
pytestmark = pytest.mark.skipif(not COMPLETE, reason="OpenSSH's sshd is not installed")
TOOLS = "sh uname getconf df awk sha256sum basename readlink tar mkdir rm mv ln cat sleep flock sync grep".split()


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    made = Boards(tmp_path_factory.mktemp("boards"))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """One small wheel in the place of 50 MB, and a second of tuning."""

    def put(*_, **__) -> None: ...

    monkeypatch.setattr(board_wheels, "download_wheels", put)
    monkeypatch.setattr(board_wheels, "write_device_wheel", write_wheel)
    shorter = {"tune": ("--seconds", "1", "--threads", "1"), "benchmark": ("--min-time", "0.1", "--runs", "10")}
    shorter["profile"] = ("--min-time", "0", "--runs", "3")
    monkeypatch.setattr(workflow, "_OPTIONS", shorter)
    monkeypatch.setattr(claim, "GRACE_S", 1)


@pytest.mark.slow
def test_a_board_is_deployed_to_again_and_rolled_back_beside_one_with_a_wrong_key(boards, tmp_path):
    hosts = [boards.add("one"), boards.add("impostor", key="otherkey")]
    result = deploy(MODEL, hosts, ssh_config=boards.config)
    one, impostor = result.boards
    assert one.failure == ""
    assert impostor.failure.startswith("Host key verification failed. (its key is unknown or has changed: connect")
    assert not boards.root("impostor").exists()
    assert (one.answers["benchmark"]["count"] >= 10, one.answers["tune"]["choice"] is None) == (True, False)
    current = boards.root("one") / "current"
    assert os.readlink(current) == f"versions/{one.version}"
    assert (current / "model.tflite").read_bytes() == MODEL.read_bytes()
    assert json.loads(json.dumps(result.to_dict()))["boards"][1]["deployed"] is False

    # Again: nothing is sent, and the version stays.
    (again,) = deploy(MODEL, hosts[:1], ssh_config=boards.config, profile=True).boards
    assert (again.failure, again.sent_bytes, again.version) == ("", 0, one.version)
    assert {op["operator"] for op in again.answers["profile"]["ops"]} >= {"CONV_2D", "FULLY_CONNECTED"}
    assert (again.answers["profile_failure"], "profile" in one.answers) == (None, False)

    # Another model: the wheel is not sent again, and a connection that is lost in the middle leaves the old model.
    other = tmp_path / "other.tflite"
    shutil.copy(MODEL.with_name("tutorial.tflite"), other)

    def cut(label: str, done: int, total: int) -> None:
        if label == "one: is verified":
            threading.Timer(0.3, boards.cut).start()  # in the middle of doctor

    (lost,) = deploy(other, hosts[:1], ssh_config=boards.config, progress=cut).boards
    assert "lost" in lost.failure
    assert os.readlink(current) == f"versions/{one.version}"

    (new,) = deploy(other, hosts[:1], ssh_config=boards.config).boards
    assert (new.failure, new.sent_bytes) == ("", other.stat().st_size)
    assert (current / "model.tflite").read_bytes() == other.read_bytes()

    # Back, and no further.
    (back,) = rollback(hosts[:1], ssh_config=boards.config).boards
    assert (back.failure, back.version, os.readlink(current)) == ("", one.version, f"versions/{one.version}")
    (end,) = rollback(hosts[:1], ssh_config=boards.config).boards
    assert end.failure == f"rollback failed there: no version before {one.version} is kept there"
    (none,) = rollback(hosts[1:], ssh_config=boards.config).boards
    assert none.failure.startswith("Host key verification failed")


@pytest.mark.parametrize("shared_only", [True, False])
def test_a_step_that_could_not_share_a_connection_has_its_own(boards, tmp_path, monkeypatch, shared_only):
    # The client's words where its own master ends before it answers: the command has not been asked for.
    lost = "echo 'Failed to connect to new control master' >&2; exit 255"
    own = f'exec {shutil.which("ssh")} "$@"' if shared_only else lost
    (tmp_path / "ssh").write_text(f'#!/bin/sh\ncase "$*" in *ControlMaster*) {lost};; esac\n{own}\n')
    (tmp_path / "ssh").chmod(0o755)
    (tmp_path / "data").write_bytes(b"sent\n")
    host = boards.add("unshared") if shared_only else Host(name="unshared", address="unshared")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    client = Client(config=boards.config, sockets=Path("short"), stop=threading.Event())
    if shared_only:
        answer = client.run(host, 'echo "$1"; cat; exit 3', ["a b"], limit_s=30, data=tmp_path / "data")
        assert (answer.code, answer.output) == (3, "a b\nsent\n")
        return
    with pytest.raises(BoardError, match=r"^Failed to connect to new control master"):
        client.run(host, "echo", limit_s=30)


def test_a_board_at_work_is_left_alone_and_the_line_that_ends_its_work_does(boards, tmp_path):
    host = boards.add("busy")
    folder = boards.root("busy") / "versions" / "1" / "environment" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").write_text("#!/bin/sh\nsleep 60; exit 7\n")  # of the group, and no child that waits alone
    (folder / "python").chmod(0o755)
    (folder.parents[1] / "accepted").write_text("1\n")
    with tempfile.TemporaryDirectory(prefix="er-") as sockets, ThreadPoolExecutor() as pool:
        client = Client(config=boards.config, sockets=Path(sockets), stop=threading.Event())
        with claim.claim_board(client, host, ROOT, version="") as first:
            step = pool.submit(first.run, DEVICE, ["1", "tune"], limit_s=30)
            locked = (boards.root("busy") / "lock").read_text()
            while (boards.root("busy") / "lock").read_text() in (locked, ""):
                time.sleep(0.02)
            (result,) = deploy(MODEL, [host], ssh_config=boards.config).boards
            words = result.failure.partition(" deploys there since ")
            assert re.fullmatch(r"[\w.-]+@[\w.-]+", words[0])
            line = re.search(r"end it with ssh and '(kill -- -\d+)'$", words[2])[1]
            subprocess.run(client.command(host, line), check=True)
            assert "the step was killed there" in str(step.exception(timeout=10))
        assert (boards.root("busy") / "lock").read_text() == ""


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("", "python3 there is missing: edgeready-device needs CPython 3.9 or newer"),
        ("#!/bin/sh\necho 3.8 64\n", "python3 there is 3.8: edgeready-device needs CPython 3.9 or newer"),
        ("#!/bin/sh\ncase $2 in *ensurepip*) exit 1; esac\necho 3.11 64\n", "a virtual environment cannot be made"),
    ],
    ids=["no Python", "an old one", "no venv"],
)
def test_a_board_that_lacks_what_is_needed_is_told_what(boards, tmp_path, script, message):
    for tool in TOOLS:
        (tmp_path / tool).symlink_to(shutil.which(tool))
    if script:
        (tmp_path / "python3").write_text(script)
        (tmp_path / "python3").chmod(0o755)
    host = boards.add(f"bare{len(boards.servers)}", path=str(tmp_path))
    (result,) = deploy(MODEL, [host], ssh_config=boards.config).boards
    assert message in result.failure
    assert not boards.root(host.name).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk is mounted by root only")
def test_a_full_disk_is_said_and_nothing_is_left(boards, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(home)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    try:
        host = boards.add("full", home=home)
        (result,) = deploy(MODEL, [host], ssh_config=boards.config).boards
        assert result.failure == "its disk has 0.0 MB free, and 0.0 MB are needed"

        @contextmanager
        def claim_large(*arguments, **options):
            with claim.claim_board(*arguments, **options) as found:
                yield dataclasses.replace(found, free_bytes=10**12)

        monkeypatch.setattr(workflow, "claim_board", claim_large)  # as where a quota is smaller than the disk
        (result,) = deploy(MODEL, [host], ssh_config=boards.config).boards
        assert result.failure.startswith("copying failed there: ")
        assert result.failure.endswith("No space left on device")
        assert [path.name for path in home.rglob("*") if path.is_file()] == ["lock"]
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)
