"""How often `compare` is wrong: the same thing called different, and a slowdown of 3 % overlooked.

    python benchmarks/compare.py [--model FILE | --series FOLDER] [--seconds 20] [--trials 200] [--live 10]
                                   [--turns 10]

Without --model it builds an opengenus-cnn (one epoch) first. It records six (--record) raw series with
`benchmark --out`, a process each (or takes those in --series), and draws from them, by block bootstrap with blocks of
a second, two series of --seconds for each trial:

- from one recording: the same thing, whose two draws differ by chance alone;
- from two recordings: the same thing in two processes, so that what differs between two runs is in it, too;
- from one recording, the second made 3 % slower.

Beside compare stands Welch's t-test on the raw latencies at 5 %, as benchmark tools use it, on the very same trials.
--live measures so many pairs anew, in random order within the pair, and as many again whose second waits for 3 % of
the median after each run; --turns does the same with two models that take turns in one process. A trial that compare
does not judge, because a recording was not steady, counts as neither.
"""

from __future__ import annotations

import argparse
import dataclasses
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

from edgeready_device.machine.machine import read_machine
from edgeready_device.measuring.benchmark import BenchmarkConfig, BenchmarkResult, benchmark
from edgeready_device.measuring.benchmark_file import Measurement, read_measurement, write_measurement
from edgeready_device.measuring.compare import FASTER, SAME, SLOWER, UNJUDGED, compare
from edgeready_device.measuring.turns import TurnsConfig, compare_models
from edgeready_device.model import Model
from edgeready_device.report.benchmark import benchmark_json

