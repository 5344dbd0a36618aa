"""How often `compare` is wrong: the same thing called different, and a slowdown of 3 % overlooked.

    python benchmarks/compare.py [--model FILE] [--record 6] [--trials 200] [--seconds 30] [--live 10] [--keep FOLDER]

Without --model it builds an opengenus-cnn (one epoch) first. Everything is recorded --record times, a process each,
and kept in --keep, from where it is taken the next time. From the recordings two series are drawn for each trial by
block bootstrap, with blocks of a second; the second is made 3 % slower for half of the trials.

- turns: one model interleaved with itself (`compare a.tflite b.tflite`), --seconds in all; drawn are its rounds.
- files: one measurement (`benchmark --out`) of --seconds; two series drawn from one recording, whose draws differ by
  chance alone, and from two, so that what differs between two runs is in it, too. On a virtual machine compare allows
  for more of that; beside it stands what it says where the machine is none.

Beside compare stands Welch's t-test on the raw latencies at 5 %, as benchmark tools use it, on the very same trials.
--live measures so many pairs anew, interleaved and as files in random order, and as many again whose second model
waits for 3 % of the median after each run. A trial that compare does not judge, because a recording was not steady,
counts as neither slower nor the same.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.benchmarking.benchmark import BenchmarkConfig, benchmark
from edgeready_device.benchmarking.benchmark_file import Measurement, read_measurement, write_measurement
from edgeready_device.benchmarking.compare import FASTER, SAME, SLOWER, UNJUDGED, compare
from edgeready_device.benchmarking.difference import Difference, paired_difference
from edgeready_device.benchmarking.interleaved import InterleavedConfig, InterleavedRuns, measure_interleaved
from edgeready_device.machine.board import this_board
from edgeready_device.machine.machine import is_virtual, read_machine
from edgeready_device.model import Model
from edgeready_device.report.benchmark import benchmark_json

SLOWDOWN = 1.03
WANTED = {1.0: "at most 5 % different", SLOWDOWN: "at least 90 % slower"}
NAMES = {1.0: "the same", SLOWDOWN: "3 % slower"}
BLOCK_S = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--record", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--live", type=int, default=0, help="pairs measured anew, of each kind")
    parser.add_argument("--keep", type=Path, help="a folder for the recordings; those that are there are used")
    parser.add_argument("--one", choices=RECORDED, help=argparse.SUPPRESS)  # a child of this script: one recording
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--wait-s", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        RECORDED[options.one](options)
        return
    with tempfile.TemporaryDirectory() as folder:
        options.keep = options.keep or Path(folder)
        options.keep.mkdir(parents=True, exist_ok=True)
        if options.model is None:
            options.model = built(options.keep)
        run(options)


def built(folder: Path) -> Path:
    from edgeready.config.build import BuildConfig, DataConfig, OutputConfig, TrainConfig
    from edgeready.workflows.build import build

    out = folder / "model.tflite"
    if out.is_file():
        return out
    build(
        BuildConfig(
            data=DataConfig(source="mnist"),
            model="opengenus-cnn",
            output=OutputConfig(out=out),
            train=TrainConfig(epochs=1),
        )
    )
    return out


def run(options: argparse.Namespace) -> None:
    machine = read_machine()
    name = f"{machine.board or machine.processor}, {machine.cpus} CPUs{', virtual' * is_virtual(this_board())}"
    print(f"{name}; {options.model.name}, {options.seconds:g} s a trial", flush=True)
    random = np.random.default_rng(0)
    rounds = [recorded_turns(record(options, "turns", f"turns{i}")) for i in range(options.record)]
    for each in rounds:
        print(f"  turns: {100 * math.log(float(np.median(each.ratios))):+.2f} %, {len(each.ratios)} rounds")
    for slow, wanted in WANTED.items():
        show(f"turns, {NAMES[slow]}", turns_trials(options, rounds, random, slow), wanted)
    files = [read_measurement(record(options, "file", f"file{i}")) for i in range(options.record)]
    for each in files:
        median = 1e3 * float(np.median(each.latencies_s))
        print(f"  file: {median:.4f} ms, {len(each.latencies_s):,} runs, {', '.join(each.unsteady) or 'steady'}")
    real = [dataclasses.replace(each, virtual=False) for each in files]
    for kind, recorded in (("files", files), *([("files, no virtual machine", real)] if files != real else [])):
        for slow in WANTED:
            for two in (False, True):
                name = f"{kind}, {'two recordings' if two else 'one recording'}, {NAMES[slow]}"
                show(name, file_trials(options, recorded, random, two=two, slow=slow), "")
    median_s = float(np.median([np.median(each.latencies_s) for each in files]))
    for kind in RECORDED if options.live else ():
        for slow, wanted in WANTED.items():
            show(f"live {kind}, {NAMES[slow]}", live(options, kind, (slow - 1) * median_s), wanted)


def one_file(options: argparse.Namespace) -> None:
    """A measurement; after each run it waits, as a slower model would."""
    if options.wait_s:
        Model.invoke = slowed(Model.invoke, options.wait_s)
    config = BenchmarkConfig(min_time_s=options.seconds, max_time_s=options.seconds + 30)
    write_measurement(options.out, benchmark_json(benchmark(options.model, config)))


def one_pair(options: argparse.Namespace) -> None:
    """A model interleaved with itself; the second of the two waits after each run."""
    first, second = Model.load(options.model), Model.load(options.model)
    if options.wait_s:
        second.invoke = slowed(second.invoke, options.wait_s)
    runs = measure_interleaved(first, second, InterleavedConfig(time_s=options.seconds))
    options.out.write_text(json.dumps(dataclasses.asdict(runs)), "utf-8")


RECORDED = {"turns": one_pair, "file": one_file}


def slowed(invoke: Callable[..., NDArray[Any]], wait_s: float) -> Callable[..., NDArray[Any]]:
    """`invoke`, and then a wait that keeps the processor busy."""

    def slower(*arguments: Any) -> NDArray[Any]:
        output = invoke(*arguments)
        until = time.perf_counter() + wait_s
        while time.perf_counter() < until:
            pass
        return output

    return slower


def record(options: argparse.Namespace, kind: str, name: str, wait_s: float = 0.0, *, anew: bool = False) -> Path:
    """Where a recording is that was made in a process of its own."""
    out = options.keep / f"{name}.json"
    if anew or not out.is_file():
        line = [sys.executable, __file__, "--one", kind, "--model", options.model, "--seconds", options.seconds]
        subprocess.run(list(map(str, [*line, "--out", out, "--wait-s", wait_s])), check=True)
    return out


def recorded_turns(path: Path) -> InterleavedRuns:
    return InterleavedRuns(**{name: tuple(values) for name, values in json.loads(path.read_bytes()).items()})


def turns_trials(
    options: argparse.Namespace, recorded: list[InterleavedRuns], random: np.random.Generator, slow: float
) -> Counter[str]:
    """Trials of the rounds that fit into the time; a round's latencies are those that stand where it does."""
    found: Counter[str] = Counter()
    for _ in range(options.trials):
        each = recorded[int(random.integers(len(recorded)))]
        first, second, ratios = (np.asarray(values) for values in (each.first_s, each.second_s, each.ratios))
        round_s = (first.sum() + second.sum()) / len(ratios)
        length = max(1, round(BLOCK_S / round_s))
        starts = random.integers(0, len(ratios), math.ceil(options.seconds / round_s / length))
        taken = (starts[:, None] + np.arange(length)).reshape(-1) % len(ratios)
        found[verdict_of(paired_difference(tuple(slow * ratios[taken])))] += 1
        found["t-test"] += welch(of_rounds(first, taken, len(ratios)), slow * of_rounds(second, taken, len(ratios)))
    return found


