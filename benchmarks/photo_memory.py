"""Memory and CPU time of a training on folders of photos, beside plain Keras that streams them.

    python benchmarks/photo_memory.py [--counts 1000 5000 20000] [--size 160]

The photos are made here, in two classes. `edgeready` is `edgeready build` with the network below for one epoch,
through conversion and evaluation; `keras` is a script that trains the same network for one epoch on
`image_dataset_from_directory`, and does nothing else. `anonymous` is the most memory at a time that is no mapped
file, of all processes together; `resident` has the pages of mapped files, too, which leave the memory when another
needs it.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
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


def save_photos(folder: Path, count: int) -> None:
    """Writes `count` different JPEGs of 240x200 pixels into two classes of the folder."""
    noise = np.random.default_rng(1)
    for number in range(count):
        path = folder / ("cat" if number % 2 else "dog") / f"{number:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        small = noise.integers(0, 256, (25, 30, 3), np.uint8) // 2 + (100 if number % 2 else 20)
        Image.fromarray(small.astype(np.uint8)).resize((240, 200)).save(path, quality=80)


def memory_of_tree(root: int) -> tuple[int, int]:
    """Anonymous and resident memory in kB of the process `root` and all below it."""
    fields: dict[int, dict[str, int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            lines = (entry / "status").read_text().splitlines()
        except OSError:  # it has ended
            continue
        rows = dict(line.split(":", 1) for line in lines)
        names = ("PPid", "RssAnon", "RssShmem", "VmRSS")
        fields[int(entry.name)] = {name: int(rows.get(name, "0").split()[0]) for name in names}
    tree = {root}
    while more := {pid for pid, row in fields.items() if row["PPid"] in tree} - tree:
        tree |= more
    rows = [fields[pid] for pid in tree if pid in fields]
    return sum(row["RssAnon"] + row["RssShmem"] for row in rows), sum(row["VmRSS"] for row in rows)


def run(command: list[str], folder: Path) -> tuple[float, float, float]:
    """Runs the command; returns its most anonymous and most resident memory in MiB, and its CPU time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    anonymous = resident = 0
    while process.poll() is None:
        now = memory_of_tree(process.pid)
        anonymous, resident = max(anonymous, now[0]), max(resident, now[1])
        time.sleep(0.1)
    if process.returncode not in (0, 1):  # 1: a network of one epoch is no better than always the largest class
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return anonymous / 1024, resident / 1024, seconds


def main() -> None:
    """Prints the table, and the growth for each image between the smallest and the largest set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 5000, 20000])
    parser.add_argument("--size", type=int, default=160)
    options = parser.parse_args()
    print("| photos | program | anonymous | resident | CPU |\n|---|---|---|---|---|")
    peaks: dict[str, list[float]] = {"edgeready": [], "keras": []}
    for count in options.counts:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            save_photos(folder / "photos", count)
            (folder / "network.py").write_text(NETWORK)
            (folder / "plain.py").write_text(KERAS)
            build = ["-m", "edgeready", "build", "photos", "--image-size", str(options.size), "--epochs", "1"]
            commands = {
                "edgeready": [*build, "--model", "network.py:build", "--out", "photos.tflite"],
                "keras": ["plain.py", "photos", str(options.size)],
            }
            for program, arguments in commands.items():
                anonymous, resident, seconds = run([sys.executable, *arguments], folder)
                peaks[program].append(anonymous)
                print(
                    f"| {count:,} | {program} | {anonymous:,.0f} MiB | {resident:,.0f} MiB | {seconds:.0f} s |",
                    flush=True,
                )
    for program, values in peaks.items():
        if len(values) > 1:
            growth = 1024 * (values[-1] - values[0]) / (options.counts[-1] - options.counts[0])
            print(f"{program}: {growth:.1f} KiB of anonymous memory for each further photo")


if __name__ == "__main__":
    main()
