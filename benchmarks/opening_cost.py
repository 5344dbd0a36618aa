"""What it costs to open a model with care: structure, hashes, and a foreign file's first run in a child process.

    python benchmarks/opening_cost.py MODEL.tflite...

The median of 30 readings in processor time, and of 5 first runs in wall time on each installed runtime: each with an
empty cache folder, and again with the record of the first.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial

from edgeready_device.errors import EdgereadyError
from edgeready_device.first_run import run_first
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.runtime.runtime import installed_runtimes
from edgeready_device.tflite.graph import read_graph
from edgeready_device.tflite.structure.verification import verified_graph


def median_ms(work: Callable[[], object], runs: int = 30) -> float:
    """The median processor time of `work` in milliseconds."""
    taken = []
    for _ in range(runs):
        before = time.process_time()
        work()
        taken.append(time.process_time() - before)
    return 1e3 * statistics.median(taken)


def first_run(path: str, runtime: str) -> tuple[str, str]:
    """The median wall time of a first run, or why there is none, and of what follows it in milliseconds."""
    first, later = [], []
    for _ in range(5):
        file = read_model_file(path)
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XDG_CACHE_HOME"] = folder
            try:
                first.append(run_first(file, runtime))
            except EdgereadyError as error:
                return str(error).partition(": ")[2][:40], "-"
            file = read_model_file(path)
            started = time.perf_counter()
            run_first(file, runtime)
            later.append(time.perf_counter() - started)
    return f"{statistics.median(first):.2f} s", f"{1e3 * statistics.median(later):.1f} ms"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    models = parser.parse_args().models
    runtimes = [runtime.name for runtime in installed_runtimes()]
    columns = [
        "file",
        "bytes",
        "tensors",
        "graph alone",
        "structure",
        "sha256",
        *(name for r in runtimes for name in (f"first run, {r}", "recorded")),
    ]
    print("| " + " | ".join(columns) + " |")
    print("|---" * (6 + 2 * len(runtimes)) + "|")
    for path in models:
        data = read_model_file(path).flatbuffer
        alone = median_ms(partial(read_graph, data, trusted=True))
        whole = median_ms(partial(verified_graph, data))
        hashed = median_ms(partial(hashlib.sha256, data))
        cells = [path.rpartition("/")[2], f"{len(data):,}", str(len(read_graph(data).tensors)), f"{alone:.1f} ms"]
        cells += [
            f"{whole - alone:.1f} ms",
            f"{hashed:.1f} ms",
            *(cell for runtime in runtimes for cell in first_run(path, runtime)),
        ]
        print("| " + " | ".join(cells) + " |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