def of_rounds(values: NDArray[np.float64], rounds: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """The values of some rounds, where all `count` have as many."""
    each = len(values) // count
    return values[: each * count].reshape(count, each)[rounds].reshape(-1)


def file_trials(
    options: argparse.Namespace, recorded: list[Measurement], random: np.random.Generator, *, two: bool, slow: float
) -> Counter[str]:
    found: Counter[str] = Counter()
    for _ in range(options.trials):
        count = len(recorded)
        chosen = random.choice(count, 2, replace=False) if two and count > 1 else [int(random.integers(count))] * 2
        first, second = (drawn(recorded[i], random, options.seconds) for i in chosen)
        second = dataclasses.replace(second, latencies_s=tuple(slow * value for value in second.latencies_s))
        found[compare(first, second).verdict] += 1
        found["t-test"] += welch(np.asarray(first.latencies_s), np.asarray(second.latencies_s))
    return found


def verdict_of(found: Difference) -> str:
    if not found.shown:
        return SAME
    return SLOWER if found.percent > 0 else FASTER


def drawn(recorded: Measurement, random: np.random.Generator, seconds: float) -> Measurement:
    """A series of `seconds` by circular block bootstrap, its blocks a second long."""
    values = np.asarray(recorded.latencies_s)
    n, mean = len(values), float(values.mean())
    length = max(1, min(n, round(BLOCK_S / mean)))
    starts = random.integers(0, n, math.ceil(seconds / mean / length))
    taken = (starts[:, None] + np.arange(length)).reshape(-1) % n
    return dataclasses.replace(recorded, latencies_s=tuple(values[taken].tolist()))


def welch(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    """Whether Welch's t-test calls the means different at 5 %; so many runs make Student's t the normal one."""
    return bool(abs(a.mean() - b.mean()) > 1.96 * math.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)))


def show(name: str, found: Counter[str], wanted: str) -> None:
    count = sum(found[verdict] for verdict in (SLOWER, FASTER, SAME, UNJUDGED))
    if not count:
        return
    different = found[SLOWER] + found[FASTER]
    print(
        f"{name}: {count} trials, {100 * different / count:.1f} % called different, of these "
        f"{100 * found[SLOWER] / count:.1f} % slower, {found[UNJUDGED]} not judged; t-test "
        f"{100 * found['t-test'] / count:.1f} % different" + (f"; wanted: {wanted}" if wanted else "")
    )


def live(options: argparse.Namespace, kind: str, wait_s: float) -> Counter[str]:
    """Pairs measured now, a process for each pair of turns or each file."""
    random, found = np.random.default_rng(1), Counter[str]()
    for _ in range(options.live):
        if kind == "turns":
            taken = recorded_turns(record(options, kind, "live", wait_s, anew=True))
            first, second, doubts = taken.first_s, taken.second_s, ()
            difference = paired_difference(taken.ratios)
            verdict = verdict_of(difference)
        else:
            order = [int(i) for i in random.permutation(2)]
            paths = {i: record(options, kind, f"live{i}", (0.0, wait_s)[i], anew=True) for i in order}
            result = compare(*(read_measurement(paths[i]) for i in range(2)))
            first, second, doubts = result.first.latencies_s, result.second.latencies_s, result.doubts
            difference, verdict = result.difference, result.verdict
        found[verdict] += 1
        found["t-test"] += welch(np.asarray(first), np.asarray(second))
        print(f"  {difference.percent:+.2f} % ({verdict}) {'; '.join(doubts)}", flush=True)
    return found


if __name__ == "__main__":
    main()
