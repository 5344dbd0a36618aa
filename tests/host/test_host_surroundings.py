"""The host in hostile surroundings: closed streams, limits, no temporary folder, another user's leftovers."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from forked_process import in_child
from tflite_models import conv_classifier

from edgeready.dataset.loading import load_splits
from edgeready.edgetpu.compiler_log import read_log
from edgeready.errors import EdgereadyError, NotFoundError, SurroundingsError
from edgeready.files.atomic import write_files
from edgeready.files.lock import LEFTOVER_AGE_S
from edgeready.files.scratch import PREFIX, scratch_folder
from edgeready.jobs import run as jobs_run
from edgeready.jobs.quantize_job import QuantizeJob
from edgeready.workflows.bundle import make_bundle
from edgeready.workflows.check import inspect
from edgeready.workflows.compile import compile_file
from edgeready.workflows.golden import add_golden
from edgeready_device import input_file
from edgeready_device.image_sets.array_file import read_npz

FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
CLOSED = "standard output is closed: nothing can be written there"
NO_SPACE = "standard output cannot be written (No space left on device): write elsewhere"
STRANGER, NEIGHBOUR = 54331, 54332  # users that the system need not know


def run(place: Path, *arguments: str, before: str = "", **options) -> tuple[int, str, str]:
    """Runs `edgeready` in `place`, in a process that executes `before` first."""
    code = f"import os, resource, sys\n{before}\nos.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    command = [sys.executable, "-c", code, "-m", "edgeready", *arguments]
    done = subprocess.run(command, cwd=place, text=True, **{"stdout": -1, "stderr": -1, "check": False, **options})
    return done.returncode, done.stdout, done.stderr


def line(message: str) -> str:
    return f"edgeready: {message}\n"


@pytest.fixture
def place(tmp_path) -> Path:
    (tmp_path / "model.tflite").write_bytes(conv_classifier())
    return tmp_path


@pytest.mark.parametrize("words", [["check", "model.tflite"], ["modes"], ["modes", "--json"]])
def test_a_closed_standard_output_is_one_line(place, words):
    assert run(place, *words, before="os.close(1)") == (3, "", line(CLOSED))


@FULL
@pytest.mark.parametrize("words", [["check", "model.tflite"], ["--help"], ["check", "--help"], ["--version"]])
def test_a_full_standard_output_is_one_line(place, words):
    with open("/dev/full", "w") as full:
        assert run(place, *words, stdout=full) == (3, None, line(NO_SPACE))


@FULL
def test_messages_that_cannot_be_written_change_no_exit_code(place):
    assert run(place, "check", "none", before="os.close(2)")[0] == 4
    for words, code in ((["clasify"], 2), (["check", "model.tflite"], 0)):
        with open("/dev/full", "w") as full:
            assert run(place, *words, stderr=full)[0] == code


def test_what_was_written_stays_where_the_result_cannot_be_shown(place):
    code, _, err = run(place, "data", "digits", "--preview", "digits.png", before="os.close(1)")
    assert (code, err) == (3, line(CLOSED))
    assert (place / "digits.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("words", "count"), [(["check", "model.tflite"], 5), (["golden", "--help"], 5)])
def test_too_few_descriptors_are_one_line(place, words, count):
    limit = f"resource.setrlimit(resource.RLIMIT_NOFILE, ({count}, {count}))"
    message = "this process may open no more files: raise the limit (ulimit -n)"
    assert run(place, *words, before=limit) == (6, "", line(message))


def test_sighup_ends_the_command_with_a_line():
    code = (
        "import time, typer\nfrom edgeready.cli.terminal import run\napp = typer.Typer()\n"
        "@app.command()\ndef wait(now: bool = False):\n    print('on', flush=True)\n    time.sleep(60)\n"
        "run(app, 'edgeready')"
    )
    pipe = subprocess.PIPE
    command = subprocess.Popen([sys.executable, "-c", code, "--now"], stdout=pipe, stderr=pipe, text=True)
    assert command.stdout.readline() == "on\n"
    command.send_signal(signal.SIGHUP)
    _, err = command.communicate(timeout=30)
    assert command.returncode == 129
    assert err.endswith(line("terminated: the terminal or the session was closed"))


# -- another user's leftovers, with real users -----------------------------------------------------------------


@pytest.fixture
def shared():
    """A folder as /tmp is: everybody may write, and only remove what is one's own."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o1777)
    yield folder
    shutil.rmtree(folder)


def make_old(path: Path) -> None:
    long_ago = time.time() - LEFTOVER_AGE_S - 10
    os.utime(path, (long_ago, long_ago))


