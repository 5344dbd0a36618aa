"""A model to many boards: each is probed, gets what it lacks, and is verified before the model is in use there."""

from __future__ import annotations

import hashlib
import json
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeready.boards.claim import ANY_DEPLOYED, Claim, claim_board
from edgeready.boards.connection import Answer, Client
from edgeready.boards.hosts import Host
from edgeready.boards.probe import Probe, probe_board
from edgeready.boards.scripts import ACTIVATE, DEVICE, DISCARD, INSTALL, ROLLBACK, SEND
from edgeready.config.deploy import VERSIONS_KEPT, require_versions_kept
from edgeready.errors import BoardError, EdgereadyError, NotFoundError
from edgeready.files.scratch import scratch_folder
from edgeready.workflows.board_wheels import Wheels, WheelStore
from edgeready_device.input_file import require_file
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.progress import Progress, no_progress
from edgeready_device.text import megabytes

ROOT = ".local/share/edgeready"  # in the board's home: beside a bundle's ~/edgeready, and in no user's way
_MODEL = "model.tflite"
_MOST_AT_ONCE = 16  # chosen: each board is a process of the OpenSSH client here; more boards wait for their turn
_ENVIRONMENT_TIMES = 4  # chosen: unpacked wheels take three times their size (43 MB: 130 MB), and some for the rest
_OPTIONS: dict[str, tuple[str, ...]] = {}  # of a verb on the board, where its defaults are not wanted
_SEND_S, _INSTALL_S, _STEP_S, _QUICK_S = 1800.0, 1800.0, 900.0, 60.0  # chosen: ten times what a Pi 3 needs


