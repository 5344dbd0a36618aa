"""Does tune find by itself that LiteRT runs a MobileNet-sized uint8 file 12 times as fast as tflite-runtime?

    python benchmarks/tune.py [--seconds 20] [--cache FOLDER] [MODEL.tflite]

Without MODEL: MobileNetV2 (224x224, 1000 classes, random weights: they do not change the time), made into the cache
where it is not there. Both runtimes have to be installed. Printed are tune's table and the ratio of the best of each
runtime, over the rounds that both were in; exit code 1 when another runtime than the faster one was chosen, or (on
x86-64, without MODEL) when the ratio is below 10.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
from pathlib import Path

from end_to_end import mobilenet

from edgeready_device.model_file.reader import read_model_file
from edgeready_device.report.tune import tune_text
from edgeready_device.tuning.candidate import ratio
from edgeready_device.tuning.tune import TuneConfig, tune

GOAL = 10.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "edgeready-benchmarks"))
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    result = tune(read_model_file(options.model or mobilenet(options.cache)), TuneConfig(seconds=options.seconds))
    print(tune_text(result, None))
    best = {}
    for candidate in sorted(result.candidates, key=lambda each: each.median_s):
        if not candidate.note:
            best.setdefault(candidate.runtime.name, candidate)
    if len(best) < 2 or result.best is None:
        print("two runtimes whose answers agree are needed here")
        return 1
    fastest, other = list(best.values())[:2]
    found = ratio(other, fastest)
    print(f"{other.runtime} takes {found:.3g} times as long as {fastest.runtime}")
    goal = GOAL if options.model is None and platform.machine() == "x86_64" else 0.0
    return int(result.best.runtime != fastest.runtime or found < goal)


if __name__ == "__main__":
    raise SystemExit(main())
