"""How commands end on signals, in processes that are really killed in an endless model."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgeready_device import cli
from edgeready_device.ending import GRACE_S, MEANINGS, SignalExit, SignalHandlers
from edgeready_device.isolation.child import run_child

MARK = "EDGEREADY_TEST_MARK"
LINES = {
    "SIGINT": "interrupted",
    "SIGTERM": "terminated",
    "SIGHUP": "terminated: the terminal or the session was closed",
}
pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="looks for processes in /proc")


@pytest.fixture
def image(tmp_path) -> Path:
    np.save(tmp_path / "image.npy", np.zeros((2, 2, 1), np.uint8))
    return tmp_path / "image.npy"


@pytest.fixture
def start(request) -> Iterator:
    """Starts a command; what it leaves behind is ended with the test."""
    mark = f"{os.getpid()}-{request.node.name}"

    def call(*arguments: object, code: str | None = None) -> subprocess.Popen:
        program = ["-m", "edgeready_device"] if code is None else ["-c", code]
        command = [sys.executable, *program, *map(str, arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, MARK: mark})

    call.alive = lambda: _processes_with(f"{MARK}={mark}")
    yield call
    for number in call.alive():
        os.kill(number, signal.SIGKILL)


def _processes_with(variable: str) -> list[int]:
    numbers = []
    for folder in Path("/proc").iterdir():
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0] if folder.name.isdigit() else "Z"
            if state != "Z" and variable.encode() in (folder / "environ").read_bytes().split(b"\0"):
                numbers.append(int(folder.name))
        except OSError:  # it has just ended
            continue
    return numbers


def _wait(condition, limit_s: float = 30.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.mark.parametrize("name", [*LINES, "SIGKILL"])
def test_a_child_in_an_endless_model_ends_with_the_command(start, model, image, name):
    command = start("classify", model("endless"), image)
    _wait(lambda: len(start.alive()) == 2)
    command.send_signal(getattr(signal, name))
    _, errors = command.communicate(timeout=30)
    _wait(lambda: start.alive() == [])
    if name == "SIGKILL":
        assert (command.returncode, errors) == (-signal.SIGKILL, "")
    else:
        assert (command.returncode, errors) == (128 + getattr(signal, name), f"edgeready-device: {LINES[name]}\n")


@pytest.mark.parametrize("verb", ["benchmark", "tune", "doctor"])
def test_every_command_with_children_takes_them_along(start, model, verb):
    command = start(verb, model("endless"))
    _wait(lambda: len(start.alive()) == 2)
    command.kill()
    command.wait()
    _wait(lambda: start.alive() == [])


def test_an_endless_model_in_the_command_itself_ends_it_within_the_grace(start, model, image):
    commands = {name: start("classify", "--trusted", model("endless"), image) for name in ("SIGINT", "SIGTERM")}
    for command in commands.values():
        cpu = Path(f"/proc/{command.pid}/stat")
        _wait(
            lambda cpu=cpu: int(cpu.read_text().rpartition(")")[2].split()[11]) > 100
        )  # a second: it is in the loop
    started = time.monotonic()
    for name, command in commands.items():
        command.send_signal(getattr(signal, name))
    for name, command in commands.items():
        _, errors = command.communicate(timeout=30)
        assert (command.returncode, errors) == (128 + getattr(signal, name), f"edgeready-device: {LINES[name]}\n")
    assert GRACE_S - 0.1 < time.monotonic() - started < GRACE_S + 5


def test_a_signal_that_was_ignored_at_the_start_stays_ignored(start):
    ignore = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
    run = "os.execv(sys.executable, [sys.executable, '-m', 'edgeready_device', 'doctor'])"
    command = start(code=ignore + run)  # as nohup does
    _wait(lambda: len(start.alive()) == 2)
    command.send_signal(signal.SIGHUP)
    assert "a model runs here" in command.communicate(timeout=60)[0]
    assert command.returncode == 0


@pytest.mark.parametrize("way", ["prctl", "polling"])
def test_a_child_of_a_killed_process_ends_with_and_without_the_kernels_help(start, way, tmp_path):
    """The second way is that of macOS, and of a Python without ctypes."""
    other = "parent.end_with_parent = lambda: False; " if way == "polling" else ""
    inner = (
        f"from edgeready_device.isolation import parent; {other}parent.follow_parent(); import time; time.sleep(60)"
    )
    outer = f"from edgeready_device.isolation.child import run_child; run_child(['-c', {inner!r}], timeout_s=60)"
    command = start(code=outer)
    _wait(lambda: len(start.alive()) == 2)
    time.sleep(0.3)  # the child asks the kernel first
    command.kill()
    command.wait()
    _wait(lambda: start.alive() == [], 5)


def test_a_child_whose_parent_was_gone_before_it_could_ask_ends_at_once():
    code = "import os; os.environ['EDGEREADY_PARENT'] = '1'; "
    code += "from edgeready_device.isolation.parent import follow_parent; follow_parent()"
    assert run_child(["-c", code], timeout_s=20).code == 1


def test_a_child_starts_no_children(start):
    code = "from edgeready_device.isolation.child import run_child; run_child(['-c', ''], timeout_s=9)"
    ended = run_child(["-c", code], timeout_s=20)
    assert ended.code == 1
    assert "starts the whole program again in place of a child process" in ended.errors


# -- the handlers themselves -----------------------------------------------------------------------------------


def _send(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(5)


def test_sigterm_raises_in_the_block_and_the_handlers_are_as_before_afterwards():
    before = [signal.getsignal(number) for number in MEANINGS]
    with pytest.raises(SignalExit) as ended, SignalHandlers(pytest.fail) as signals:
        _send(signal.SIGTERM)
    assert (ended.value.code, signals.number, signals.code, signals.meaning) == (143, 15, 143, "terminated")
    assert [signal.getsignal(number) for number in MEANINGS] == before
    assert signal.set_wakeup_fd(-1) == -1


def test_no_descriptor_and_no_thread_stays_behind():
    before = sorted(os.listdir("/proc/self/fd")), threading.enumerate()
    with SignalHandlers(pytest.fail):
        assert len(threading.enumerate()) == len(before[1]) + 1
    assert (sorted(os.listdir("/proc/self/fd")), threading.enumerate()) == before


def test_a_block_that_ends_within_the_grace_is_left_alone():
    with pytest.raises(KeyboardInterrupt), SignalHandlers(pytest.fail):
        _send(signal.SIGINT)


def test_outside_the_main_thread_nothing_is_set():
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with SignalHandlers(pytest.fail):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_signal_that_native_code_made_an_error_of_is_still_a_signal(capsys, monkeypatch):
    """numpy's own imports do: they say that numpy does not load."""

    def swallow():
        try:
            _send(signal.SIGTERM)
        except BaseException as error:
            raise ImportError("PyCapsule_Import could not import module", name="numpy") from error

    monkeypatch.setattr("edgeready_device.machine.machine.read_machine", swallow)
    assert cli.main(["info"]) == 143
    assert capsys.readouterr() == ("", "edgeready-device: terminated\n")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_before_the_handlers_are_set_is_told_as_any_other(start, name):
    code = (
        "import os, signal, runpy, sys\nfrom edgeready_device import ending\nhold = ending.hold_signals\n"
        f"def and_send():\n    hold()\n    os.kill(os.getpid(), signal.{name})\nending.hold_signals = and_send\n"
        "sys.argv = ['edgeready-device', 'info']\nrunpy.run_module('edgeready_device', run_name='__main__')"
    )
    _, errors = (command := start(code=code)).communicate(timeout=30)
    assert (command.returncode, errors) == (128 + getattr(signal, name), f"edgeready-device: {LINES[name]}\n")


def test_a_signal_while_the_verbs_are_imported_meets_no_traceback(start):
    code = (
        "import os, sys, builtins\nreal = builtins.__import__\n"
        "def slow(name, *rest, **more):\n"
        "    if name == 'edgeready_device.commands' and rest[2] and 'watch' in rest[2]:\n"
        "        os.kill(os.getpid(), 2)\n    return real(name, *rest, **more)\n"
        "builtins.__import__ = slow\nfrom edgeready_device.cli import main\nsys.exit(main(['info']))"
    )
    command = start(code=code)
    _, errors = command.communicate(timeout=30)
    assert (command.returncode, errors) == (130, "edgeready-device: interrupted\n")