@dataclass(frozen=True, kw_only=True)
class BoardResult:
    """What became of one board: its system, what it answered, and the reason where it failed."""

    host: str
    failure: str = ""
    system: str = ""
    sent_bytes: int = 0
    seconds: float = 0.0
    version: str = ""
    answers: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data, with the board's own JSON of each step."""
        return {
            "host": self.host,
            "deployed": not self.failure,
            "failure": self.failure or None,
            "system": self.system,
            "sent_bytes": self.sent_bytes,
            "seconds": round(self.seconds, 3),
            "version": self.version,
            **self.answers,
        }


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What became of every board, in the order of the hosts."""

    boards: tuple[BoardResult, ...]

    @property
    def failures(self) -> tuple[BoardResult, ...]:
        """The boards that failed."""
        return tuple(board for board in self.boards if board.failure)

    def to_dict(self) -> dict[str, Any]:
        """The deployment as plain data."""
        return {"boards": [board.to_dict() for board in self.boards]}


def deploy(
    model: Path,
    hosts: Sequence[Host],
    *,
    ssh_config: Path | None = None,
    versions_kept: int = VERSIONS_KEPT,
    profile: bool = False,
    progress: Progress = no_progress,
) -> Deployment:
    """Installs `model` on every host, verifies, tunes and measures it there, and returns what became of each.

    With `profile` each board also says what the model's ops take there, where its runtime can say it. A board that
    fails before it is verified keeps the model that it had, and none stops another. Raises NotFoundError or
    ModelFileError for the model, UsageError for `versions_kept`.
    """
    require_versions_kept(versions_kept)
    require_file(model)
    file = read_model_file(model)
    data = model.read_bytes()
    with scratch_folder() as scratch:
        store = WheelStore(scratch)

        def visit(client: Client, host: Host, say: Callable[[str], None]) -> BoardResult:
            work = _Work(
                client=client,
                host=host,
                model=data,
                recorded=file.golden is not None,
                store=store,
                versions_kept=versions_kept,
                profile=profile,
            )
            return work.run(say)

        return _visit_all(hosts, visit, ssh_config, progress)


def rollback(
    hosts: Sequence[Host], *, ssh_config: Path | None = None, progress: Progress = no_progress
) -> Deployment:
    """Makes the version before the current one current on every host, and returns what became of each."""

    def visit(client: Client, host: Host, say: Callable[[str], None]) -> BoardResult:
        say("rolls back")
        with claim_board(client, host, ROOT, version=ANY_DEPLOYED) as claim:
            answer = _require_success(claim.run(ROLLBACK, limit_s=_STEP_S), "rollback")
        words = next((x.split() for x in answer.output.splitlines() if x.startswith("edgeready-rollback ")), [])
        return BoardResult(host=host.name, version=words[2][:80] if len(words) == 3 else "")

    return _visit_all(hosts, visit, ssh_config, progress)


def _visit_all(
    hosts: Sequence[Host],
    visit: Callable[[Client, Host, Callable[[str], None]], BoardResult],
    config: Path | None,
    progress: Progress,
) -> Deployment:
    if config is not None and not config.is_file():
        raise NotFoundError(f"{config}: no such file: give --ssh-config the path of an ssh_config")
    stop = threading.Event()
    results: dict[str, BoardResult] = {}

    def run(client: Client, host: Host) -> None:
        started = time.monotonic()

        def say(step: str) -> None:
            progress(f"{host.name}: {step}", len(results), len(hosts))

        try:
            result = visit(client, host, say)
        except EdgereadyError as error:
            result = BoardResult(host=host.name, failure=str(error), seconds=time.monotonic() - started)
        finally:
            client.close(host)
        results[host.name] = result
        say("failed" if result.failure else "done")

    with tempfile.TemporaryDirectory(prefix="er-") as sockets:
        client = Client(config=config, sockets=Path(sockets), stop=stop)
        with ThreadPoolExecutor(max_workers=min(len(hosts), _MOST_AT_ONCE)) as pool:
            tasks = {pool.submit(run, client, host) for host in hosts}
            try:
                while tasks:
                    complete, tasks = wait(tasks, timeout=0.2, return_when=FIRST_COMPLETED)
                    for task in complete:
                        task.result()
            except BaseException:  # also a signal's: what runs is ended, and what waits does not begin
                stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return Deployment(boards=tuple(results[host.name] for host in hosts))


@dataclass(frozen=True, kw_only=True)
class _Work:
    """One board's deployment."""

    client: Client
    host: Host
    model: bytes
    recorded: bool
    store: WheelStore
    versions_kept: int
    profile: bool

    def run(self, say: Callable[[str], None]) -> BoardResult:
        started = time.monotonic()
        say("is probed")
        probe = probe_board(self.client, self.host, ROOT)
        say("gets its wheels collected")
        wheels = self.store.wheels_for(probe)
        with claim_board(self.client, self.host, ROOT, version=probe.version) as claim:
            version, sent_bytes, answers = self._deploy(claim, probe, wheels, say)
        return BoardResult(
            host=self.host.name,
            system=probe.system,
            sent_bytes=sent_bytes,
            seconds=time.monotonic() - started,
            version=version,
            answers=answers,
        )

    def _deploy(
        self, claim: Claim, probe: Probe, wheels: Wheels, say: Callable[[str], None]
    ) -> tuple[str, int, dict[str, Any]]:
        """Returns the version that is current in the end, the bytes that were sent, and the board's answers."""
        digest = hashlib.sha256(self.model).hexdigest()
        version, sent_bytes, tuned = probe.version, 0, None
        if (probe.model_sha256, probe.environment) != (digest, wheels.environment):
            version = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{digest[:12]}"
            sent_bytes = self._install(claim, probe, wheels, version, say)
            say("is tuned")
            tuned = _ask_device(claim, version, "tune", negative=True)  # 1: emulated, or none is chosen; it says why
        else:
            say("is verified")
            _ask_device(claim, version, "verify" if self.recorded else "doctor")  # it ran before
        say("is measured")
        answers: dict[str, Any] = {"tune": tuned, "benchmark": _ask_device(claim, version, "benchmark")}
        if self.profile:
            say("is profiled")
            answers["profile"], answers["profile_failure"] = _ask_profile(claim, version)
        return version, sent_bytes, answers

    def _install(self, claim: Claim, probe: Probe, wheels: Wheels, version: str, say: Callable[[str], None]) -> int:
        absent = [path for path in wheels.files if probe.wheels.get(path.name) != wheels.digests[path.name]]
        size = sum(path.stat().st_size for path in absent) + len(self.model)
        fresh = probe.environment != wheels.environment
        needed = size + (_ENVIRONMENT_TIMES * sum(path.stat().st_size for path in wheels.files) if fresh else 0)
        if needed > claim.free_bytes:
            raise BoardError(f"its disk has {megabytes(claim.free_bytes)} free, and {megabytes(needed)} are needed")
        say(f"receives {megabytes(size)}")
        names = [path.name for path in wheels.files]
        packages = "system" if wheels.system_packages else "own"
        try:
            with tempfile.TemporaryDirectory(dir=wheels.files[0].parent.parent) as folder:
                archive = _write_archive(Path(folder), absent, wheels, self.model)
                answer = claim.run(SEND, [version], limit_s=_SEND_S, data=archive)
                _require_success(answer, "copying")
            say("is installed")
            arguments = [version, wheels.environment, packages, *names]
            _require_success(claim.run(INSTALL, arguments, limit_s=_INSTALL_S), "installing")
            say("is verified")
            _ask_device(claim, version, "doctor")
            if self.recorded:
                _ask_device(claim, version, "verify")
        except BaseException:
            _discard(claim, version)
            raise
        limits = [version, str(self.versions_kept)]
        _require_success(claim.run(ACTIVATE, limits, limit_s=_STEP_S), "activating")
        return size


