"""One command in a process of its own, for benchmarks/hostile.py: a fork of this one, or the installed command."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeready_device.isolation.child import ChildExit
from edgeready_device.isolation.parent import PARENT_VARIABLE


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code (None: died), what it wrote, the signal, seconds, peak memory, leftovers.

    `processor_s` is the processor time of the process and its children, on which other programs have no influence.
    """

    code: int | None
    text: str
    died_of: str
    seconds: float
    memory: int = 0
    left: bool = False
    processor_s: float = 0.0


def forked(work: Callable[[], tuple[int, str]], limit_s: float) -> Ended:
    """How `work` ended in a fork of this process."""
    started = time.perf_counter()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.setpgid(0, 0)
        try:
            code, text = work()
        except BaseException:  # noqa: BLE001  (whatever it is, the parent reports it)
            code, text = 70, traceback.format_exc()
        os.write(writer, json.dumps([code, text[-4000:]]).encode())
        os._exit(0)
    os.close(writer)
    data, ended = b"", False
    while not ended:
        left = limit_s - (time.perf_counter() - started)
        ready = select.select([reader], [], [], max(left, 0))[0]
        if not ready:
            os.killpg(child, signal.SIGKILL)
            break
        chunk = os.read(reader, 65536)
        ended = not chunk
        data += chunk
    os.close(reader)
    _, status, usage = os.wait4(child, 0)  # whose memory is the largest of the process and its children
    seconds, memory, left_behind = time.perf_counter() - started, usage.ru_maxrss << 10, ends_group(child)
    about = {"memory": memory, "left": left_behind, "processor_s": usage.ru_utime + usage.ru_stime}
    if os.WIFSIGNALED(status):
        return Ended(None, "", signal.Signals(os.WTERMSIG(status)).name, seconds, **about)
    code, text = json.loads(data)
    return Ended(code, text, "", seconds, **about)


def ends_group(group: int) -> bool:
    """Whether a process of the group was left; it is ended."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def fork_child(arguments: Sequence[str], *, timeout_s: float, stdin: bytes = b"", **_: object) -> ChildExit:
    """`isolation.run_child` as a fork: the same answer without the start of Python."""
    read_in, write_in = os.pipe()
    output = tempfile.TemporaryFile()  # noqa: SIM115  (the fork has it too)
    child = os.fork()
    if child == 0:
        os.dup2(read_in, 0)
        os.dup2(output.fileno(), 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.close(write_in)
        sys.stdin = os.fdopen(0, "r")
        sys.argv = ["-c", *arguments[2:]]
        os.environ[PARENT_VARIABLE] = str(os.getppid())
        signal.alarm(int(timeout_s))
        try:
            exec(arguments[1], {})  # as `python -c` would
        except SystemExit as ended:
            os._exit(int(ended.code or 0))
        except BaseException:  # noqa: BLE001  (as the real child ends, with a traceback)
            os._exit(1)
        os._exit(0)
    os.close(read_in)
    with contextlib.suppress(BrokenPipeError), os.fdopen(write_in, "wb") as stream:
        stream.write(stdin)
    status = os.waitpid(child, 0)[1]
    output.seek(0)
    text = output.read().decode("utf-8", "replace")
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return ChildExit(None, "" if name == "SIGALRM" else name, name == "SIGALRM", text)
    return ChildExit(os.waitstatus_to_exitcode(status), "", False, text)


def installed(command: list[str], limit_s: float) -> Ended:
    """How an installed command ended."""
    started = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        return Ended(None, "", "SIGKILL", max(limit_s, time.perf_counter() - started))
    died_of = signal.Signals(-done.returncode).name if done.returncode < 0 else ""
    return Ended(done.returncode, done.stderr, died_of, time.perf_counter() - started)
