"""Hostile surroundings: every fault is one line with a documented exit code, in a real process that has the fault."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeready_device.errors import FileAccessError, OutputError, RuntimeUnavailableError, SurroundingsError
from edgeready_device.surroundings import LACKS, explain

NO_FILES = "this process may open no more files: raise the limit (ulimit -n)"
NO_PROCESS = (
    "no further process or thread can be started: raise the limit (ulimit -u, TasksMax of a service, "
    "--pids-limit of a container)"
)
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user, or mount a file system")
FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")


@pytest.fixture
def image(tmp_path) -> Path:
    np.save(tmp_path / "image.npy", np.full((8, 8, 1), 9, np.uint8))
    return tmp_path / "image.npy"


def run(*arguments: object, before: str = "", **options) -> tuple[int, str, str]:
    """Runs the command in a process that executes `before` first: exit code, standard output, standard error."""
    code = f"import os, resource, sys\n{before}\nos.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    command = [sys.executable, "-c", code, "-m", "edgeready_device", *map(str, arguments)]
    done = subprocess.run(command, text=True, **{"stdout": -1, "stderr": -1, "check": False, **options})
    return done.returncode, done.stdout, done.stderr


def line(message: str) -> str:
    return f"edgeready-device: {message}\n"


# -- standard streams ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed", ["1", "2", "1, 2", "0, 1, 2"])
@pytest.mark.parametrize(("words", "code"), [(["info", "none"], 4), (["clasify"], 2), (["info"], 0)])
def test_closed_streams_change_no_exit_code_but_that_of_a_result(closed, words, code):
    numbers = [int(number) for number in closed.split(",")]
    found, out, err = run(*words, before="\n".join(f"os.close({number})" for number in numbers))
    assert (found, out) == (3 if 1 in numbers and code == 0 else code, "" if 1 in numbers else out)
    assert (err == "") is (2 in numbers or found == 0)


@FULL
@pytest.mark.parametrize(("words", "code"), [(["info", "none"], 4), (["clasify"], 2), (["--help"], 0), (["info"], 0)])
def test_a_full_standard_error_changes_no_exit_code(words, code):
    with open("/dev/full", "w") as full:
        assert run(*words, stderr=full)[0] == code


@FULL
@pytest.mark.parametrize("words", [["--help"], ["--version"], ["info", "--help"], ["info"]])
def test_help_and_results_that_cannot_be_written_are_one_line(words):
    with open("/dev/full", "w") as full:
        found = run(*words, stdout=full)
    message = "standard output cannot be written (No space left on device): write elsewhere"
    assert found == (3, None, line(message))


def test_no_file_of_ours_takes_the_number_of_a_closed_stream(model, image):
    """What the runtime writes to standard error would go into it, or it into the answer."""
    code, out, err = run("classify", model("conv"), image, "--json", before="os.close(0); os.close(2)")
    assert (code, err) == (0, "")
    assert out.startswith('[{"image": ')


# -- limits ----------------------------------------------------------------------------------------------------


def limited(name: str, number: int) -> str:
    return f"resource.setrlimit(resource.{name}, ({number}, {number}))"


@pytest.mark.parametrize(
    ("number", "words", "message"),
    [(5, ["info"], NO_FILES), (8, ["doctor"], f"no child process can be started: {NO_FILES}")],
)
def test_too_few_descriptors_are_one_line(number, words, message):
    assert run(*words, before=limited("RLIMIT_NOFILE", number)) == (6, "", line(message))


def as_user(number: int, *, processes: int | None = None) -> str:
    """Code that becomes another user, who may read what root's Python needs, and start `processes`."""
    pytest.importorskip("ctypes")
    keep = "import ctypes, struct\nlibc = ctypes.CDLL(None)\nlibc.prctl(8, 1, 0, 0, 0)\n"  # PR_SET_KEEPCAPS
    become = f"os.setgroups([])\nos.setgid({number})\nos.setuid({number})\n"
    reading = 1 << 2  # CAP_DAC_READ_SEARCH, in all three sets and in the ambient one
    capabilities = (
        f"libc.capset(struct.pack('Ii', 0x20080522, 0), struct.pack('6I', *[{reading}] * 3, 0, 0, 0))\n"
        "libc.prctl(47, 2, 2, 0, 0)\n"
    )
    limit = "" if processes is None else limited("RLIMIT_NPROC", processes)
    return keep + become + capabilities + limit


