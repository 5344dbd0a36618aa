"""What a board is: its Python, its C library, its space, and what an earlier deployment left there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from edgeready.boards.connection import Client
from edgeready.boards.hosts import Host
from edgeready.boards.scripts import PROBE
from edgeready.errors import BoardError
from edgeready_device.text import plain

_LIMIT_S = 120.0  # chosen: hashing 50 MB of wheels on a slow SD card takes some 10 s
_OLDEST_PYTHON = (3, 9)  # edgeready-device's
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A board's system, the SHA-256 of its wheels by name, and which version, model and environment are in use.

    The environment is empty where it does not run any more.
    """

    machine: str
    libc: str
    python: str
    bits: int
    wheels: Mapping[str, str]
    version: str
    model_sha256: str
    environment: str

    @property
    def system(self) -> str:
        """The board in a few words."""
        return f"{self.machine}, {self.bits} bit, Python {self.python}, {self.libc}"


def probe_board(client: Client, host: Host, root: str) -> Probe:
    """Returns what the board `host` is, and what lies there in the folder `root` of its home.

    Raises BoardError where it cannot be reached, or cannot run edgeready-device.
    """
    answer = client.run(host, PROBE, [root], limit_s=_LIMIT_S)
    lines = answer.output.splitlines()
    if answer.code or "edgeready-probe 1" not in lines or "edgeready-probe end" not in lines:
        raise BoardError(f"its shell does not answer: {answer.message or f'exit code {answer.code}'}")
    values: dict[str, str] = {}
    wheels: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition("=")
        if name == "wheel" and _SHA256.fullmatch(value[:64]):
            wheels[value[66:]] = value[:64]
        else:
            values[name] = plain(value)[:80]
    python, _, bits = values.get("python", "").partition(" ")
    if not re.fullmatch(r"3\.\d{1,3}", python) or tuple(map(int, python.split("."))) < _OLDEST_PYTHON:
        raise BoardError(f"python3 there is {python or 'missing'}: edgeready-device needs CPython 3.9 or newer")
    if not values.get("libc", "").startswith("glibc"):
        raise BoardError(f"its C library is {values.get('libc') or 'unknown'}: the runtimes' wheels need glibc")
    if values.get("venv") != "yes":
        raise BoardError("a virtual environment cannot be made there: sudo apt install python3-venv")
    if values.get("flock") != "yes":
        raise BoardError("flock is missing there, which keeps two deployments apart: sudo apt install util-linux")
    return Probe(
        machine=values.get("machine", ""),
        libc=values["libc"],
        python=python,
        bits=int(bits) if bits in ("32", "64") else 0,
        wheels=wheels,
        version=values.get("current", ""),
        model_sha256=values.get("model", "")[:64],
        environment=values.get("environment", ""),
    )
