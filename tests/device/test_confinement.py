"""What a confined process can no longer do, tried in a real one; TensorFlow in it is tried in the host's tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeready_device.isolation.confinement import Confinement, library_folders, without_current
from edgeready_device.isolation.trial import TrialRequest, try_model

PROGRAM = """
import ctypes, json, mmap, os, signal, socket, subprocess, sys
sys.path[:] = json.loads(sys.argv[1])
from edgeready_device.isolation.confinement import Confinement, confine

outside, model = sys.argv[3:5]
lines = confine(Confinement.from_json(sys.argv[2]))


def outcome(attempt):
    try:
        value = attempt()
    except OSError as error:
        return type(error).__name__
    except MemoryError:
        return "MemoryError"
    return value if isinstance(value, (str, int)) else "done"


secret = os.path.join(outside, "secret")
attempts = {
    "read the model": lambda: open(model).read(),
    "read a library": lambda: len(open(json.__file__).read()) > 0,
    "write into its own folder": lambda: open("x", "w").write("x"),
    "read the processor": lambda: len(open("/proc/self/status").read()) > 0,
    "read outside": lambda: open(secret).read(),
    "read through a link of its own": lambda: (os.symlink(secret, "link"), open("link").read())[1],
    "read a password file": lambda: open("/etc/passwd").read(),
    "list outside": lambda: os.listdir(outside),
    "write outside": lambda: open(secret, "w"),
    "append to the model": lambda: open(model, "a"),
    "truncate the model": lambda: os.truncate(model, 0),
    "make a file outside": lambda: open(os.path.join(outside, "made"), "w"),
    "make a folder outside": lambda: os.mkdir(os.path.join(outside, "made")),
    "remove the model": lambda: os.unlink(model),
    "move a file out": lambda: (open("y", "w").close(), os.rename("y", os.path.join(outside, "made"))),
    "link the model away": lambda: os.link(model, "stolen"),
    "run a program": lambda: subprocess.call(["true"]),
    "run a shell": lambda: os.system("true") == 0 and "ran",
    "run its own program": lambda: (open("z", "w").close(), os.chmod("z", 0o700), subprocess.call("./z")),
    "open a TCP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "open a UDP socket": lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
    "open a Unix socket": lambda: socket.socket(socket.AF_UNIX),
    "open a raw socket": lambda: socket.socket(17, socket.SOCK_RAW),
    "end its parent": lambda: os.kill(os.getppid(), signal.SIGTERM),
    "read its parent's environment": lambda: open(f"/proc/{os.getppid()}/environ").read(),
    "take a gigabyte": lambda: len(mmap.mmap(-1, 1 << 30, mmap.MAP_PRIVATE)),
    "find its folder": lambda: os.getcwd(),
    "find its home": lambda: os.environ["HOME"] + os.environ["KERAS_HOME"],
}
print(json.dumps([lines, {name: outcome(attempt) for name, attempt in attempts.items()}]))
"""
FILES = {
    "read outside",
    "read through a link of its own",
    "read a password file",
    "list outside",
    "write outside",
    "append to the model",
    "make a file outside",
    "make a folder outside",
    "remove the model",
    "move a file out",
}
CALLS = {
    "run a program",
    "run its own program",
    "open a TCP socket",
    "open a UDP socket",
    "open a Unix socket",
    "open a raw socket",
}
MEMORY = 512 << 20


@pytest.fixture(scope="module")
def confined(tmp_path_factory):
    """The protections that are active here, and what came of each attempt."""
    outside, own = tmp_path_factory.mktemp("outside"), tmp_path_factory.mktemp("own")
    (outside / "secret").write_text("secret")
    model = tmp_path_factory.mktemp("models") / "model"
    model.write_text("model")
    paths = without_current(sys.path)
    limits = Confinement((*library_folders(paths), str(model)), str(own), MEMORY)
    command = [sys.executable, "-c", PROGRAM, json.dumps(paths), limits.to_json(), str(outside), str(model)]
    done = subprocess.run(command, cwd=outside, capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    lines, outcomes = json.loads(done.stdout)
    assert (outside / "secret").read_text() == "secret"
    assert model.read_text() == "model"
    assert [path.name for path in outside.iterdir()] == ["secret"]
    home = str(own / "home")
    assert (outcomes.pop("find its folder"), outcomes.pop("find its home")) == (home, home + home)
    return " ".join(lines), outcomes


def test_what_the_work_needs_still_works(confined):
    _, outcomes = confined
    assert [outcomes[name] for name in ("read the model", "read a library", "write into its own folder")] == [
        "model",
        True,
        1,
    ]
    assert outcomes["read the processor"] is (True if Path("/proc/self").exists() else "FileNotFoundError")


def test_files_outside_are_neither_read_nor_written(confined):
    lines, outcomes = confined
    if "Landlock" not in lines:
        pytest.skip("this kernel has no Landlock")
    assert {name: outcomes[name] for name in FILES} == dict.fromkeys(FILES, "PermissionError")
    assert outcomes["read its parent's environment"] == "PermissionError"
    assert outcomes["link the model away"] == "OSError"  # as between two disks


def test_a_file_outside_is_not_cut_where_the_kernel_knows_that_right(confined):
    lines, outcomes = confined
    if "Landlock" not in lines or "Landlock 1" in lines or "Landlock 2" in lines:
        pytest.skip("this kernel's Landlock is none, or of version 1 or 2")
    assert outcomes["truncate the model"] == "PermissionError"


def test_signals_do_not_leave_the_process_where_the_kernel_knows_that(confined):
    lines, outcomes = confined
    if not any(f"Landlock {version}" in lines for version in range(6, 20)):
        pytest.skip("this kernel's Landlock has no scopes")
    assert outcomes["end its parent"] == "PermissionError"


def test_no_socket_is_opened_and_no_program_runs(confined):
    lines, outcomes = confined
    if "seccomp" not in lines:
        pytest.skip("no seccomp here")
    assert {name: outcomes[name] for name in CALLS} == dict.fromkeys(CALLS, "PermissionError")
    assert outcomes["run a shell"] is False


def test_memory_is_limited_and_no_core_is_left(confined):
    lines, outcomes = confined
    if not sys.platform.startswith("linux"):
        pytest.skip("RLIMIT_DATA leaves out mappings elsewhere")
    assert "at most 0.5 GB of memory (resource limit)" in lines
    assert outcomes["take a gigabyte"] == "OSError"


def test_the_current_folder_leaves_the_import_path_but_for_our_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert without_current(["", str(tmp_path), f"{tmp_path}/", "/usr/lib", str(tmp_path / "x")]) == [
        "/usr/lib",
        str(tmp_path / "x"),
    ]
    import edgeready_device

    home = Path(edgeready_device.__file__).parents[1]
    monkeypatch.chdir(home)
    assert without_current(["", str(home)]) == ["", str(home)]


def test_packages_out_of_the_import_path_are_among_the_libraries(tmp_path, monkeypatch):
    """As an editable install has them, and a cache that links lead to."""
    import edgeready_device

    assert str(Path(edgeready_device.__file__).parent.resolve()) in library_folders([])
    (tmp_path / "cache" / "linked").mkdir(parents=True)
    (tmp_path / "cache" / "linked" / "__init__.py").write_text("")
    (tmp_path / "site" / "linked").mkdir(parents=True)
    (tmp_path / "site" / "linked" / "__init__.py").symlink_to(tmp_path / "cache" / "linked" / "__init__.py")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    folders = library_folders([], ["linked", "no_such_package"])
    assert {str(tmp_path / "site" / "linked"), str(tmp_path / "cache" / "linked")} <= set(folders)


def test_a_user_can_name_more_folders_to_read(monkeypatch):
    monkeypatch.setenv("EDGEREADY_READABLE", "/a:/b")
    assert library_folders([])[-2:] == ("/a", "/b")


def test_a_confinement_travels_as_text():
    limits = Confinement(read=("/a b", "/\u00e9"), write="/own", memory_bytes=3)
    assert Confinement.from_json(limits.to_json()) == limits


WITHOUT_A_FOLDER = """
import os, sys
sys.path[:] = eval(sys.argv[1])
from edgeready_device.isolation.confinement import Confinement, confine, library_folders

