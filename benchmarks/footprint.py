"""What the device package costs beside the bare interpreter: memory, the time of --help, the size of the wheel.

    python benchmarks/footprint.py MODEL.tflite [--runtime ai-edge-litert] [--repeats 15]

Memory is what the kernel says of a fresh process after one inference: once with nothing but numpy and the runtime,
once with `Model.load` and `classify`, in turns; the median of the differences counts. The limits of memory and
time are the project's own; the wheel's size is only printed.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = """\
import importlib, sys
import numpy as np
module = importlib.import_module(sys.argv[2] + ".interpreter")
interpreter = module.Interpreter(model_content=open(sys.argv[1], "rb").read(), num_threads=1)
interpreter.allocate_tensors()
tensor, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
interpreter.set_tensor(tensor["index"], np.zeros(tensor["shape"], tensor["dtype"]))
interpreter.invoke()
interpreter.get_tensor(output["index"])
"""
OURS = """\
import sys
import numpy as np
from edgeready_device import Model
model = Model.load(sys.argv[1], runtime=sys.argv[2].replace("_", "-"))
model.classify(np.zeros(model.input.shape[1:], np.uint8))
"""
TELL = """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(status["VmRSS"].split()[0], status["VmHWM"].split()[0])
"""
MOST_MB, MOST_MS = 5.0, 150.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--runtime", default="ai-edge-litert")
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    resident, peak = memory_mb(options.model, options.runtime, options.repeats)
    help_ms = help_time_ms(options.repeats)
    wheel_kb = wheel_size_kb()
    print(f"memory over the bare interpreter  {resident:.2f} MB (limit {MOST_MB:g}), at the peak {peak:.2f} MB")
    print(f"edgeready-device --help           {help_ms:.0f} ms (limit {MOST_MS:g})")
    print(f"wheel                             {wheel_kb:.1f} kB")
    return int(resident > MOST_MB or help_ms > MOST_MS)


def memory_mb(model: Path, runtime: str, repeats: int) -> tuple[float, float]:
    """The median differences of the resident and the peak memory, in MB."""
    module = runtime.replace("-", "_")
    pairs = [(memory_kb(OURS, model, module), memory_kb(BARE, model, module)) for _ in range(repeats)]
    return tuple(statistics.median(ours[i] - bare[i] for ours, bare in pairs) * 1024 / 1e6 for i in range(2))


def memory_kb(code: str, model: Path, module: str) -> tuple[int, int]:
    """The resident and the peak memory of a process that runs `code`, in kB, as it prints them at its end."""
    command = [sys.executable, "-c", code + TELL, str(model), module]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    resident, peak = done.stdout.split()[-2:]
    return int(resident), int(peak)


def help_time_ms(repeats: int) -> float:
    command = shutil.which("edgeready-device", path=str(Path(sys.executable).parent)) or "edgeready-device"
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        subprocess.run([command, "--help"], capture_output=True, check=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:]) * 1e3  # the first fills the cache of byte code


def wheel_size_kb() -> float:
    device = Path(__file__).resolve().parents[1] / "device"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "device")  # building writes into the source tree
        shutil.copytree(device, copy, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, str(copy)]
        subprocess.run(command, check=True)
        return next(Path(folder).glob("*.whl")).stat().st_size / 1e3


if __name__ == "__main__":
    raise SystemExit(main())
