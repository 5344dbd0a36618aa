"""The shell scripts of `deploy`, line by line, in each POSIX shell of this machine: a folder is the board's home."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from edgeready.boards import scripts

SHELLS = [["dash"], ["bash", "--posix"], ["busybox", "sh"]]
HERE = [words for words in SHELLS if shutil.which(words[0])]
pytestmark = [
    pytest.mark.skipif(not shutil.which("flock"), reason="flock (util-linux) is not installed"),
    pytest.mark.wide,
]


class Board:
    """A home folder with a blank and a quote in its name, and a shell."""

    def __init__(self, home: Path, shell: list[str]) -> None:
        self.home, self.shell = home, shell
        self.root = home / "edge ready"

    def run(self, script: str, *words: str, data: bytes = b"", code: int = 0) -> str:
        done = subprocess.run(
            self.line(script, *words), input=data, capture_output=True, env=self.environment(), check=False
        )
        assert done.returncode == code, done.stderr
        return (done.stdout if code == 0 else done.stderr).decode()

    def line(self, script: str, *words: str) -> list[str]:
        return [*self.shell, "-c", script, "edgeready", "edge ready", *words]

    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": os.environ["PATH"]}

    def lock(self, token: str = "me", version: str = "", *, code: int = 0) -> str:
        return self.run(scripts.LOCK, token, f"{token}@here", version, "0.1", code=code)

    def version(self, name: str, *, environment: str = "3.11-a", kept: int = 3) -> None:
        """Makes a version current, as SEND, INSTALL and ACTIVATE do, in an environment that answers with yes."""
        self.environment_of(environment)
        (self.root / "versions" / name).mkdir(parents=True)
        (self.root / "versions" / name / "model.tflite").write_text(name)
        self.run(scripts.INSTALL, "me", name, environment, "own", "a.whl")
        self.run(scripts.ACTIVATE, "me", name, str(kept))

    def environment_of(self, name: str) -> Path:
        folder = self.root / "environments" / name
        if not folder.exists():
            (folder / "bin").mkdir(parents=True)
            (folder / "bin" / "python").symlink_to("/bin/true")
            (folder / "complete").write_text(f"{name}.whl\n")
            (self.root / "wheels").mkdir(exist_ok=True)
            (self.root / "wheels" / f"{name}.whl").write_text("")
        return folder

    @property
    def versions(self) -> list[str]:
        return sorted(path.name for path in (self.root / "versions").iterdir())

    @property
    def current(self) -> str:
        return os.readlink(self.root / "current")


@pytest.fixture(params=HERE, ids=lambda words: words[0])
def board(request, tmp_path):
    home = tmp_path / "anna's home"
    home.mkdir()
    return Board(home, request.param)


def test_versions_follow_each_other_by_number_whatever_the_clocks_say(board):
    board.lock()
    board.version("20301231T000000Z-a")
    board.version("20200101T000000Z-b")  # of a computer whose clock is late
    board.version("20250101T000000Z-c", kept=2)
    assert board.current == "versions/20250101T000000Z-c"
    assert board.versions == ["20200101T000000Z-b", "20250101T000000Z-c"]
    assert board.run(scripts.ROLLBACK, "me") == "edgeready-rollback 20250101T000000Z-c 20200101T000000Z-b\n"
    assert board.run(scripts.ROLLBACK, "me", code=4) == "no version before 20200101T000000Z-b is kept there\n"


def test_what_was_rolled_back_from_is_not_what_a_later_rollback_goes_to(board):
    board.lock()
    for name in ("1", "2"):
        board.version(name)
    board.run(scripts.ROLLBACK, "me")
    board.version("3")
    assert (board.versions, board.current) == (["1", "3"], "versions/3")
    assert board.run(scripts.ROLLBACK, "me") == "edgeready-rollback 3 1\n"


def test_a_version_that_does_not_run_any_more_is_not_gone_back_to(board):
    board.lock()
    board.version("1", environment="3.11-a")
    board.version("2", environment="3.13-b")
    (board.root / "environments" / "3.11-a" / "bin" / "python").unlink()  # the system's Python is another one now
    said = board.run(scripts.ROLLBACK, "me", code=6)
    assert said.startswith("1 does not run there any more")
    assert board.current == "versions/2"


def test_environments_and_wheels_that_no_version_needs_go(board):
    board.lock()
    for name, environment in (("1", "3.11-a"), ("2", "3.11-b"), ("3", "3.11-b")):
        board.version(name, environment=environment, kept=2)
    assert [path.name for path in (board.root / "environments").iterdir()] == ["3.11-b"]
    assert [path.name for path in (board.root / "wheels").iterdir()] == ["3.11-b.whl"]


def test_what_an_interruption_left_goes_with_the_next_lock_and_the_model_in_use_stays(board):
    board.lock()
    board.version("1")
    (board.root / "incoming.2").mkdir()
    (board.root / "versions" / "2").mkdir()  # came, and was never accepted
    half = board.environment_of("half")
    (half / "complete").unlink()
    (board.root / "versions" / "1" / "accepted").unlink()  # as if the power went away while it was accepted
    said = board.lock("you", "1")
    assert said.startswith("edgeready-free ")
    assert (board.versions, board.current) == (["1"], "versions/1")
    assert not half.exists()
    assert not (board.root / "incoming.2").exists()


def test_a_deployment_at_work_keeps_others_out_and_its_end_by_kill_is_the_remedy(board):
    board.lock()
    board.version("1")
    (board.root / "environments" / "3.11-a" / "bin" / "python").unlink()
    (board.root / "environments" / "3.11-a" / "bin" / "python").write_text("#!/bin/sh\nsleep 60\n")
    (board.root / "environments" / "3.11-a" / "bin" / "python").chmod(0o755)
    step = subprocess.Popen(
        board.line(scripts.DEVICE, "me", "1", "tune"), env=board.environment(), start_new_session=True
    )
    for _ in range(200):
        if f" {step.pid} " in (board.root / "lock").read_text():
            break
        time.sleep(0.02)
    said = board.lock("you", "1", code=75)
    said = re.sub(r"since \d+ s", "since 0 s", said)
    assert said == f"me@here deploys there since 0 s: wait, or end it with ssh and 'kill -- -{step.pid}'\n"
    assert board.lock("you", "deployed", code=75).startswith("me@here deploys there")  # a rollback, too
    os.killpg(step.pid, signal.SIGTERM)
    step.wait()
    with suppress(ProcessLookupError):  # what the step had started holds the lock, too, until it has ended
        while True:
            os.killpg(step.pid, 0)
            time.sleep(0.02)
    board.lock("you", "1")
    said = board.run(scripts.ACTIVATE, "me", "1", "3", code=75)  # the first finds that it lost the board
    assert said == "you@here took the board over: run this again\n"
    board.run(scripts.RELEASE, "you")
    assert (board.root / "lock").read_text() == ""


def test_a_deployment_between_two_steps_is_waited_for(board):
    board.lock()
    board.version("1")
    line = board.line(scripts.LOCK, "you", "you@here", "1", "1")
    other = subprocess.Popen(line, env=board.environment(), stderr=subprocess.PIPE)
    time.sleep(0.4)
    board.run(scripts.DEVICE, "me", "1", "benchmark")  # the next step comes while the other one waits
    assert other.wait() == 75
    assert re.match(rb"me@here deploys there since \d+ s: wait, or end it", other.stderr.read())


def test_a_lock_of_an_earlier_boot_or_of_a_power_cut_is_nobodys(board):
    board.lock()
    started = time.monotonic()
    for text in (b"me me@here 5 999 another-boot\n", b"\0\0\0\0", b"", b"$(touch harm) `x` ; x\n", b"a b c d e f\n"):
        (board.root / "lock").write_bytes(text)
        board.run(scripts.LOCK, "you", "you@here", "", "60")
        assert (board.root / "lock").read_text().startswith("you you@here ")
    assert time.monotonic() - started < 10
    assert sorted(path.name for path in board.root.iterdir()) == ["lock"]


def test_a_board_that_changed_after_its_probe_is_not_taken_for_what_it_was(board):
    board.lock()
    board.version("1")
    said = board.lock("you", "0", code=75)
    assert said == "another deployment has changed it to 1 in between: run this again\n"
    assert board.lock("you", "", code=75) == said
    (board.root / "current").unlink()
    assert "changed it to nothing in between" in board.lock("you", "1", code=75)
    assert board.lock("you", "deployed", code=4) == "nothing is deployed there\n"


def test_a_tar_that_is_cut_or_altered_leaves_nothing(board, tmp_path):
    board.lock()
    (tmp_path / "model.tflite").write_bytes(b"model" * 1000)
    (tmp_path / "a.whl").write_bytes(b"wheel" * 1000)
    names = ["a.whl", "model.tflite"]
    sums = subprocess.run(["sha256sum", *names], cwd=tmp_path, capture_output=True, check=True).stdout
    for content, cut in ((sums, 6000), (sums.replace(b"  a", b"  b"), None), (b"0" * 64 + b"  a.whl\n", None)):
        (tmp_path / "SUMS").write_bytes(content)
        data = subprocess.run(["tar", "-c", *names, "SUMS"], cwd=tmp_path, capture_output=True, check=True).stdout
        with pytest.raises(AssertionError):
            board.run(scripts.SEND, "me", "1", data=data[:cut])
        assert [path for path in board.root.rglob("*") if path.is_file() and path.name != "lock"] == []
    (tmp_path / "SUMS").write_bytes(sums)
    data = subprocess.run(
        ["tar", "-c", "--owner=1234", *names, "SUMS"], cwd=tmp_path, capture_output=True, check=True
    ).stdout
    board.run(scripts.SEND, "me", "1", data=data)
    model = board.root / "versions" / "1" / "model.tflite"
    assert (model.stat().st_size, model.owner()) == (5000, getpass.getuser())  # root's tar would keep 1234
    assert (board.root.stat().st_mode & 0o77, (board.root / "wheels" / "a.whl").exists()) == (0, True)


def test_a_board_without_its_folder_answers_a_probe(board):
    lines = board.run(scripts.PROBE).splitlines()
    assert (lines[0], lines[-1]) == ("edgeready-probe 1", "edgeready-probe end")
    assert not [line for line in lines if line.startswith(("wheel", "current", "model", "environment"))]
    board.lock()
    board.version("1")
    (board.root / "environments" / "3.11-a" / "bin" / "python").unlink()
    lines = board.run(scripts.PROBE).splitlines()
    assert "current=1" in lines
    assert [line for line in lines if line.startswith("environment")] == []  # it would be used, and does not run


PYTHON = """#!/bin/sh
for last; do :; done
case "$*" in
  *"-m venv"*) mkdir -p "$last/bin" && ln -s /bin/true "$last/bin/python" ;;
  *ensurepip*) echo /usr/share/pip.whl ;;
