"""10,000 damaged model files through the commands: no crash, no hang, no traceback, no file whose hash is wrong.

    python benchmarks/hostile.py                      10,000 files through the commands' functions, in forks
    python benchmarks/hostile.py --installed 300      300 of them through the installed commands instead
    python benchmarks/hostile.py --count 500 --limit 60   fewer, and slower, as on an emulated board
    python benchmarks/hostile.py --operators 20000    sound flatbuffers with one operator changed by the schema

Half are edgeready's own files, with hashes; half are files from elsewhere, without. Each goes through
`edgeready-device info`, `edgeready-device classify` on every installed runtime, and `edgeready check` where the host
package is installed. The child process of a foreign file's first run is a fork here, for speed, and the real one with
--installed. The same --seed gives the same files. Ends with 1 when anything happened that must not: a crash, a hang,
a traceback, a process that is left, more than 512 MB above what the file needs.

With --operators, a small network for each operator of the runtimes is changed in its options, constants, types,
wiring, shapes, scales or versions; each second round gets a manifest with the right hash, as a forger would write it.

Needs the device package and the folder tests/ only (tests/mutations.py, tests/fuzz, tests/data); --operators needs
flatbuffers and ai-edge-litert, too.
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
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from forks import Ended, fork_child, forked, installed
from mutations import mutated, places

from edgeready_device import cli
from edgeready_device.errors import ModelFileError
from edgeready_device.isolation import trial
from edgeready_device.isolation.child import MEANINGS
from edgeready_device.model_file.reader import flatbuffer_of, read_model_file
from edgeready_device.runtime.runtime import installed_runtimes
from edgeready_device.tflite.graph import read_subgraphs
from edgeready_device.tflite.structure.need import read_need
from edgeready_device.tflite.structure.verification import verified_graph

TESTS = Path(__file__).resolve().parents[1] / "tests"
LIMITS = {"hang": 5.0, "kill": 20.0}  # seconds
IMAGE = TESTS / "data" / "arm64" / "digit-3.png"
MET = {  # who met what the verifier accepted, by the words of the message
    "died in the child": "did not survive its first run",
    "looped in the child": "its first run on",
    "refused by the runtime": "refuses the model",
    "failed in a run": "fails in a run",
    "ended with 1 in the child": "it ended with exit code 1",
}
PIXELS = ("--mean", "127.5", "--std", "127.5")  # which files from elsewhere do not state
FORBIDDEN = ("crash", "hang", "traceback", "left behind", "memory", "wrong hash accepted")
MOST_MEMORY = 512 << 20  # above the sound files' and the need of the file; what the child's limits promise


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


def operator_cases(count: int, seed: int) -> Iterator[Case]:
    """`count` files with one operator changed, the operators in turn, bare and with recomputed hashes in turn."""
    sys.path.insert(0, str(TESTS / "fuzz"))
    from operator_cases import cases as operators
    from operator_mutations import changed
    from operator_networks import forged, network

    source = random.Random(seed)
    networks = [(case.name, case.op, network(case)) for case in operators()]
    for number in range(count):
        name, op, data = networks[number % len(networks)]
        damage, made = changed(data, op, source)
        forge = number // len(networks) % 2 == 1
        yield Case(number, name, False, damage + " forged" * forge, forged(made) if forge else made)


def wanted(options: argparse.Namespace) -> Iterator[Case]:
    """The files that the options ask for."""
    if options.operators:
        return operator_cases(options.operators, options.seed)
    return cases(options.count, options.seed)


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


def judged(verb: str, ended: Ended, most_memory: float) -> Outcome:
    """The Outcome of what a process did."""
    code, died_of, seconds, text = ended.code, ended.died_of, ended.seconds, ended.text
    message = " ".join(text.split())
    if ended.left and not died_of:
        return Outcome(verb, "left behind", seconds, message)
    if ended.memory > most_memory:
        return Outcome(verb, "memory", seconds, f"{ended.memory >> 20} MB {message}")
    if died_of:
        kind = "hang" if seconds >= LIMITS["kill"] else "crash"
        return Outcome(verb, kind, seconds, f"{died_of} {MEANINGS.get(died_of, '')}")
    if code == 70 or "Traceback" in text:
        return Outcome(verb, "traceback", seconds, message)
    # A busy machine makes anything slow: what has computed for less than half of the limit waited for a processor.
    if seconds > LIMITS["hang"] and (ended.processor_s > LIMITS["hang"] / 2 or not ended.processor_s):
        return Outcome(verb, "hang", seconds, message)
    return Outcome(verb, "ok" if code in (0, 1) else f"exit {code}", seconds, message)


def settled(verb: str, run: Callable[[], Ended], most_memory: float = float("inf")) -> Outcome:
    """The Outcome of `run`; what is slow is run twice more, for on a busy machine anything is slow once."""
    found = judged(verb, run(), most_memory)
    for _ in range(2):
        if found.kind == "hang":
            found = judged(verb, run(), most_memory)
    return found


def need(data: bytes) -> int:
    """The memory that a file needs by its sizes; 0 for one that no reader follows."""
    try:
        flatbuffer = flatbuffer_of(data)
        return read_need(read_subgraphs(flatbuffer), len(flatbuffer)).memory_bytes
    except ModelFileError:
        return 0


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
        os.environ["XDG_CACHE_HOME"] = folder
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
        verbs[f"classify {runtime}"] = lambda: called(
            ["classify", str(path), str(IMAGE), "--runtime", runtime, *PIXELS]
        )
        usual = warm(path, verbs.values())
        for case in wanted(options):
            path.write_bytes(case.data)
            most = usual + need(case.data) + MOST_MEMORY
            outcomes = [settled(verb, partial(forked, work, LIMITS["kill"]), most) for verb, work in verbs.items()]
            if first and wrongly_accepted(case, path, sound):
                outcomes.append(Outcome("read", "wrong hash accepted", 0.0, case.damage))
            about = {"number": case.number, "base": case.base, "own": case.own, "damage": case.damage}
            found.append((about, [asdict(outcome) for outcome in outcomes], refused(case.data)))
    return found


def warm(path: Path, works: Iterable[Callable[[], tuple[int, str]]]) -> int:
    """The memory of each command on sound files, run once here, so that no fork has to import anything."""
    errors = os.dup(2)  # `called` sends it nowhere
    for data in (bases()[0][0][1], bases()[1][0][1]):
        path.write_bytes(data)
        for work in works:
            code, text = work()
            os.dup2(errors, 2)
            if code not in (0, 1):
                raise SystemExit(f"a sound file ends with exit code {code}: {text}")
    os.close(errors)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


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
        command += ["--limit", str(options.limit), "--operators", str(options.operators)]
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
    step = max(1, (options.operators or options.count) // options.installed)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "case.tflite"
        for case in wanted(options):
            if case.number % step != step // 2 * (case.number // step % 2):  # own and foreign in turn
                continue
            path.write_bytes(case.data)
            commands = {"info": [folder / "edgeready-device", "info", path]}
            for runtime in installed_runtimes():
                line = [folder / "edgeready-device", "classify", path, IMAGE, "--runtime", runtime.name, *PIXELS]
                commands[f"classify {runtime.name}"] = line
            if (folder / "edgeready").exists():
                commands["check"] = [folder / "edgeready", "check", path]
            lines = {verb: list(map(str, line)) for verb, line in commands.items()}
            outcomes = [
                asdict(settled(verb, partial(installed, line, LIMITS["kill"]))) for verb, line in lines.items()
            ]
            about = {"number": case.number, "base": case.base, "own": case.own, "damage": case.damage}
            found.append((about, outcomes, refused(case.data)))
    return found


# -- the table --------------------------------------------------------------------------------------------------


def report(rows: list[tuple[dict, list[dict], bool]], seconds: float) -> int:
    """Prints what happened; 1 when anything did that must not."""
    counts: dict[str, Counter[str]] = {}
    slowest: dict[str, float] = {}
    met: dict[str, Counter[str]] = {}
    for about, outcomes, _ in rows:
        for outcome in outcomes:
            verb = outcome["verb"]
            counts.setdefault(verb, Counter())[outcome["kind"]] += 1
            slowest[verb] = max(slowest.get(verb, 0.0), outcome["seconds"])
            met.setdefault(verb, Counter()).update(way for way, words in MET.items() if words in outcome["message"])
            if outcome["kind"] in FORBIDDEN:
                print(f"{outcome['kind']}: file {about['number']} ({about['base']}, {about['damage']}), {verb}: "
                      f"{outcome['message'][:300]}")  # fmt: skip
    kinds = sorted({kind for found in counts.values() for kind in found} - set(FORBIDDEN))
    print("| command | files | " + " | ".join([*kinds, *FORBIDDEN[:5], *MET]) + " | slowest |")
    print("|---" * (len(kinds) + 8 + len(MET)) + "|")
    for verb, found in sorted(counts.items()):
        cells = [str(found[kind]) for kind in (*kinds, *FORBIDDEN[:5])] + [str(met[verb][way]) for way in MET]
        print(f"| {verb} | {sum(found.values())} | {' | '.join(cells)} | {slowest[verb]:.2f} s |")
    files = {about["number"]: (about["own"], refused) for about, _, refused in rows}
    for own, name in ((True, "edgeready's own"), (False, "foreign")):
        group = [refused for mine, refused in files.values() if mine == own]
        if not group:
            continue
        print(f"{name}: {len(group)} files, the verifier refuses {sum(group)} of them by itself")
    wrong = sum(found[kind] for found in counts.values() for kind in FORBIDDEN)
    print(f"wrong hash accepted: {sum(found['wrong hash accepted'] for found in counts.values())}; {seconds:.0f} s")
    return int(wrong > 0)


def main() -> int:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="damaged files (default 10,000)")
    parser.add_argument("--installed", type=int, default=0, metavar="N", help="N of them through installed commands")
    parser.add_argument("--operators", type=int, default=0, metavar="N", help="N files with one operator changed")
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
