"""Memory and CPU time of a training on folders of photos, beside plain Keras that streams them.

`benchmarks/photos.py` calls it. The photos are made here, in two classes. `first` is `edgeready build` with the
network below for one epoch, through conversion and evaluation; `again` is the same with the decoded photos of the
first run, `decoded again` with none kept on the disk; `keras` is a script that trains the same network for one epoch
on `image_dataset_from_directory`, and does nothing else.

Each figure is the most at a time of all processes together: `anonymous` is memory that is no file, `resident` all
that is in use, with the pages of mapped files, of which those that two processes share count once (PSS).
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

NETWORK = """
import keras

def build(input_shape, classes):
    return keras.Sequential([
        keras.Input(input_shape),
        keras.layers.Conv2D(8, 3, strides=4, activation="relu"),
        keras.layers.Conv2D(16, 3, strides=4, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(classes),
    ])
"""
KERAS = """
import sys
import keras
from network import build

size = int(sys.argv[2])
data = keras.utils.image_dataset_from_directory(sys.argv[1], image_size=(size, size), batch_size=32, verbose=False)
model = build((size, size, 3), 2)
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(data.map(lambda images, labels: (images / 255, labels)), epochs=1, verbose=0)
"""
SETTLED_S = 3  # photos that were written within the last two seconds are not kept for the next run


@dataclass(frozen=True)
class Usage:
    """The most memory of a command in MiB, and its CPU time in seconds."""

    anonymous: float
    resident: float
    seconds: float


def save_photos(folder: Path, count: int, width: int, height: int) -> None:
    """Writes `count` different JPEGs into two classes of the folder."""
    noise = np.random.default_rng(1)
    for number in range(count):
        path = folder / ("cat" if number % 2 else "dog") / f"{number:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        small = noise.integers(0, 256, (25, 30, 3), np.uint8) // 2 + (100 if number % 2 else 20)
        Image.fromarray(small.astype(np.uint8)).resize((width, height)).save(path, quality=80)


def save_arrays(path: Path, count: int, side: int) -> None:
    """Writes a .npz with `count` RGB pictures of `side` pixels in two classes, deflated, without holding them all."""
    noise = np.random.default_rng(1)
    labels = np.arange(count) % 2
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("x.npy", "w", force_zip64=True) as member:
            header = {"descr": "|u1", "fortran_order": False, "shape": (count, side, side, 3)}
            np.lib.format.write_array_header_1_0(member, header)
            for start in range(0, count, 1000):
                some = labels[start : start + 1000]
                pictures = (
                    noise.integers(0, 128, (len(some), side, side, 3), np.uint8) + 80 * some[:, None, None, None]
                )
                member.write(pictures.astype(np.uint8).tobytes())
        with archive.open("y.npy", "w") as member:
            np.lib.format.write_array(member, labels)


def memory_of_tree(root: int) -> tuple[int, int]:
    """Anonymous and resident memory in kB of the process `root` and all below it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it has ended
                continue
    tree = {root}
    while more := {pid for pid, parent in parents.items() if parent in tree} - tree:
        tree |= more
    anonymous = resident = 0
    for pid in tree:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        except OSError:
            continue
        rows = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)}
        anonymous, resident = anonymous + rows["Pss_Anon"] + rows["Pss_Shmem"], resident + rows["Pss"]
    return anonymous, resident


def run(command: list[str], folder: Path, **variables: str) -> Usage:
    """Runs the command with `variables` in its environment."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "XDG_CACHE_HOME": str(folder / "cache"), **variables}
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        anonymous = resident = 0
        while process.poll() is None:
            now = memory_of_tree(process.pid)
            anonymous, resident = max(anonymous, now[0]), max(resident, now[1])
            time.sleep(0.1)
    if process.returncode not in (0, 1):  # 1: a network of one epoch is no better than always the largest class
        raise SystemExit(f"{(folder / 'log.txt').read_text()}{' '.join(command)} ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Usage(anonymous / 1024, resident / 1024, seconds)


def measure_programs(count: int, side: int, programs: Sequence[str], width: int, height: int) -> dict[str, Usage]:
    """The usage of each of the programs on `count` photos of the given size, as frames of `side` pixels."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_photos(folder / "photos", count, width, height)
        (folder / "network.py").write_text(NETWORK)
        (folder / "plain.py").write_text(KERAS)
        time.sleep(SETTLED_S)
        build = [sys.executable, "-m", "edgeready", "build", "photos", "--image-size", str(side), "--epochs", "1"]
        build += ["--model", "network.py:build", "--out", "photos.tflite"]
        usages = {}
        for program in programs:
            if program == "keras":
                usages[program] = run([sys.executable, "plain.py", "photos", str(side)], folder)
            else:
                limit = {"EDGEREADY_DISK_LIMIT": "0"} if program == "decoded again" else {}
                usages[program] = run(build, folder, **limit)
        return usages


def measure_arrays(counts: list[int], side: int) -> None:
    """Prints a table of one epoch on .npz files of `counts` pictures, and what each further picture takes."""
    print("| pictures in a .npz | anonymous | resident | CPU |\n|---|---|---|---|")
    usages = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "network.py").write_text(NETWORK)
        for count in counts:
            save_arrays(folder / "pictures.npz", count, side)
            build = [sys.executable, "-m", "edgeready", "build", "pictures.npz", "--epochs", "1"]
            usage = run([*build, "--model", "network.py:build", "--out", "pictures.tflite"], folder)
            usages.append(usage)
            print(
                f"| {count:,} | {usage.anonymous:,.0f} MiB | {usage.resident:,.0f} MiB | {usage.seconds:.0f} s |",
                flush=True,
            )
    more = max(counts[-1] - counts[0], 1)
    for kind in ("anonymous", "resident"):
        growth = 1024 * (getattr(usages[-1], kind) - getattr(usages[0], kind)) / more
        print(f"{growth:.2f} KiB of {kind} memory for each further picture")


def compare_memory(
    counts: list[int], side: int, programs: Sequence[str], width: int = 240, height: int = 200
) -> dict[str, float]:
    """Prints a table of `counts` photos by program; returns the growth in KiB of resident memory for each photo."""
    print("| photos | program | anonymous | resident | CPU |\n|---|---|---|---|---|")
    peaks: dict[str, list[float]] = {program: [] for program in programs}
    for count in counts:
        for program, usage in measure_programs(count, side, programs, width, height).items():
            peaks[program].append(usage.resident)
            print(
                f"| {count:,} | {program} | {usage.anonymous:,.0f} MiB | {usage.resident:,.0f} MiB "
                f"| {usage.seconds:.0f} s |",
                flush=True,
            )
    growth = {
        program: 1024 * (values[-1] - values[0]) / max(counts[-1] - counts[0], 1) for program, values in peaks.items()
    }
    for program, value in growth.items():
        print(f"{program}: {value:.1f} KiB of resident memory for each further photo")
    return growth
