"""Emulated boards with an sshd, which `edgeready deploy` of this machine installs a model on, two of them at once."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import ROOT, Engine
from lane import Lane, profiles
from systems import CPU_PARTS, EMULATED, System

MODEL = ROOT / "tests" / "data" / "arm64" / "tutorial.tflite"
LIMIT_S = 900  # chosen: five times what two boards take on two busy cores
ANSWER_S = 60  # chosen: an emulated sshd starts in two seconds
# What a board goes through, in this order; the second time nothing has changed.
FIRST = (
    "is probed",
    "gets its wheels collected",
    "receives",
    "is installed",
    "is verified",
    "is tuned",
    "is measured",
)
AGAIN = ("is probed", "gets its wheels collected", "is verified", "is measured")
SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey /board/hostkey
AuthorizedKeysFile /board/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
{cpu}
"""
CLIENT = """
Host {name}
  HostName 127.0.0.1
  Port {port}
  User edgeready
  IdentitiesOnly yes
  IdentityFile {folder}/id
  UserKnownHostsFile {folder}/known-{name}
"""


@dataclass(frozen=True)
class Run:
    """How `edgeready deploy` ended: its boards by name, the steps of each with the seconds at which they began."""

    code: int
    boards: dict[str, dict[str, Any]]
    steps: dict[str, list[tuple[float, str]]]
    seconds: float
    errors: str

    def of(self, board: str) -> tuple[str, ...]:
        """The steps of a board, without figures."""
        return tuple(re.sub(r" [\d.]+ MB$", "", step) for _, step in self.steps.get(board, []))


def deployment(lane: Lane, system: System) -> None:
    """Two boards are deployed to at once, beside one with another key and one with a full disk; then again."""
    name = f"edgeready deploy, {system.name}"
    program, reason = _find_program()
    if program is None:
        lane.say(f"NOT RUN: {name}: {reason}")
        if os.environ.get("CI") == "true":
            lane.verdict(name, False, reason)
        return
    with lane.timed(f"build of the board, {system.name}"):
        lane.engine.build(system.tag("board"), "--target", "board", *system.arguments(lane.engine))
    with lane.timed(name), tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        folder = Path(place)
        cpu = profiles(system)[0]
        for board in ("one", "two"):
            stack.enter_context(_board(lane.engine, system, folder, board, cpu))
        full = ("--tmpfs", "/home/edgeready:size=20m,uid=1000,gid=1000,exec")
        stack.enter_context(_board(lane.engine, system, folder, "full", cpu, full))
        _add_impostor(folder)
        first = _deploy(program, folder, ("one", "two", "full", "impostor"))
        _judge_first(lane, name, first)
        again = _deploy(program, folder, ("one", "two"))
        _judge_again(lane, name, first, again)


def _find_program() -> tuple[str | None, str]:
    """The host's command of this checkout's environment, else of this machine; or why there is none."""
    for tool in ("ssh", "ssh-keygen"):
        if shutil.which(tool) is None:
            return None, f"{tool} is not installed"
    program = shutil.which("edgeready", path=str(ROOT / ".venv" / "bin")) or shutil.which("edgeready")
    return program, "the host package is not installed (README's second command does it)"


@contextmanager
def _board(
    engine: Engine, system: System, folder: Path, name: str, cpu: str, options: tuple[str, ...] = ()
) -> Iterator[None]:
    """A board whose sshd answers during the block; the client's configuration knows it by its name."""
    if not (folder / "id").exists():
        _make_key(folder / "id")
    files = folder / name
    files.mkdir()
    _make_key(files / "hostkey")
    shutil.copy(folder / "id.pub", files / "authorized")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cpu_line = f"SetEnv QEMU_CPU={cpu}" if cpu in CPU_PARTS else ""
    (files / "sshd_config").write_text(SSHD.format(port=port, cpu=cpu_line), "utf-8")
    _add_client(folder, name, port, files / "hostkey.pub")
    variables = {"QEMU_CPU": cpu} if cpu in CPU_PARTS else {}
    container = engine.start(
        system.tag("board"),
        *("-f", "/board/sshd_config"),
        options=("-v", f"{files}:/board:ro", *options),
        environment=variables.items(),
    )
    try:
        _wait_for(port)
        yield
    finally:
        engine.stop(container)


