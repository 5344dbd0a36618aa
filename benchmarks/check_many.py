"""Times `edgeready check` on many models in one command, and measures the memory that it takes at most.

usage: python benchmarks/check_many.py [FOLDER] [--models 100]

FOLDER holds .tflite files or a `models.zip` of them, which are repeated until there are as many as asked for. Without
one the files are made here: a dense layer each, the largest of 32 MB. Printed: the seconds of the whole command, its
peak memory, and the bound of twice the largest file plus 150 MB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from itertools import cycle, islice
from pathlib import Path

ROOT = Path(__file__).parents[1]


def make(folder: Path) -> None:
    """Writes models of one dense layer each, from 64 kB to 32 MB."""
    sys.path.insert(0, str(ROOT / "tests"))
    import numpy as np
    from tflite_models import T, one_op

    for outputs in (64, 512, 4096, 32_768):
        weights = T("w", data=np.zeros((outputs, 1024), np.int8), scale=0.1)
        ends = T("x", (1, 1024), "int8", 0.1), T("y", (1, outputs), "int8", 0.1)
        data = one_op("FULLY_CONNECTED", [ends[0], weights], [ends[1]], version=4)
        (folder / f"dense-{outputs}.tflite").write_bytes(data)


def found(folder: Path, scratch: Path) -> list[Path]:
    """The .tflite files in `folder`, or in its models.zip."""
    if (folder / "models.zip").is_file():
        with zipfile.ZipFile(folder / "models.zip") as archive:
            archive.extractall(scratch)
        folder = scratch
    return sorted(folder.glob("*.tflite"))


def main() -> None:
    """Runs the command once and prints the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER")
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--make", action="store_true", help="only write the models of this script into FOLDER")
    given = parser.parse_args()
    if given.make:
        make(given.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        if not given.folder:  # by a process of its own: a child's peak memory starts with that of its parent
            subprocess.run([sys.executable, __file__, "--make", name], check=True)
        paths = found(given.folder or Path(name), Path(name))
        if not paths:
            parser.error(f"{given.folder} holds no .tflite file and no models.zip")
        files = list(islice(cycle(paths), given.models))
        largest = max(path.stat().st_size for path in paths)
        started = time.perf_counter()
        command = [sys.executable, "-m", "edgeready", "check", *map(str, files)]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)  # of this child alone
        seconds = time.perf_counter() - started
    code, peak = os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024
    bound = 2 * largest + 150_000_000
    print(f"{len(files)} models ({len(paths)} different, the largest {largest:,} bytes), exit code {code}")
    print(f"{seconds:.2f} s")
    print(f"peak memory {peak:,} bytes, bound {bound:,}: {'within' if peak <= bound else 'ABOVE'}")


if __name__ == "__main__":
    main()
