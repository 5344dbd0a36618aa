"""10,000 damaged model files through the commands: no crash, no hang, no traceback, no file whose hash is wrong.

    python benchmarks/hostile.py                      10,000 files through the commands' functions, in forks
    python benchmarks/hostile.py --installed 300      300 of them through the installed commands instead
    python benchmarks/hostile.py --count 500 --limit 60   fewer, and slower, as on an emulated board

Half are edgeready's own files, with hashes; half are files from elsewhere, without. Each goes through
`edgeready-device info`, `edgeready-device classify` on every installed runtime, and `edgeready check` where the host
package is installed. The child process of a foreign file's first run is a fork here, for speed, and the real one with
--installed. The same --seed gives the same files. Ends with 1 when anything happened that must not.

Needs the device package and the folder tests/ only (tests/mutations.py, tests/fuzz/corpus, tests/data).
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import io
import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from mutations import mutated, places

from edgeready_device import cli
from edgeready_device.errors import ModelFileError
from edgeready_device.isolation import trial
from edgeready_device.isolation.child import MEANINGS, ChildExit
from edgeready_device.model_file.reader import flatbuffer_of, read_model_file
from edgeready_device.runtime.runtime import installed_runtimes
from edgeready_device.tflite.structure.verification import verified_graph

TESTS = Path(__file__).resolve().parents[1] / "tests"
LIMITS = {"hang": 5.0, "kill": 20.0}  # seconds
IMAGE = TESTS / "data" / "arm64" / "digit-3.png"
DIED = "did not survive its first run"
FORBIDDEN = ("crash", "hang", "traceback", "wrong hash accepted")


@dataclass(frozen=True)
class Outcome:
    """What one command did with one file: `kind` is "ok", a refusal's "exit 3" or so, or one of FORBIDDEN."""

    verb: str
    kind: str
    seconds: float
    message: str = ""


@dataclass(frozen=True)
class Case:
    """One damaged file: which base, whether that is edgeready's own, what was done."""

    number: int
    base: str
    own: bool
    damage: str
    data: bytes


def bases() -> tuple[list[tuple[str, bytes]], list[tuple[str, bytes]]]:
    """Edgeready's own files, and files from elsewhere: bare flatbuffers, and one with labels but no hashes."""
    complete = [
        *sorted((TESTS / "data" / "arm64").glob("*.tflite")),
        TESTS / "fuzz" / "corpus" / "tails" / "whole.tflite",
    ]
    own = [(path.name, path.read_bytes()) for path in complete]
    foreign = [(path.name, path.read_bytes()) for path in sorted((TESTS / "fuzz" / "corpus" / "models").glob("*"))]
    foreign += [(f"bare {name}", flatbuffer_of(data)) for name, data in own]
    deflated = TESTS / "fuzz" / "corpus" / "tails" / "deflated.tflite"
    return own, [*foreign, (deflated.name, deflated.read_bytes())]


