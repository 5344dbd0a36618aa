"""A Docker that can build and run arm64 here: found by trying, used with time limits."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROBE = "FROM --platform=linux/arm64 arm64v8/debian:bookworm-slim\nRUN uname -m\n"
# What a proxy or a mirror needs inside a build; Docker knows the first ones itself.
HANDED_ON = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_numbers = itertools.count(1)


class EngineError(Exception):
    """There is no working Docker, or a build failed; one line."""


@dataclass(frozen=True)
class Done:
    """What a container printed and how it ended; `timed_out`: it was killed at its limit."""

    code: int
    output: str
    errors: str = field(repr=False)
    timed_out: bool = False

    def last_line(self) -> str:
        """The last line that says something."""
        lines = [line for line in (self.errors + "\n" + self.output).splitlines() if line.strip()]
        return lines[-1].strip()[:300] if lines else "nothing was printed"


@dataclass(frozen=True)
class Engine:
    """The client at `docker`; `network` are the options that give a build the network."""

    docker: str
    network: tuple[str, ...]

    def build(self, tag: str, *options: str, file: str = "Dockerfile.arm64", context: Path = ROOT) -> str:
        """Builds `file` and tags it; the log. Raises EngineError with the end of the log."""
        proxies = [option for name in HANDED_ON if name in os.environ for option in ("--build-arg", name)]
        line = ["build", "--progress", "plain", *self.network, *proxies, *options, "-t", tag, "-f", file, "."]
        done = subprocess.run(
            [self.docker, *line], cwd=context, env=_environment(), capture_output=True, text=True, check=False
        )
        log = done.stdout + done.stderr
        if done.returncode:
            raise EngineError(f"{file} does not build ({' '.join(options)}):\n" + "\n".join(log.splitlines()[-25:]))
        return log

    def run(
        self,
        image: str,
        *arguments: str,
        limit_s: int,
        options: Sequence[str] = (),
        environment: Iterable[tuple[str, str]] = (),
        init: bool = True,
    ) -> Done:
        """Runs a container without network; one that is not done after `limit_s` seconds is killed."""
        name = f"edgeready-arm64-{os.getpid()}-{next(_numbers)}"
        variables = [option for key, value in environment for option in ("-e", f"{key}={value}")]
        line = [
            "run",
            "--rm",
            "--name",
            name,
            "--network",
            "none",
            *(["--init"] if init else []),
            *variables,
            *options,
        ]
        try:
            done = subprocess.run(
                [self.docker, *line, image, *arguments],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            subprocess.run([self.docker, "kill", name], capture_output=True, check=False)
            return Done(124, _text(error.stdout), _text(error.stderr), True)
        return Done(done.returncode, done.stdout, _without_warning(done.stderr))

    def start(
        self,
        image: str,
        *arguments: str,
        options: Sequence[str] = (),
        environment: Iterable[tuple[str, str]] = (),
    ) -> str:
        """Starts a container on this machine's network and returns its name. Raises EngineError."""
        name = f"edgeready-arm64-{os.getpid()}-{next(_numbers)}"
        variables = [option for key, value in environment for option in ("-e", f"{key}={value}")]
        line = ["run", "-d", "--rm", "--name", name, "--network", "host", *variables, *options]
        done = subprocess.run(
            [self.docker, *line, image, *arguments], capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            raise EngineError(f"{image} does not start: {_without_warning(done.stderr).strip()[-300:]}")
        return name

    def stop(self, name: str) -> None:
        """Ends a container that `start` began."""
        subprocess.run([self.docker, "kill", name], capture_output=True, check=False)

    def inspect(self, image: str, template: str) -> str:
        """What the engine knows about an image, or an empty string."""
        line = [self.docker, "image", "inspect", "--format", template, image]
        return subprocess.run(line, capture_output=True, text=True, check=False).stdout.strip()

    def extract(self, image: str, path: str, target: Path) -> None:
        """Copies a file out of an image."""
        made = subprocess.run([self.docker, "create", image, "x"], capture_output=True, text=True, check=True)
        try:
            subprocess.run([self.docker, "cp", f"{made.stdout.strip()}:{path}", str(target)], check=True)
        finally:
            subprocess.run([self.docker, "rm", made.stdout.strip()], capture_output=True, check=False)


def find_engine() -> Engine:
    """The first Docker on PATH (then in the usual places) that really builds and runs arm64; or EngineError.

    A client may be there without BuildKit, without an engine, without the network or without an emulator: only a
    build tells.
    """
    places = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin", "/usr/local/bin"]
    clients = dict.fromkeys(found for place in places if (found := shutil.which("docker", path=place)))
    reason = "no docker on PATH"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Probe").write_text(PROBE, "utf-8")
        for client in clients:
            for network in (("--network", "host"), ()):
                engine = Engine(client, network)
                try:
                    engine.build("edgeready-arm64-probe", file="Probe", context=Path(folder))
                except (EngineError, OSError) as error:
                    reason = f"{client}: {str(error).splitlines()[-1]}"
                    continue
                done = engine.run("edgeready-arm64-probe", "uname", "-m", limit_s=60)
                if done.output.strip() == "aarch64":
                    return engine
                reason = f"{client}: {done.last_line()}"
    raise EngineError(f"no Docker here builds and runs arm64 ({reason})")


def _environment() -> dict[str, str]:
    return {**os.environ, "DOCKER_BUILDKIT": "1"}


def _text(captured: str | bytes | None) -> str:
    return captured.decode("utf-8", "replace") if isinstance(captured, bytes) else captured or ""


def _without_warning(errors: str) -> str:
    return "".join(line for line in errors.splitlines(True) if "requested image's platform" not in line)
