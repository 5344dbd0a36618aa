"""What several devices make of the speed of a training: images a second with one, with two, and with two workers.

    python benchmarks/devices.py [--images 1024] [--size 32] [--batch 64] [--epochs 4] [--devices cpu:2]

Needs the extra build. Noise is trained on by `edgeready build`: on one device, on --devices (2 where there are GPUs),
and by two workers on this machine's loopback address. The quickest epoch after the first counts, because others wait
for whatever else the machine does. Printed as Markdown, with the ratio to one device.

On a machine without GPUs the devices share the cores that one has to itself, so a ratio near 1 is the best to expect,
and what is below is the price of dealing out the batches and of adding up the gradients. It says nothing about GPUs.
On a machine that does something else, two processes also get more of it than one: look at the load average.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np

CLASSES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--model", default="small-resnet")
    parser.add_argument("--devices", default="cpu:2")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_noise(folder / "noise.npz", options.images, options.size)
        words = ["--model", options.model, "--epochs", str(options.epochs), "--batch-size", str(options.batch)]
        rates = {
            "one device": train(folder, words, options.images, [None]),
            f"--devices {options.devices}": train(
                folder, [*words, "--devices", options.devices], options.images, [None]
            ),
            "two workers": train(folder, words, options.images, cluster()),
        }
    print(
        f"| {options.model}, {options.size}x{options.size}, batches of {options.batch} | images/s | to one device |"
    )
    print("|---|---|---|")
    for case, rate in rates.items():
        print(f"| {case} | {rate:.0f} | {rate / rates['one device']:.2f} |")
    print(f"\n{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}")


def write_noise(path: Path, images: int, size: int) -> None:
    """Writes a set of `images` to train on, and a few to test."""
    noise, labels = np.random.default_rng(1), np.arange(images + 200) % CLASSES
    pixels = noise.integers(0, 256, (images + 200, size, size, 3), dtype=np.uint8)
    parts = {"x_train": pixels[:images], "y_train": labels[:images]}
    np.savez(path, **parts, x_test=pixels[images:], y_test=labels[images:])


def cluster() -> list[str]:
    """Returns TF_CONFIG for each of two workers on this machine."""
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        workers = [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]
    tasks = [{"type": "worker", "index": index} for index in range(2)]
    return [json.dumps({"cluster": {"worker": workers}, "task": task}) for task in tasks]


def train(folder: Path, words: list[str], images: int, groups: list[str | None]) -> float:
    """Returns the images a second of a training by a process for each of `groups`, the first of which is chief."""
    log = folder / "epochs.csv"
    command = [sys.executable, "-m", "edgeready", "-q", "build", str(folder / "noise.npz"), *words]
    command += ["--augment", "none", "--out", str(folder / "model.tflite"), "--log-csv", str(log)]
    processes = [
        subprocess.Popen(
            command,
            env={**os.environ, **({} if group is None else {"TF_CONFIG": group})},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for group in groups
    ]
    for process in processes:
        _, errors = process.communicate()
        if process.returncode not in (0, 1):  # 1: noise teaches nothing, and the report says so
            raise SystemExit(errors)
    lines = [line.split(",") for line in log.read_text("utf-8").splitlines()]
    seconds = [float(line[lines[0].index("seconds")]) for line in lines[1:]]
    return images / min(seconds[1:])


if __name__ == "__main__":
    main()