before = os.getcwd(), os.environ.get("HOME")
lines = confine(Confinement(read=library_folders(sys.path)))
try:
    outcome = open(sys.argv[2], "w") and "written"
except PermissionError:
    outcome = "refused"
print(lines, outcome, (os.getcwd(), os.environ.get("HOME")) == before)
"""


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="Linux only")
def test_a_process_that_writes_nothing_gets_no_folder(tmp_path, confined):
    command = [sys.executable, "-c", WITHOUT_A_FOLDER, repr(sys.path), str(tmp_path / "file")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    files = [f"files: the libraries only (Landlock {v})" for v in range(1, 20) if f"(Landlock {v})" in confined[0]]
    calls = ["no network, no other program (seccomp)"] if "(seccomp)" in confined[0] else []
    outcome = "refused" if files else "written"
    assert (done.stdout, done.stderr) == (f"{(*files, *calls)} {outcome} True\n", "")


def test_a_first_run_is_confined_as_far_as_this_kernel_can(confined, model, litert):
    protections = " ".join(try_model(TrialRequest(litert.name), model("conv").read_bytes()).protections)
    for protection in ("Landlock", "seccomp"):
        assert (protection in protections) == (protection in confined[0])


def test_a_delegate_keeps_its_device(model, litert):
    result = try_model(TrialRequest(litert.name, delegate="./no_such_library.so"), model("conv").read_bytes())
    assert (result.protections, result.ran) == ((), False)


def test_the_filter_is_the_one_that_the_kernel_reads():
    from edgeready_device.isolation import confinement

    program = confinement._program(0xC000003E, [41, 59])
    lines = [program[i : i + 8].hex() for i in range(0, len(program), 8)]
    assert lines == [
        "2000000004000000",  # the architecture
        "150000053e0000c0",  # another: refuse, five lines on
        "2000000000000000",  # the number of the call
        "3500030000000040",  # x32: refuse
        "1500020029000000",  # socket: refuse
        "150001003b000000",  # execve: refuse
        "060000000000ff7f",  # allow
        "060000000d000500",  # EACCES
    ]


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="Linux only")
def test_a_path_that_is_not_there_needs_no_rule(tmp_path):
    limits = Confinement((*library_folders(sys.path), "/no/such/path"), str(tmp_path), 0)
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; from edgeready_device.isolation.confinement import *; "
        "print(len(confine(Confinement.from_json(sys.argv[1]))) > 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, limits.to_json()], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")