@AS_ROOT
def test_another_users_private_scratch_folder_breaks_no_build_and_stays(shared, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    other = shared / f"{PREFIX}private"

    def leave() -> None:
        other.mkdir(mode=0o700)
        (other / ".held").touch()
        make_old(other / ".held")

    def build() -> None:
        with scratch_folder() as folder:
            (folder / "x").write_bytes(b"x")

    assert in_child(leave, user=NEIGHBOUR) == ""
    assert in_child(build, user=STRANGER) == ""
    build()  # as root, who could remove it
    assert sorted(path.name for path in shared.iterdir()) == [other.name]
    assert in_child(build, user=NEIGHBOUR) == ""  # whose it is
    assert list(shared.iterdir()) == []


@AS_ROOT
def test_another_users_leftover_beside_the_file_breaks_no_write(shared):
    leftover = shared / ".model.tflite.0123abcd.part"

    def leave() -> None:
        leftover.write_bytes(b"half")

    def write() -> None:
        write_files({shared / "model.tflite": b"whole"})

    assert in_child(leave, user=NEIGHBOUR) == ""
    assert in_child(write, user=STRANGER) == ""
    assert (shared / "model.tflite").read_bytes() == b"whole"
    assert leftover.exists()


@AS_ROOT
def test_a_folder_that_can_be_written_and_not_listed_takes_a_file(shared):
    drop = shared / "drop"
    drop.mkdir()
    drop.chmod(0o733)
    assert in_child(lambda: write_files({drop / "model.tflite": b"whole"}), user=STRANGER) == ""
    assert [path.name for path in drop.iterdir()] == ["model.tflite"]


def test_a_link_with_the_name_of_a_scratch_folder_leads_nowhere(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    target = tmp_path / "photos"
    target.mkdir()
    (target / ".held").touch()
    (tmp_path / f"{PREFIX}link").symlink_to(target)
    with scratch_folder():
        pass
    assert (target / ".held").exists()


def test_a_pipe_with_the_name_of_a_leftover_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / ".model.tflite.0123abcd.part")
    write_files({tmp_path / "model.tflite": b"whole"})
    assert [path.name for path in tmp_path.iterdir()] == ["model.tflite"]


def test_no_temporary_folder_is_one_line(place):
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root may mount, and `unshare` gives a place to do it")
    bind = (
        'for place in /tmp /var/tmp /dev/shm /; do mount --bind "$place" "$place"; mount -o remount,ro,bind "$place"'
    )
    out = "mount -t tmpfs none /mnt"  # the only place that can be written
    words = ["unshare", "--mount", "sh", "-c", f'set -e; {bind}; done; {out}; cd /; exec "$@"', "sh"]
    if subprocess.run([*words, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this container may not mount")
    command = [
        *words,
        sys.executable,
        "-m",
        "edgeready",
        "build",
        "digits",
        "-q",
        "--epochs",
        "1",
        "-o",
        "/mnt/m.tflite",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    message = "no temporary folder can be written: set TMPDIR to a folder that can"
    assert (done.returncode, done.stdout, done.stderr) == (3, "", line(message))


# -- pipes in the place of files -------------------------------------------------------------------------------


@pytest.fixture
def pipe(place, monkeypatch) -> Path:
    monkeypatch.setattr(input_file, "WRITER_LIMIT_S", 0.1)
    monkeypatch.chdir(place)
    os.mkfifo(place / "pipe")
    return Path("pipe")


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (
            lambda path: inspect(path, 14),
            "pipe: cannot be read (it is a pipe that nothing was written to: name a file)",
        ),
        (
            read_log,
            "pipe: cannot be read (it is a pipe that nothing was written to: name a file); give a compiler log",
        ),
        (lambda path: add_golden(path, "digits"), "pipe: it is a pipe: name a file"),
        (lambda path: compile_file(path, Path("o.tflite")), "pipe: it is a pipe: name a file"),
        (lambda path: make_bundle(path, "pi-os-12", Path("o")), "pipe: it is a pipe: name a file"),
        (read_npz, "'pipe' cannot be read as .npz (it is a pipe: name a file): write it again with"),
    ],
    ids=["check", "check a log", "golden", "compile", "bundle", "data"],
)
def test_a_pipe_that_nobody_writes_to_is_a_sentence(pipe, work, message):
    with pytest.raises(EdgereadyError) as caught:
        work(pipe)
    assert str(caught.value).startswith(message)


def test_check_takes_a_model_through_a_pipe_once(place):
    code = "import os; r, w = os.pipe(); os.write(w, open('model.tflite', 'rb').read()); os.close(w)\n"
    code += "os.set_inheritable(r, True); sys.argv[-1] = f'/dev/fd/{r}'"
    found = run(place, "check", "--max-size-kb", "1", "-", before=code)
    assert found[0] == 1
    assert re.fullmatch(r"edgeready: /dev/fd/\d+ has 2\.3 kB, above the budget of 1 kB\n", found[2])


# -- a user without a home folder, and a TensorFlow process that cannot start -------------------------------------


@pytest.fixture
def homeless(monkeypatch):
    """A user of whom neither the environment nor the system knows a home folder."""
    for name in ("HOME", "KERAS_HOME", "EDGEREADY_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda number: {}[number])


@pytest.mark.usefixtures("homeless")
def test_a_named_set_asks_for_a_folder(tmp_path, monkeypatch):
    with pytest.raises(NotFoundError) as caught:
        load_splits("mnist")
    assert str(caught.value) == (
        "this user has no home folder for the Keras cache: set KERAS_HOME or EDGEREADY_DATA to a folder"
    )
    monkeypatch.setenv("KERAS_HOME", "~no-such-user/keras")
    with pytest.raises(NotFoundError, match="set KERAS_HOME"):
        load_splits("mnist")


@pytest.mark.usefixtures("homeless")
def test_keras_writes_its_settings_into_the_scratch_folder_then(tmp_path, monkeypatch):
    """It would make a folder called ~ in the current one."""
    assert jobs_run._environment(tmp_path)["KERAS_HOME"] == str(tmp_path)
    monkeypatch.setenv("KERAS_HOME", "/mine")
    assert jobs_run._environment(tmp_path)["KERAS_HOME"] == "/mine"
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "KERAS_HOME" not in jobs_run._environment(tmp_path)


def test_a_tensorflow_process_that_cannot_start_is_a_sentence_and_leaves_no_descriptor(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("subprocess.Popen", refuse)
    before = sorted(os.listdir("/proc/self/fd"))
    job = QuantizeJob(**dict.fromkeys(("mode", "samples", "method")), model=b"")
    with pytest.raises(SurroundingsError, match="no further process or thread can be started"):
        jobs_run._watch(job, tmp_path, tmp_path / "log", lambda *_: None, None)
    assert sorted(os.listdir("/proc/self/fd")) == before