def cases(count: int, seed: int) -> Iterator[Case]:
    """`count` damaged files, edgeready's own and foreign ones in turn."""
    source = random.Random(seed)
    groups = bases()
    steering = {name: places(flatbuffer_of(data)) for group in groups for name, data in group}
    for number in range(count):
        group = groups[number % 2]
        name, data = group[number // 2 % len(group)]
        damage, made = mutated(data, source, steering[name], [other for _, other in group])
        yield Case(number, name, group is groups[0], damage, made)


# -- one command in a forked process ------------------------------------------------------------------------------


def forked(work: Callable[[], tuple[int, str]], limit_s: float | None = None) -> tuple[int | None, str, str, float]:
    """Exit code (None: died), what it wrote, the signal's name, seconds; `work` runs in a fork of this process."""
    limit_s = LIMITS["kill"] if limit_s is None else limit_s
    started = time.perf_counter()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.setpgid(0, 0)
        try:
            code, text = work()
        except BaseException:  # noqa: BLE001  (whatever it is, the parent reports it)
            code, text = 70, traceback.format_exc()
        os.write(writer, json.dumps([code, text[-4000:]]).encode())
        os._exit(0)
    os.close(writer)
    data, ended = b"", False
    while not ended:
        left = limit_s - (time.perf_counter() - started)
        ready = select.select([reader], [], [], max(left, 0))[0]
        if not ready:
            os.killpg(child, signal.SIGKILL)
            break
        chunk = os.read(reader, 65536)
        ended = not chunk
        data += chunk
    os.close(reader)
    status = os.waitpid(child, 0)[1]
    seconds = time.perf_counter() - started
    if os.WIFSIGNALED(status):
        return None, "", signal.Signals(os.WTERMSIG(status)).name, seconds
    return (*json.loads(data), "", seconds)


def fork_child(arguments: Sequence[str], *, timeout_s: float, stdin: bytes = b"", **_: object) -> ChildExit:
    """`isolation.run_child` as a fork: the same answer without the start of Python."""
    read_in, write_in = os.pipe()
    output = tempfile.TemporaryFile()  # noqa: SIM115  (the fork has it too)
    child = os.fork()
    if child == 0:
        os.dup2(read_in, 0)
        os.dup2(output.fileno(), 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.close(write_in)
        sys.stdin = os.fdopen(0, "r")
        sys.argv = ["-c", *arguments[2:]]
        signal.alarm(int(timeout_s))
        try:
            exec(arguments[1], {})  # as `python -c` would
        except SystemExit as ended:
            os._exit(int(ended.code or 0))
        os._exit(1)
    os.close(read_in)
    with contextlib.suppress(BrokenPipeError), os.fdopen(write_in, "wb") as stream:
        stream.write(stdin)
    status = os.waitpid(child, 0)[1]
    output.seek(0)
    text = output.read().decode("utf-8", "replace")
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return ChildExit(None, "" if name == "SIGALRM" else name, name == "SIGALRM", text)
    return ChildExit(os.waitstatus_to_exitcode(status), "", False, text)


def called(arguments: list[str]) -> tuple[int, str]:
    """The device command's own function."""
    out, err = io.StringIO(), io.StringIO()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(arguments)
    return code, err.getvalue()


def checked(path: str) -> tuple[int, str]:
    """`edgeready check`, the command's own function."""
    import typer

    from edgeready.cli.check import Format, check
    from edgeready.errors import EdgereadyError

    with contextlib.redirect_stdout(io.StringIO()):
        try:
            check([Path(path)], False, Format.JSON, 14, None)
        except typer.Exit as ended:
            return ended.exit_code, ""
        except EdgereadyError as error:
            return error.exit_code, str(error)
    return 0, ""


def judged(verb: str, code: int | None, text: str, died_of: str, seconds: float) -> Outcome:
    """The Outcome of what a process did."""
    message = " ".join(text.split())
    if died_of:
        kind = "hang" if seconds >= LIMITS["kill"] else "crash"
        return Outcome(verb, kind, seconds, f"{died_of} {MEANINGS.get(died_of, '')}")
    if code == 70 or "Traceback" in text:
        return Outcome(verb, "traceback", seconds, message)
    if seconds > LIMITS["hang"]:
        return Outcome(verb, "hang", seconds, message)
    return Outcome(verb, "ok" if code in (0, 1) else f"exit {code}", seconds, message)


def settled(verb: str, run: Callable[[], tuple[int | None, str, str, float]]) -> Outcome:
    """The Outcome of `run`; what is slow is run twice more, for on a busy machine anything is slow once."""
    found = judged(verb, *run())
    for _ in range(2):
        if found.kind == "hang":
            found = judged(verb, *run())
    return found


def wrongly_accepted(case: Case, path: Path, sound: dict[str, str]) -> bool:
    """Whether one of edgeready's own files is read although its contents are no longer those that were hashed."""
    try:
        file = read_model_file(path)
    except ModelFileError:
        return False
    return case.own and (file.manifest is None or digest(path) != sound[case.base])


def digest(path: Path) -> str:
    """The hash of all that a reader takes from a file."""
    file = read_model_file(path)
    said = file.manifest.to_json() if file.manifest else ""
    golden = file.golden.to_bytes() if file.golden else b""
    return hashlib.sha256(
        b"\0".join((file.flatbuffer, said.encode(), repr(file.labels).encode(), golden))
    ).hexdigest()


# -- one process per runtime, that forks for every command ----------------------------------------------------------


def nursery(runtime: str, options: argparse.Namespace, first: bool) -> list[tuple[dict, list[dict], bool]]:
    """All files through `classify` on `runtime`; the first nursery also runs info and check, and looks at hashes."""
    trial.run_child = fork_child
    module = {"ai-edge-litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime"}[runtime]
    importlib.import_module(f"{module}.interpreter")
    importlib.import_module("edgeready_device.images.decode")
    host = first and importlib.util.find_spec("edgeready") is not None
    if host:
        importlib.import_module("edgeready.cli.check")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        sound = {}
        for name, data in bases()[0]:
            (Path(folder) / "sound.tflite").write_bytes(data)
            sound[name] = digest(Path(folder) / "sound.tflite")
        path = Path(folder) / "case.tflite"
        verbs: dict[str, Callable[[], tuple[int, str]]] = {}
        if first:
            verbs["info"] = lambda: called(["info", str(path)])
        if host:
            verbs["check"] = lambda: checked(str(path))
        verbs[f"classify {runtime}"] = lambda: called(["classify", str(path), str(IMAGE), "--runtime", runtime])
        warm(path, verbs.values())
        for case in cases(options.count, options.seed):
            path.write_bytes(case.data)
            outcomes = [settled(verb, partial(forked, work)) for verb, work in verbs.items()]
            if first and wrongly_accepted(case, path, sound):
                outcomes.append(Outcome("read", "wrong hash accepted", 0.0, case.damage))
            about = {"number": case.number, "base": case.base, "own": case.own, "damage": case.damage}
            found.append((about, [asdict(outcome) for outcome in outcomes], refused(case.data)))
    return found


def warm(path: Path, works: Iterable[Callable[[], tuple[int, str]]]) -> None:
    """Runs each command once on sound files, here, so that no fork has to import anything."""
    errors = os.dup(2)  # `called` sends it nowhere
    for data in (bases()[0][0][1], bases()[1][0][1]):
        path.write_bytes(data)
        for work in works:
            code, text = work()
            os.dup2(errors, 2)
            if code not in (0, 1):
                raise SystemExit(f"a sound file ends with exit code {code}: {text}")
    os.close(errors)


def refused(data: bytes) -> bool:
    """Whether the verifier refuses the flatbuffer by itself."""
    try:
        verified_graph(flatbuffer_of(data))
    except ModelFileError:
        return True
    return False


def in_nurseries(options: argparse.Namespace) -> list[tuple[dict, list[dict], bool]]:
    """Every runtime's nursery in a Python of its own (two runtimes in one process disturb each other)."""

    def start(argument: tuple[int, str]) -> list[tuple[dict, list[dict], bool]]:
        command = [sys.executable, __file__, "--count", str(options.count), "--seed", str(options.seed)]
        command += ["--limit", str(options.limit)]
        command += ["--nursery", argument[1], *(["--first"] if argument[0] == 0 else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the nursery of {argument[1]} ended with {done.returncode}: {done.stderr[-2000:]}")
        return json.loads(done.stdout)

    names = [runtime.name for runtime in installed_runtimes()]
    with ThreadPoolExecutor() as pool:
        return [row for rows in pool.map(start, enumerate(names)) for row in rows]


def by_installed(options: argparse.Namespace) -> list[tuple[dict, list[dict], bool]]:
    """Files, evenly spread, through the commands as they are installed."""
    folder = Path(sys.executable).parent
    found = []
    step = max(1, options.count // options.installed)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "case.tflite"
        for case in cases(options.count, options.seed):
            if case.number % step != step // 2 * (case.number // step % 2):  # own and foreign in turn
                continue
            path.write_bytes(case.data)
            commands = {"info": [folder / "edgeready-device", "info", path]}
            for runtime in installed_runtimes():
                line = [folder / "edgeready-device", "classify", path, IMAGE, "--runtime", runtime.name]
                commands[f"classify {runtime.name}"] = line
            if (folder / "edgeready").exists():
                commands["check"] = [folder / "edgeready", "check", path]
            lines = {verb: list(map(str, line)) for verb, line in commands.items()}
            outcomes = [asdict(settled(verb, partial(installed, line))) for verb, line in lines.items()]
            about = {"number": case.number, "base": case.base, "own": case.own, "damage": case.damage}
            found.append((about, outcomes, refused(case.data)))
    return found


def installed(command: list[str]) -> tuple[int | None, str, str, float]:
    """One installed command: what `forked` says of a function."""
    started = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMITS["kill"], check=False)
    except subprocess.TimeoutExpired:
        return None, "", "SIGKILL", max(LIMITS["kill"], time.perf_counter() - started)
    died_of = signal.Signals(-done.returncode).name if done.returncode < 0 else ""
    return done.returncode, done.stderr, died_of, time.perf_counter() - started


# -- the table --------------------------------------------------------------------------------------------------


def report(rows: list[tuple[dict, list[dict], bool]], seconds: float) -> int:
    """Prints what happened; 1 when anything did that must not."""
    counts: dict[str, Counter[str]] = {}
    slowest: dict[str, float] = {}
    died: Counter[str] = Counter()
    for about, outcomes, _ in rows:
        for outcome in outcomes:
            verb = outcome["verb"]
            counts.setdefault(verb, Counter())[outcome["kind"]] += 1
            slowest[verb] = max(slowest.get(verb, 0.0), outcome["seconds"])
            if DIED in outcome["message"]:
                died[verb] += 1
            if outcome["kind"] in FORBIDDEN:
                print(f"{outcome['kind']}: file {about['number']} ({about['base']}, {about['damage']}), {verb}: "
                      f"{outcome['message'][:300]}")  # fmt: skip
    kinds = sorted({kind for found in counts.values() for kind in found} - set(FORBIDDEN))
    print("| command | files | " + " | ".join([*kinds, *FORBIDDEN[:3]]) + " | died in the child | slowest |")
    print("|---" * (len(kinds) + 7) + "|")
    for verb, found in sorted(counts.items()):
        cells = [str(found[kind]) for kind in (*kinds, *FORBIDDEN[:3])]
        print(f"| {verb} | {sum(found.values())} | {' | '.join(cells)} | {died[verb]} | {slowest[verb]:.2f} s |")
    files = {about["number"]: (about["own"], refused) for about, _, refused in rows}
    for own, name in ((True, "edgeready's own"), (False, "foreign")):
        group = [refused for mine, refused in files.values() if mine == own]
        print(f"{name}: {len(group)} files, the verifier refuses {sum(group)} of them by itself")
    wrong = sum(found[kind] for found in counts.values() for kind in FORBIDDEN)
    print(f"wrong hash accepted: {sum(found['wrong hash accepted'] for found in counts.values())}; {seconds:.0f} s")
    return int(wrong > 0)


def main() -> int:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="damaged files (default 10,000)")
    parser.add_argument("--installed", type=int, default=0, metavar="N", help="N of them through installed commands")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--limit", type=float, default=5.0, metavar="SECONDS", help="what is a hang (default 5)")
    parser.add_argument("--nursery", help=argparse.SUPPRESS)
    parser.add_argument("--first", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    LIMITS.update(hang=options.limit, kill=4 * options.limit)
    if options.nursery:
        answer = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        json.dump(nursery(options.nursery, options, options.first), answer)
        answer.flush()
        os._exit(0)
    started = time.perf_counter()
    rows = by_installed(options) if options.installed else in_nurseries(options)
    return report(rows, time.perf_counter() - started)


if __name__ == "__main__":
    raise SystemExit(main())
