"""Do the times of a model's ops, as `profile` has them, add up to a run, and what does the profiler cost?

    python benchmarks/op_times.py [--threads 1] [--seconds 8] [--cache FOLDER] [MODEL.tflite ...]

Without MODEL: MobileNetV2 (224x224, 1000 classes, random weights: they do not change the time), made into the cache
where it is not there. Printed are, for each file, a run without the profiler, the sum of the ops and its part of that
run, and a run with the profiler; exit code 1 where a sum is not 90 to 105 % of the run. The machine should do nothing
else meanwhile.
(It is not called profile.py: that would hide the standard library's module from every script in this folder.)
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from end_to_end import mobilenet

from edgeready_device.profiling.profile import ProfileConfig, profile


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "edgeready-benchmarks"))
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    config = ProfileConfig(threads=options.threads, min_time_s=options.seconds)
    red = 0
    print("| model | a run | sum of the ops | with the profiler | same outputs |\n|---|---|---|---|---|")
    for path in options.models or [mobilenet(options.cache)]:
        result = profile(path, config)
        red += not result.trusted
        run_s, profiled_s = result.run_s, result.profiled_run_s
        cells = (
            path.stem,
            f"{1e3 * run_s:.3f} ms",
            f"{1e3 * result.sum_s:.3f} ms, {100 * result.covered:.1f} %",
            f"{1e3 * profiled_s:.3f} ms, {100 * (profiled_s / run_s - 1):+.1f} %",
            "yes" if result.same_outputs else "NO",
        )
        print(f"| {' | '.join(cells)} |")
    return int(red > 0)


if __name__ == "__main__":
    raise SystemExit(main())
