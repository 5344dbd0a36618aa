"""A board's shell through the system's OpenSSH client: no password, no new host key, no endless answer."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edgeready.boards.hosts import Host
from edgeready.errors import BoardError, RuntimeUnavailableError
from edgeready_device.text import plain

_MOST_BYTES = 8_000_000  # chosen: a benchmark's JSON with 100,000 latencies is 1 MB
_MOST_MESSAGE = 200  # characters of a board's own words; chosen: two lines of a terminal
_FULL = ("No space left on device", "Disk quota exceeded")
_LOST = 255  # the exit code of the OpenSSH client's own errors
_UNSHARED = "Failed to connect to new control master"  # the client's last words before it has asked for any command
_POLL_S = 0.05  # chosen: what a person does not notice
_CLOSE_S = 20.0  # chosen: the client here answers at once
_LONGEST_SOCKET = 45  # bytes: sockaddr_un has 108, "%C" is 40, and OpenSSH adds 17 and "/" while it makes the socket
_OPTIONS = (
    "BatchMode=yes",  # asks for no password: agents and keys only
    "StrictHostKeyChecking=yes",  # a key that is not known is never accepted in silence
    "ConnectTimeout=15",  # chosen: a board on a slow radio answers within it
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",  # chosen: a board that is silent for 30 s is lost
    "ForwardAgent=no",
    "ForwardX11=no",
    "RequestTTY=no",
    "PermitLocalCommand=no",
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How a script on a board ended: its exit code, its standard output, and its last line of messages, cleaned."""

    code: int
    output: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Client:
    """How boards are reached: the user's ssh_config, a folder for shared connections, and when to stop."""

    config: Path | None
    sockets: Path
    stop: threading.Event

    def command(self, host: Host, *words: str, share: bool = True) -> list[str]:
        """Returns the OpenSSH client's command line for `words` on `host`, over a connection to `share` or its own.

        It is its own, too, where the name of the folder for shared ones is too long for a socket.
        """
        options = [*_OPTIONS]
        if share and len(str(self.sockets)) <= _LONGEST_SOCKET:
            options += ["ControlMaster=auto", f"ControlPath={self.sockets}/%C", "ControlPersist=60"]
        config = [] if self.config is None else ["-F", str(self.config)]
        port = [] if host.port is None else ["-p", str(host.port)]
        settings = [word for option in options for word in ("-o", option)]
        return [_program(), *config, *port, *settings, "-T", "--", host.address, *words]

    def run(
        self, host: Host, script: str, arguments: Sequence[str] = (), *, limit_s: float, data: Path | None = None
    ) -> Answer:
        """Runs a shell script on a board, with the file `data` as its standard input, and returns its Answer.

        Raises BoardError when the connection fails or is lost, or the time or the size of the answer is exceeded.
        """
        words = " ".join(["exec", "sh", "-c", shlex.quote(script), "edgeready", *map(shlex.quote, arguments)])
        answer = self._run(self.command(host, words), data, limit_s)
        if answer.code == _LOST and _UNSHARED in answer.message:  # nothing has begun there, so it may be asked again
            answer = self._run(self.command(host, words, share=False), data, limit_s)
        if answer.code == _LOST:
            raise BoardError(_explain(answer.message))
        return answer

    def _run(self, command: Sequence[str], data: Path | None, limit_s: float) -> Answer:
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as messages:
            with open(data or "/dev/null", "rb") as source:
                process = subprocess.Popen(command, stdin=source, stdout=output, stderr=messages)
            try:
                self._wait(process, (output, messages), limit_s)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            return Answer(code=process.returncode, output=_read(output), message=_last_line(_read(messages)))

    def close(self, host: Host) -> None:
        """Ends the shared connection to a board; one that does not end in time ends by itself (ControlPersist)."""
        command = self.command(host)
        command[1:1] = ["-O", "exit"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_CLOSE_S)

    def _wait(self, process: subprocess.Popen[bytes], streams: Sequence[IO[bytes]], limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        while process.poll() is None:
            if self.stop.wait(_POLL_S):
                raise BoardError("stopped")
            if time.monotonic() > deadline:
                raise BoardError(f"no end within {limit_s:.0f} s: is the board busy, or the connection slow?")
            if any(os.fstat(stream.fileno()).st_size > _MOST_BYTES for stream in streams):
                raise BoardError(f"an answer of more than {_MOST_BYTES // 1_000_000} MB: what does its shell print?")


def _program() -> str:
    program = shutil.which("ssh")
    if program is None:
        raise RuntimeUnavailableError("the OpenSSH client is not installed: sudo apt install openssh-client")
    return program


def _read(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read(_MOST_BYTES).decode("utf-8", "replace")


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    full = [line for line in lines if any(phrase in line for phrase in _FULL)]  # tar's last line is no reason
    lines = full or lines
    return plain(lines[-1])[:_MOST_MESSAGE] if lines else ""


def _explain(message: str) -> str:
    """What the client's message asks for."""
    remedies = {
        "Host key verification failed": "its key is unknown or has changed: connect once with ssh, and compare it",
        "Permission denied": "add your key there (ssh-copy-id), or to your agent: no password is asked for",
        "Could not resolve": "check the name, or put it into ~/.ssh/config",
        "Connection refused": "is sshd running there, and on this port?",
        "timed out": "is the board on, and in this network?",
    }
    if not message:  # the client's answer also where a step there ends by a signal
        return "the connection was lost, or the step was killed there (is its memory too small?)"
    remedy = next((text for phrase, text in remedies.items() if phrase in message), "the connection was lost")
    return f"{message} ({remedy})"
