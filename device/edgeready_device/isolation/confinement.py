"""Confines this process to what it needs: files that are named, no network, no other program, so much memory.

It uses what the kernel lets a process give up by itself: Landlock for files, seccomp for sockets and programs, and
resource limits. What a kernel lacks is left out, and the answer says so. `confine` comes before anything that starts
threads (numpy does): a thread that runs already stays as it is.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import struct
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

_NO_NEW_PRIVILEGES, _SECCOMP = 38, 22  # prctl: PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP
_FILTER_MODE = 2  # SECCOMP_MODE_FILTER
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # Landlock's system calls, the same on every processor
_BENEATH = 1  # LANDLOCK_RULE_PATH_BENEATH
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE = 1 << 14
_FILE_RIGHTS = _WRITE_FILE | _READ_FILE | _TRUNCATE  # those that a rule for a file may have, and no folder needs more
_RIGHTS_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}  # from version 3 on the same for files
_TCP = 3  # bind and connect, from version 4 on
_SCOPES = 3  # abstract Unix sockets and signals of others, from version 6 on
# The system calls that are refused, by the processor; io_uring makes sockets past a filter of socket().
_CALLS = {
    "x86_64": (0xC000003E, {"socket": 41, "execve": 59, "execveat": 322, "ptrace": 101, "io_uring_setup": 425}),
    "aarch64": (0xC00000B7, {"socket": 198, "execve": 221, "execveat": 281, "ptrace": 117, "io_uring_setup": 425}),
}
_X32 = 0x40000000  # x86-64's second table of system calls begins here
# What libraries read beside themselves: the loader's cache, the clock, the machine, this process, random numbers. Not
# all of /proc: the environment of the user's other processes is there.
_SYSTEM = (
    *"/usr /lib /lib32 /lib64 /opt/cuda /nix/store /gnu/store /etc/ld.so.cache /etc/localtime /sys".split(),
    *("/dev/urandom", "/dev/random"),
    *(f"/proc/{name}" for name in "self cpuinfo meminfo stat version filesystems loadavg sys driver".split()),
)
READABLE_VARIABLE = "EDGEREADY_READABLE"  # more paths that a confined process may read, as in PATH
_DEVICES = ("null", "zero", "nvidia")  # they are written to as well; names in /dev begin so


@dataclass(frozen=True)
class Confinement:
    """What a process may use: paths to `read`, a folder to `write` ("": none), `memory_bytes` of its own (0: any)."""

    read: tuple[str, ...]
    write: str = ""
    memory_bytes: int = 0

    def to_json(self) -> str:
        """Returns it as text for an argument; `from_json` reads it."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Confinement:
        """Returns the Confinement that `to_json` wrote."""
        fields = json.loads(text)
        return Confinement(read=tuple(fields["read"]), write=fields["write"], memory_bytes=fields["memory_bytes"])


def confine(confinement: Confinement) -> tuple[str, ...]:
    """Confines this process, and returns a sentence for each protection that is active; it cannot be undone.

    A new folder in the one to write becomes the current one and the home of what looks for one. A protection that
    this kernel lacks is no error.
    """
    active = []
    if confinement.write:
        _move_into(os.path.join(confinement.write, "home"))
        active.append("a folder of its own")
    if _limit(confinement.memory_bytes):
        active.append(f"at most {confinement.memory_bytes / 1e9:.1f} GB of memory (resource limit)")
    if not sys.platform.startswith("linux") or not _no_new_privileges():
        return tuple(active)
    if version := _restrict_files(confinement):
        files = "the model, the libraries and its own folder only" if confinement.write else "the libraries only"
        active.append(f"files: {files} (Landlock {version})")
    if _refuse_calls():
        active.append("no network, no other program (seccomp)")
    return tuple(active)


def _move_into(home: str) -> None:
    os.mkdir(home)
    os.chdir(home)
    os.environ.update(HOME=home, KERAS_HOME=home)


