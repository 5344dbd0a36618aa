"""Runs `edgetpu_compiler`: the one on PATH, or the one in a container image that the user names."""

from __future__ import annotations

import functools
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from edgeready.config.edgetpu import NEWEST_RUNTIME
from edgeready.edgetpu.compiler_log import CompilerLog, parse_log
from edgeready.errors import ConversionError, ModelFileError, RuntimeUnavailableError, fit_reason
from edgeready.files.scratch import scratch_folder
from edgeready_device.isolation.parent import end_with_parent

COMPILER = "edgetpu_compiler"
TIMEOUT_S = 600.0  # chosen: the compiler gives up by itself after 180 s, and a container image may have to be fetched
_END_LIMIT_S = 10.0  # chosen: docker takes a second to end a container
_MOUNT = "/edgeready"
_NAME = "model"


@dataclass(frozen=True, kw_only=True)
class CompilerResult:
    """The compiled flatbuffer, and the compiler's log."""

    flatbuffer: bytes = field(repr=False)
    log: CompilerLog


def run_compiler(
    flatbuffer: bytes, *, container: str | None = None, runtime: int = NEWEST_RUNTIME, timeout_s: float = TIMEOUT_S
) -> CompilerResult:
    """Compiles `flatbuffer` for Edge TPU runtime `runtime`.

    Raises RuntimeUnavailableError when it, or docker for `container`, is not there or does not start;
    ConversionError when it writes no model or prints nothing that can be read.
    """
    with scratch_folder() as folder:
        folder.chmod(0o755)  # the container's user may be another one
        (folder / f"{_NAME}.tflite").write_bytes(flatbuffer)
        (folder / "out").mkdir()
        (folder / "out").chmod(0o777)
        code, output = _run(_command(folder, container, runtime), timeout_s)
        model_path = folder / "out" / f"{_NAME}_edgetpu.tflite"
        log_path = folder / "out" / f"{_NAME}_edgetpu.log"
        log = _first_log(output, log_path.read_text("utf-8", "replace") if log_path.is_file() else "")
        if container is not None and log is None and code in (125, 126, 127):
            raise RuntimeUnavailableError(
                fit_reason(
                    f"{COMPILER} does not run in the image {container!r} (",
                    _last_line(output),
                    "): name an image that has it",
                )
            )
        if log is not None and log.failure is not None and not model_path.is_file():
            failure = log.failure
            raise ConversionError(
                f"{COMPILER} makes nothing of it: {failure.message} ({failure.cause}); {failure.remedy}"
            )
        if code or log is None or not model_path.is_file():
            raise ConversionError(fit_reason(f"{COMPILER} ended with {code} and no table: ", _last_line(output)))
        return CompilerResult(flatbuffer=model_path.read_bytes(), log=log)


def _command(folder: Path, container: str | None, runtime: int) -> list[str]:
    options = ["-s", *(["-m", str(runtime)] if runtime != NEWEST_RUNTIME else [])]
    if container is None:
        program = shutil.which(COMPILER)
        if program is None:
            raise RuntimeUnavailableError(
                f"{COMPILER} is not on PATH: install it (x86-64 Linux only), or name a container image that has it "
                "with --container IMAGE"
            )
        return [program, *options, "-o", str(folder / "out"), str(folder / f"{_NAME}.tflite")]
    docker = shutil.which("docker")
    if docker is None:
        raise RuntimeUnavailableError("docker is not on PATH: install it to use --container")
    if container.startswith("-"):
        raise RuntimeUnavailableError(f"{container!r} is no container image: give its name after --container")
    # --init: a first process of a container ignores SIGTERM, which is what ends it with this process.
    isolated = ["--rm", "--init", "--network", "none", "--volume", f"{folder}:{_MOUNT}", "--entrypoint", COMPILER]
    return [docker, "run", *isolated, container, *options, "-o", f"{_MOUNT}/out", f"{_MOUNT}/{_NAME}.tflite"]


def _run(command: list[str], timeout_s: float) -> tuple[int, str]:
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=functools.partial(end_with_parent, signal.SIGTERM),
        )
    except OSError as error:
        raise RuntimeUnavailableError(f"{command[0]} does not start ({error.strerror}): install it anew") from error
    with process:
        try:
            output, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise ConversionError(f"{COMPILER} did not finish in {timeout_s:g} s: use a smaller model") from error
        finally:
            _end(process)
    return process.returncode, output.decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends `process` where it still runs; docker passes SIGTERM on to the container, and SIGKILL would leave that."""
    process.terminate()
    try:
        process.wait(_END_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _first_log(*texts: str) -> CompilerLog | None:
    """The first of `texts` that is a log with a table or a failure."""
    for text in texts:
        try:
            return parse_log(text)
        except ModelFileError:
            continue
    return None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