SLOWDOWN = 1.03
BLOCK_S = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--series", type=Path, help="a folder of files of benchmark --out, instead of recording")
    parser.add_argument("--record", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--live", type=int, default=0, help="pairs measured anew, of each kind")
    parser.add_argument("--turns", type=int, default=0, help="pairs that take turns, of each kind")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)  # a child of this script: one measurement
    parser.add_argument("--wait-s", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        write_measurement(options.one, benchmark_json(measured(options.model, options.seconds, options.wait_s)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = options.model
        if path is None and (options.live or options.turns or not options.series):
            path = built(Path(folder))
        run(options, path, Path(folder))


def built(folder: Path) -> Path:
    from edgeready.config import BuildConfig, DataConfig, TrainConfig
    from edgeready.pipeline import build

    out = folder / "model.tflite"
    build(BuildConfig(DataConfig("mnist"), "opengenus-cnn", out, TrainConfig(epochs=1)))
    return out


def run(options: argparse.Namespace, path: Path | None, folder: Path) -> None:
    machine = read_machine()
    print(f"{machine.board or machine.processor}, {machine.cpus} CPUs; series of {options.seconds:g} s")
    if options.series:
        recorded = [read_measurement(file) for file in sorted(options.series.glob("*.json"))]
    else:
        recorded = [record(path, folder / f"{i}.json", options.seconds) for i in range(options.record)]
    for each in recorded:
        median = float(np.median(each.latencies_s))
        print(f"  {1e3 * median:.4f} ms, {len(each.latencies_s):,} runs, {', '.join(each.unsteady) or 'steady'}")
    random = np.random.default_rng(0)
    same = trials(options, lambda: draws(recorded, random, options.seconds, two=False))
    show("one recording", same, wanted="at most 5 % different")
    if len(recorded) > 1:
        show("two recordings", trials(options, lambda: draws(recorded, random, options.seconds, two=True)), wanted="")
    slower = trials(options, lambda: draws(recorded, random, options.seconds, two=False, slow=SLOWDOWN))
    show("3 % slower", slower, wanted="at least 90 % slower")
    median_s = float(np.median([np.median(each.latencies_s) for each in recorded]))
    live(path, folder, options, median_s)
    turns(path, options, median_s)


def measured(path: Path, seconds: float, wait_s: float) -> BenchmarkResult:
    """One measurement; after each run it waits for `wait_s`, as a slower model would."""
    if wait_s:
        Model.invoke = slowed(Model.invoke, wait_s)
    return benchmark(path, BenchmarkConfig(min_time_s=seconds, max_time_s=seconds + 30))


def slowed(invoke: Callable[..., NDArray[Any]], wait_s: float) -> Callable[..., NDArray[Any]]:
    """`invoke`, and then a wait that keeps the processor busy."""

    def slower(*arguments: Any) -> NDArray[Any]:
        output = invoke(*arguments)
        until = time.perf_counter() + wait_s
        while time.perf_counter() < until:
            pass
        return output

    return slower


def record(path: Path | None, out: Path, seconds: float, wait_s: float = 0.0) -> Measurement:
    """A measurement in a process of its own."""
    line = [sys.executable, __file__, "--model", str(path), "--one", str(out), "--seconds", str(seconds)]
    subprocess.run([*line, "--wait-s", str(wait_s)], check=True)
    return read_measurement(out)


def draws(
    recorded: list[Measurement], random: np.random.Generator, seconds: float, *, two: bool, slow: float = 1.0
) -> tuple[Measurement, Measurement]:
    """Two series of `seconds`, from one recording or from two."""
    chosen = random.choice(len(recorded), 2, replace=False) if two else [int(random.integers(len(recorded)))] * 2
    first, second = (drawn(recorded[i], random, seconds) for i in chosen)
    return first, dataclasses.replace(second, latencies_s=tuple(slow * value for value in second.latencies_s))


def drawn(recorded: Measurement, random: np.random.Generator, seconds: float) -> Measurement:
    """A series of `seconds` by circular block bootstrap, its blocks a second long."""
    values = np.asarray(recorded.latencies_s)
    n, mean = len(values), float(values.mean())
    length = max(1, min(n, round(BLOCK_S / mean)))
    starts = random.integers(0, n, math.ceil(seconds / mean / length))
    taken = (starts[:, None] + np.arange(length)).reshape(-1) % n
    return dataclasses.replace(recorded, latencies_s=tuple(values[taken].tolist()))


def trials(options: argparse.Namespace, draw: Callable[[], tuple[Measurement, Measurement]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for _ in range(options.trials):
        first, second = draw()
        found[compare(first, second).verdict] += 1
        found["t-test"] += welch(first.latencies_s, second.latencies_s)
    return found


def welch(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    """Whether Welch's t-test calls the means different at 5 %; so many runs make Student's t the normal one."""
    a, b = np.asarray(first), np.asarray(second)
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


def live(path: Path | None, folder: Path, options: argparse.Namespace, median_s: float) -> None:
    """Pairs measured now, one process after the other."""
    random = np.random.default_rng(1)
    for name, wait_s in (("live, the same", 0.0), ("live, 3 % slower", (SLOWDOWN - 1) * median_s)):
        found: Counter[str] = Counter()
        for _ in range(options.live):
            waits = [0.0, wait_s]
            order = [int(i) for i in random.permutation(2)]
            pair = {i: record(path, folder / f"live{i}.json", options.seconds, waits[i]) for i in order}
            result = compare(pair[0], pair[1])
            found[result.verdict] += 1
            found["t-test"] += welch(pair[0].latencies_s, pair[1].latencies_s)
            print(f"  {result.difference.percent:+.2f} % ({result.verdict}) {'; '.join(result.doubts)}", flush=True)
        show(name, found, wanted="")


def turns(path: Path | None, options: argparse.Namespace, median_s: float) -> None:
    """Pairs of models that take turns in this process."""
    for name, wait_s in (("turns, the same", 0.0), ("turns, 3 % slower", (SLOWDOWN - 1) * median_s)):
        found: Counter[str] = Counter()
        for _ in range(options.turns):
            first, second = Model.load(path), Model.load(path)
            if wait_s:
                second.invoke = slowed(second.invoke, wait_s)
            result = compare_models(first, second, TurnsConfig(time_s=options.seconds))
            found[result.verdict] += 1
            found["t-test"] += welch(result.first.latencies_s, result.second.latencies_s)
            print(f"  {result.difference.percent:+.2f} % ({result.verdict})", flush=True)
        show(name, found, wanted="")


if __name__ == "__main__":
    main()