def _ask_profile(claim: Claim, version: str) -> tuple[dict[str, Any] | None, str | None]:
    """Returns what the ops take on the board, or None and why it does not say it, which is no failure: it runs."""
    answer = claim.run(DEVICE, [version, "profile", _MODEL, "--json", *_OPTIONS.get("profile", ())], limit_s=_STEP_S)
    if answer.code:
        return None, answer.message or f"profile ended with exit code {answer.code} there"
    return _read_document(answer, "profile"), None


def _ask_device(claim: Claim, version: str, verb: str, *, negative: bool = False) -> dict[str, Any]:
    """Returns what a verb of edgeready-device said on the board; `negative`: also where it ended with 1."""
    arguments = [version, verb, _MODEL, "--json", *_OPTIONS.get(verb, ())]
    answer = claim.run(DEVICE, arguments, limit_s=_STEP_S)
    if not (negative and answer.code == 1):
        _require_success(answer, verb)
    return _read_document(answer, verb)


def _read_document(answer: Answer, verb: str) -> dict[str, Any]:
    try:
        document = json.loads(answer.output)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise BoardError(f"{verb} there wrote no JSON: does its shell print something of its own?")
    return document


def _discard(claim: Claim, version: str) -> None:
    try:
        claim.run(DISCARD, [version], limit_s=_QUICK_S)
    except BoardError:  # it is lost: the next deployment removes what is left
        return


def _write_archive(folder: Path, absent: Sequence[Path], wheels: Wheels, model: bytes) -> Path:
    """Writes a tar of what the board lacks, with SUMS, by which the board sees that all of it came."""
    (folder / _MODEL).write_bytes(model)
    sums = [
        f"{hashlib.sha256(model).hexdigest()}  {_MODEL}",
        *(f"{wheels.digests[p.name]}  {p.name}" for p in absent),
    ]
    (folder / "SUMS").write_text("\n".join(sums) + "\n", "utf-8")
    path = folder / "board.tar"
    with tarfile.open(path, "w") as archive:
        for file in (*absent, folder / _MODEL, folder / "SUMS"):
            archive.add(file, arcname=file.name)
    return path


def _require_success(answer: Answer, step: str) -> Answer:
    """Returns `answer`; raises BoardError where the step failed on the board."""
    if answer.code:
        raise BoardError(f"{step} failed there: {answer.message or f'exit code {answer.code}'}")
    return answer
