"""The wheels that a board needs, collected once for all boards of a kind."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeready.boards.probe import Probe
from edgeready.errors import BoardError, OutputError
from edgeready.workflows.bundle import TARGETS, Target, download_wheels
from edgeready.workflows.device_wheel import write_device_wheel

# CPython below 3.12 on glibc 2.34 has both runtimes. Older systems have tflite-runtime 2.13, newer CPythons LiteRT.
_BOTH_BELOW, _BOTH_FROM_GLIBC = (3, 12), (2, 34)
_GLIBC = ((2, 34), (2, 31), (2, 28), (2, 27), (2, 17))  # the baselines that wheels are built for


@dataclass(frozen=True, kw_only=True)
class Wheels:
    """The wheels of one kind of board with their SHA-256 by name, and a name for the environment made of them."""

    files: tuple[Path, ...]
    digests: Mapping[str, str]
    environment: str
    system_packages: tuple[str, ...]


def target_of(probe: Probe) -> Target:
    """Returns what a board of this kind needs. Raises BoardError where no runtime has a wheel for it."""
    python = tuple(int(part) for part in probe.python.split("."))
    glibc = _version(probe.libc)
    if probe.bits == 32 or probe.machine not in ("aarch64", "x86_64"):
        armv7 = TARGETS["armv7"]
        if probe.machine in ("armv7l", "aarch64") and probe.bits == 32 and probe.python == armv7.python:
            return armv7
        raise BoardError(f"no runtime has a wheel for it ({probe.system}): a 64-bit system has both")
    if python < (3, 10) or glibc < _BOTH_FROM_GLIBC:
        raise BoardError(
            f"deploy needs CPython 3.10 and glibc 2.34 there, and it has {probe.system}: update its system"
        )
    both = python < _BOTH_BELOW
    own = TARGETS["pi-os-12" if both else "pi-os-13"]
    names = [f"manylinux_{a}_{b}_{probe.machine}" for a, b in _GLIBC if (a, b) <= glibc]
    return Target(
        system=probe.system,
        python=probe.python,
        platforms=(*names, f"manylinux2014_{probe.machine}"),
        runtimes=own.runtimes,
        libraries=own.libraries,
    )


def _version(libc: str) -> tuple[int, ...]:
    numbers = libc.partition(" ")[2].split(".")[:2]
    return tuple(int(number) for number in numbers) if all(n.isascii() and n.isdigit() for n in numbers) else (0,)


class WheelStore:
    """Collects the wheels of each kind of board once, below a folder that lasts as long as the deployment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._wheels: dict[tuple[str, ...], Wheels] = {}

    def wheels_for(self, probe: Probe) -> Wheels:
        """Returns the wheels for a board. Raises NotFoundError when pip cannot get them, OutputError for no room."""
        target = target_of(probe)
        key = (target.python, *target.platforms)
        with self._lock:  # boards of a kind wait for the first
            if key not in self._wheels:
                self._wheels[key] = self._collect(target, self._folder / f"kind-{len(self._wheels)}" / "wheels")
            return self._wheels[key]

    def _collect(self, target: Target, folder: Path) -> Wheels:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            download_wheels(target, folder, temporary=folder.parent)
            write_device_wheel(folder)
        except OSError as error:
            if isinstance(error, OutputError) or error.errno is None:
                raise
            raise OutputError(
                f"cannot collect wheels ({error.strerror}): set TMPDIR to a folder with space"
            ) from error
        files = tuple(sorted(folder.glob("*.whl")))
        digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        text = "\n".join(f"{digest} {name}" for name, digest in digests.items())
        return Wheels(
            files=files,
            digests=digests,
            environment=f"{target.python}-{hashlib.sha256(text.encode()).hexdigest()[:16]}",
            system_packages=target.system_packages,
        )
