"""Runs one model for long in a process of its own and prints what was wrong and what the memory grew by.

`python long_run.py MODEL RUNTIME JOB COUNT`, JOB one of loop, threads-own, threads-shared, load.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgeready_device import Model

THREADS = 8
FRAMES = np.random.default_rng(1).integers(0, 50, (16, 2, 2), dtype=np.uint8)


def expected(frame: np.ndarray) -> list[float]:
    """What `sums` gives, worked out by hand (device_models.py)."""
    p = frame.reshape(-1).astype(float)
    return [p[0] / 8, p[1] / 8, (p.sum() / 4 + 1) / 8]


def rss_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def wrong_answers(model: Model, count: int) -> int:
    right = [model.run(frame).tolist() for frame in FRAMES]
    for frame, values in zip(FRAMES, right):
        if not np.allclose(values, expected(frame), atol=1 / 8):
            return count
    best = [model.labels[int(np.argmax(values))] for values in right]
    wrong = 0
    for i in range(count):
        which = i % len(FRAMES)
        wrong += model.classify(FRAMES[which], 1)[0].label != best[which]
    return wrong


def in_threads(models: list[Model], count: int) -> int:
    found = [count] * len(models)

    def work(number: int) -> None:
        found[number] = wrong_answers(models[number], count)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(models))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(found)


def main(path: str, runtime: str, job: str, count: int) -> dict[str, int]:
    def load() -> Model:
        return Model.load(path, runtime=runtime, threads=1)

    def load_many(times: int) -> int:
        return sum(wrong_answers(load(), 0) for _ in range(times))

    jobs: dict[str, Callable[[int], int]]
    if job == "load":
        jobs = {job: load_many}
    elif job == "threads-own":
        own = [load() for _ in range(THREADS)]
        jobs = {job: lambda times: in_threads(own, times)}
    else:
        one = load()
        jobs = {
            "loop": lambda times: wrong_answers(one, times),
            "threads-shared": lambda times: in_threads([one] * THREADS, times),
        }
    wrong = jobs[job](max(count // 10, 1))  # the warm-up
    before = rss_bytes()
    wrong += jobs[job](count)
    return {"wrong": wrong, "grown_bytes": rss_bytes() - before}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))))