@AS_ROOT
@pytest.mark.parametrize(
    ("number", "words", "begin"),
    [(1, ["doctor"], f"no child process can be started: {NO_PROCESS}"), (1, ["info"], NO_PROCESS)],
)
def test_too_few_processes_are_one_line(number, words, begin):
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "4"}
    code, out, err = run(*words, before=as_user(54321, processes=number), env=environment)
    assert (code, out) == (6, "")
    ours = [text for text in err.splitlines(keepends=True) if not text.startswith("OpenBLAS")]
    assert ours == [line(begin)]


@AS_ROOT
def test_a_first_run_takes_one_process(model, image):
    """numpy's algebra has two threads in the parent, and starts none in the child."""
    nowhere = "/nonexistent"  # a record of an earlier run would spare the child
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "XDG_CACHE_HOME": nowhere}
    code, _, err = run("classify", model("conv"), image, before=as_user(54322, processes=3), env=environment)
    assert (code, err) == (0, "")


@AS_ROOT
def test_a_child_without_its_processes_is_not_numpys_fault():
    """numpy's threads are one too many in the child that looks for numpy."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "3"}
    assert run("doctor", before=as_user(54323, processes=3), env=environment) == (6, "", line(NO_PROCESS))


# -- temporary folders and read-only file systems -----------------------------------------------------------------


@pytest.fixture(scope="module")
def read_only() -> list[str]:
    """The words before a command that is to find every place read-only."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root may mount, and `unshare` gives a place to do it")
    bind = (
        'for place in /tmp /var/tmp /dev/shm /; do mount --bind "$place" "$place"; mount -o remount,ro,bind "$place"'
    )
    words = ["unshare", "--mount", "sh", "-c", f'set -e; {bind}; done; cd /; exec "$@"', "sh"]
    if subprocess.run([*words, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this container may not mount")
    assert subprocess.run([*words, "mktemp"], check=False, capture_output=True).returncode
    return words


@pytest.mark.parametrize("verb", ["info", "classify", "benchmark", "verify", "tune", "doctor"])
def test_the_board_needs_no_place_to_write_to_and_no_home(verb, read_only, model, image, litert):
    more = {
        "classify": [image],
        "benchmark": ["--runs", "1", "--min-time", "0", "--warmup-time", "0"],
        "tune": ["--dry-run", "--seconds", "0.05", "--threads", "1", "--runtime", litert.name],
    }
    words = [*read_only, sys.executable, "-m", "edgeready_device", verb, model("conv"), *more.get(verb, [])]
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "TMPDIR")}
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False, env=environment)
    if verb == "verify":  # this file cannot be, and its first run comes before
        assert (done.returncode, done.stderr.count("\n")) == (3, 1)
        assert done.stderr.startswith(f"edgeready-device: {model('conv')}: it carries no golden vectors: ")
    else:
        assert (done.returncode, done.stderr) == (0, "")


# -- the sentences ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (OSError(errno.EMFILE, "x"), SurroundingsError, NO_FILES),
        (OSError(errno.ENFILE, "x", "f"), SurroundingsError, LACKS[errno.ENFILE]),
        (BlockingIOError(errno.EAGAIN, "x"), SurroundingsError, NO_PROCESS),
        (RuntimeError("can't start new thread"), SurroundingsError, NO_PROCESS),
        (MemoryError(), SurroundingsError, LACKS[errno.ENOMEM]),
        (ImportError(f"x.so: {os.strerror(errno.EMFILE)}"), SurroundingsError, NO_FILES),
        (
            OSError(errno.ENOSPC, "No space left on device", "a/b"),
            OutputError,
            "a/b cannot be written (No space left on device): free some space, or write elsewhere",
        ),
        (
            OSError(errno.EROFS, "Read-only file system"),
            OutputError,
            "the disk cannot be written (Read-only file system): free some space, or write elsewhere",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"),
            OutputError,
            "no temporary folder can be written: set TMPDIR to a folder that can",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "a"),
            FileAccessError,
            "a: cannot be used (Permission denied): check the path and its permissions",
        ),
        (
            OSError(errno.EIO, "Input/output error", b"a\xff"),
            FileAccessError,
            "a\udcff: cannot be used (Input/output error): check the path and its permissions",
        ),
        (
            ImportError("no module", name="numpy"),
            RuntimeUnavailableError,
            "numpy does not load (no module): run edgeready-device doctor",
        ),
    ],
)
def test_what_the_machine_lacks_is_said_in_a_sentence(error, kind, message):
    cause = explain(error)
    assert (type(cause), str(cause)) == (kind, message)


@pytest.mark.parametrize(
    "error", [ValueError("x"), RuntimeError("x"), OSError("x"), ImportError("x", name="edgeready")]
)
def test_a_bug_stays_a_bug(error):
    assert explain(error) is None