def _make_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)


def _add_client(folder: Path, name: str, port: int, key: Path) -> None:
    (folder / f"known-{name}").write_text(f"[127.0.0.1]:{port} {key.read_text('ascii')}", "ascii")
    with (folder / "config").open("a", encoding="utf-8") as config:
        config.write(CLIENT.format(name=name, port=port, folder=folder))


def _add_impostor(folder: Path) -> None:
    """A name that is known with another key than the board behind it has."""
    port = int(re.findall(r"Port (\d+)", (folder / "config").read_text("utf-8"))[0])
    _add_client(folder, "impostor", port, folder / "two" / "hostkey.pub")


def _wait_for(port: int) -> None:
    until = time.monotonic() + ANSWER_S
    while time.monotonic() < until:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)


def _deploy(program: str, folder: Path, boards: tuple[str, ...]) -> Run:
    line = [program, "-v", "deploy", str(MODEL), *boards, "--ssh-config", str(folder / "config"), "--json"]
    started = time.monotonic()
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        code, output, errors = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        code, output, errors = 124, "", f"no end within {LIMIT_S} s"
    try:
        found = {board["host"]: board for board in json.loads(output)["boards"]}
    except (ValueError, KeyError):
        found = {}
    steps: dict[str, list[tuple[float, str]]] = {}
    for at, board, step in re.findall(r"^edgeready: ([\d.]+) s: (\w+): (.*)$", errors, re.MULTILINE):
        if step not in ("done", "failed"):
            steps.setdefault(board, []).append((float(at), step))
    return Run(code, found, steps, time.monotonic() - started, errors)


def _judge_first(lane: Lane, name: str, run: Run) -> None:
    good = [run.boards.get(board, {}) for board in ("one", "two")]
    ok = all(board.get("deployed") and board["benchmark"]["emulated"] is EMULATED for board in good)
    ok = ok and all(bool(board["tune"]["choice"]) is not EMULATED for board in good)
    sent = [board.get("sent_bytes", 0) / 1e6 for board in good]
    detail = f"{run.seconds:.0f} s, {sent[0]:.1f} and {sent[1]:.1f} MB sent"
    shown = detail if ok else f"{detail}\n{run.errors[-1500:]}\n{[board.get('failure') for board in good]}"
    lane.verdict(f"{name}: installed, verified, tuned, measured", ok, shown)
    lane.verdict(f"{name}: its steps", run.of("one") == run.of("two") == FIRST, ", ".join(run.of("one")))
    spans = [[at for at, _ in run.steps.get(board, [(0.0, "")])] for board in ("one", "two")]
    at_once = max(span[0] for span in spans) < min(span[-1] for span in spans)
    lane.verdict(f"{name}: both at once", at_once, f"began {spans[0][0]:.0f} s and {spans[1][0]:.0f} s")
    refused = {"impostor": "Host key verification failed", "full": "its disk has "}
    for board, message in refused.items():
        failure = run.boards.get(board, {}).get("failure") or "NO FAILURE"
        lane.verdict(f"{name}: {board}", failure.startswith(message) and run.code == 1, failure)


def _judge_again(lane: Lane, name: str, first: Run, again: Run) -> None:
    boards = [again.boards.get(board, {}) for board in ("one", "two")]
    same = all(
        board.get("version") == first.boards.get(board.get("host", ""), {}).get("version", "none") for board in boards
    )
    sent = sum(board.get("sent_bytes", 1) for board in boards)
    ok = again.code == 0 and same and sent == 0 and again.of("one") == again.of("two") == AGAIN
    ok = ok and again.seconds < first.seconds / 2  # 12 % were measured, on a busy machine
    share = f"{again.seconds:.0f} s of {first.seconds:.0f} s: {100 * again.seconds / first.seconds:.0f} %"
    shown = f"{share}; {sent} bytes sent; {', '.join(again.of('one'))}"
    lane.verdict(f"{name}: again", ok, shown if ok else f"{shown}\n{again.errors[-1500:]}")