esac
"""
STEPS = ("LOCK", "SEND", "INSTALL", "ACTIVATE", "RELEASE", "ROLLBACK")
SHARE = 2 if os.environ.get("EDGEREADY_LONG") == "1" else 60  # one line of so many: 0.2 s each


def cut_scripts(script: str) -> list[str]:
    """The script with its own end after each of its lines, as a power cut ends it."""
    lines = script.splitlines(keepends=True)
    cuts = ["".join((*lines[:end], "kill -9 $$\n", *lines[end:])) for end in range(1, len(lines) + 1)]
    right = [cut for cut in cuts if subprocess.run(["sh", "-n", "-c", cut], capture_output=True).returncode == 0]
    return [cut for cut in right if "'\nkill" not in cut]


class Deployer:
    """Runs the steps of a whole deployment on a board; one of them can be replaced."""

    def __init__(self, board: Board, folder: Path) -> None:
        self.board, self.folder = board, folder
        (folder / "bin").mkdir()
        (folder / "bin" / "python3").write_text(PYTHON)
        (folder / "bin" / "python3").chmod(0o755)

    def words(self, name: str, environment: str, expected: str) -> dict[str, tuple[str, ...]]:
        return {
            "LOCK": (f"t{name}", "me@here", expected, "0.05"),
            "SEND": (f"t{name}", name),
            "INSTALL": (f"t{name}", name, environment, "own", f"{environment}.whl"),
            "ACTIVATE": (f"t{name}", name, "2"),
            "RELEASE": (f"t{name}",),
            "ROLLBACK": (f"t{name}",),
        }

    def archive(self, name: str, environment: str) -> bytes:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "model.tflite").write_text(name)
        (folder / f"{environment}.whl").write_text(environment)
        files = ["model.tflite", f"{environment}.whl"]
        sums = subprocess.run(["sha256sum", *files], cwd=folder, capture_output=True, check=True).stdout
        (folder / "SUMS").write_bytes(sums)
        return subprocess.run(["tar", "-c", *files, "SUMS"], cwd=folder, capture_output=True, check=True).stdout

    def deploy(self, name: str, environment: str, steps: tuple[str, ...] = STEPS[:5], **cut: str) -> None:
        """Goes through `steps`; the one in `cut` is its script in the place of the right one, and the last."""
        current = self.board.root / "current"
        expected = os.path.basename(os.readlink(current)) if current.is_symlink() else ""
        environs = {**self.board.environment(), "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}
        for step, words in self.words(name, environment, expected).items():
            if step in steps:
                script = cut.get(step, getattr(scripts, step))
                data = self.archive(name, environment) if step == "SEND" else b""
                line = self.board.line(script, *words)
                done = subprocess.run(line, input=data, capture_output=True, env=environs, check=False)
                if step in cut:
                    return
                assert done.returncode == 0, (step, done.stderr)


def runs(version: Path) -> bool:
    """Whether a version is whole: its model, and an environment that is complete."""
    name = version.resolve().name
    return (version / "model.tflite").read_text() == name and (version / "environment" / "complete").exists()


def test_after_an_end_between_any_two_lines_the_model_in_use_is_whole_and_the_next_deployment_works(tmp_path):
    base = tmp_path / "home"
    base.mkdir()
    board = Board(base, ["sh"])
    deployer = Deployer(board, tmp_path)
    deployer.deploy("1", "a")
    deployer.deploy("2", "a")
    assert (board.current, board.versions) == ("versions/2", ["1", "2"])
    cuts = [(step, script) for step in STEPS for script in cut_scripts(getattr(scripts, step))]
    assert len(cuts) > 150
    for number, (step, script) in list(enumerate(cuts))[::SHARE]:
        board.home = tmp_path / f"home-{number}"
        board.root = board.home / "edge ready"
        shutil.copytree(base, board.home, symlinks=True)
        steps = ("LOCK", "ROLLBACK") if step == "ROLLBACK" else STEPS[:5]
        deployer.deploy("3", "b", steps, **{step: script})
        place = f"{step} was cut after {script[: script.index('kill -9')].splitlines()[-1]!r}"
        assert runs(board.root / "current"), place
        deployer.deploy("4", "c")
        assert board.current == "versions/4", place
        assert runs(board.root / "current"), place
        assert all(runs(board.root / "versions" / name) for name in board.versions), place
        assert len(board.versions) == 2, place
        assert not list(board.root.glob("incoming.*")), place
        used = {os.path.basename(os.readlink(path)) for path in board.root.glob("versions/*/environment")}
        assert {path.name for path in (board.root / "environments").iterdir()} == used, place
        assert {path.stem for path in (board.root / "wheels").iterdir()} == used, place
        deployer.deploy("5", "c", ("LOCK", "ROLLBACK"))
        assert runs(board.root / "current"), place
        assert (board.root / "current").resolve().name in "123", place
        shutil.rmtree(board.home)