def library_folders(paths: Iterable[str], packages: Iterable[str] = ()) -> tuple[str, ...]:
    """Returns the folders that Python and its libraries need, those of `paths` (as sys.path) among them.

    A package need not lie in one of these (an editable install, a cache that links lead to): those that this process
    has imported, and those of the names in `packages`, are among them by their own places.
    """
    prefixes = (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
    names = (*(name for name in tuple(sys.modules) if "." not in name), *packages)
    places = (place for name in names for place in _places(name))
    more = os.environ.get(READABLE_VARIABLE, "").split(os.pathsep)
    return tuple(dict.fromkeys(os.path.realpath(path) for path in (*prefixes, *paths, *places, *filter(None, more))))


def _places(name: str) -> list[str]:
    """Returns where the package `name` lies, and where a link to its first file leads; a lone module has no place."""
    import importlib.util  # noqa: PLC0415  (for a child process only)

    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # __main__ has none
        return []
    if spec is None or not spec.submodule_search_locations:
        return []
    origin = [os.path.dirname(os.path.realpath(spec.origin))] if spec.origin else []
    return [*spec.submodule_search_locations, *origin]


def without_current(paths: Iterable[str]) -> list[str]:
    """Returns `paths` (as sys.path) without the current folder, where `python -m` and a notebook look first.

    It stays where this package itself lies in it.
    """
    current, home = os.path.realpath(""), os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
    return [path for path in paths if os.path.realpath(path) != current or current == home]


def _limit(memory_bytes: int) -> bool:
    """Limits the memory of this process's own, and forbids core dumps: they would hold what it read."""
    import resource  # noqa: PLC0415  (POSIX only)

    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if not memory_bytes or not sys.platform.startswith("linux"):  # elsewhere RLIMIT_DATA leaves out mappings
            return False
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        limit = memory_bytes if most == resource.RLIM_INFINITY else min(memory_bytes, most)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    except (OSError, ValueError):
        return False
    return True


def _no_new_privileges() -> bool:
    return bool(_libc().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0)


def _restrict_files(confinement: Confinement) -> int:
    """Returns Landlock's version where this kernel has it and it is active now, else 0."""
    libc = _libc()
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return 0
    rights = _RIGHTS_BY_VERSION[min(version, max(_RIGHTS_BY_VERSION))]
    attribute = struct.pack("=QQQ", rights, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = libc.syscall(_CREATE_RULESET, attribute, ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return 0
    try:
        for path in (*_SYSTEM, *_native_folders(), *confinement.read):
            _allow(ruleset, path, _READ_FILE | _READ_DIR)
        for path in _devices():
            _allow(ruleset, path, _READ_FILE | _WRITE_FILE)
        if confinement.write:
            _allow(ruleset, confinement.write, rights & ~_EXECUTE)
        return version if libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)


def _native_folders() -> list[str]:
    return [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if path]


def _devices() -> list[str]:
    try:
        return [f"/dev/{name}" for name in os.listdir("/dev") if name.startswith(_DEVICES)]
    except OSError:  # a bare chroot has none
        return []


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Allows `rights` on the file `path`, or beneath the folder; a path that is not there needs no rule."""
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        allowed = rights if os.path.isdir(path) else rights & _FILE_RIGHTS
        rule = struct.pack("=Qi", allowed, handle)
        _libc().syscall(_ADD_RULE, ruleset, _BENEATH, rule, 0)
    finally:
        os.close(handle)


def _refuse_calls() -> bool:
    """Returns whether the kernel now answers sockets and other programs with EACCES."""
    if platform.machine() not in _CALLS:
        return False
    architecture, numbers = _CALLS[platform.machine()]
    program = _program(architecture, sorted(numbers.values()))
    memory = ctypes.create_string_buffer(program, len(program))  # the pointer in the next line does not hold it
    descriptor = struct.pack("@HP", len(program) // 8, ctypes.addressof(memory))
    return bool(_libc().prctl(_SECCOMP, _FILTER_MODE, descriptor, 0, 0) == 0)


def _program(architecture: int, numbers: Sequence[int]) -> bytes:
    """Returns the filter for the kernel's small machine: 8 bytes each (code, two jumps, a value).

    It loads the architecture and refuses every other; then the number of the call, and refuses x32's and `numbers`.
    """
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    allow, refuse = 0x7FFF0000, 0x0005000D  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with EACCES
    count = len(numbers)
    lines = [
        (load, 0, 0, 4),
        (equal, 0, count + 3, architecture),
        (load, 0, 0, 0),
        (at_least, count + 1, 0, _X32),
        *((equal, count - index, 0, number) for index, number in enumerate(numbers)),
        (answer, 0, 0, allow),
        (answer, 0, 0, refuse),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
