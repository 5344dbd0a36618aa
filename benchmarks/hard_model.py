"""A network made to be hard to quantize: uint8 accuracy by min-max calibration and within the accuracy budget.

    python benchmarks/hard_model.py [--data mnist] [--epochs 3] [--max-drop 1]

Trains the depthwise network of tests/host/hard_net.py, scales its channels by powers of two (the float results stay
the same to the bit), and converts both forms, plainly and with --max-drop.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

NETWORK = Path(__file__).parents[1] / "tests" / "host" / "hard_net.py"


def converted(source: Path, data: str, *options: str) -> dict:
    """What `edgeready convert --json` says; the trail of a refusal too."""
    out = source.with_suffix(".tflite")
    command = [sys.executable, "-m", "edgeready", "convert", str(source), "--data", data, "--out", str(out), "--json"]
    done = subprocess.run([*command, *options], stdout=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"edgeready convert ended with {done.returncode}")
    return json.loads(done.stdout)


def row(name: str, result: dict) -> str:
    float32, uint8 = (result[mode]["accuracy"]["top1"] for mode in ("float32", "uint8"))
    drop = 100 * (float32["value"] - uint8["value"])
    ready = result["readiness"]
    return (
        f"| {name} | {100 * float32['value']:.2f} % | {100 * uint8['value']:.2f} % | {drop:.2f} | "
        f"{ready['mapped']} of {len(ready['ops'])} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--epochs", default="3")
    parser.add_argument("--max-drop", default="1")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scaled, plain = Path(folder, "scaled.keras"), Path(folder, "plain.keras")
        made = subprocess.run(
            [sys.executable, str(NETWORK), asked.data, asked.epochs, str(scaled), str(plain)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        print(made.stdout.strip().splitlines()[-1], "between the float results of the two forms")
        print("| network | float32 | uint8 | points lost | ops mapped |\n|---|---|---|---|---|")
        print(row("as trained, min-max", converted(plain, asked.data)))
        print(row("badly scaled, min-max", converted(scaled, asked.data)))
        kept = converted(scaled, asked.data, "--max-drop", asked.max_drop)
        if kept["budget"]["choice"] is not None:
            print(row(f"badly scaled, --max-drop {asked.max_drop}", kept))
    print("\ntrail:")
    for attempt in kept["budget"]["attempts"]:
        judged, low, high = attempt["judged"], *(100 * end for end in attempt["judged"]["drop_interval95"])
        print(
            f"  {attempt['name']}: {100 * judged['drop']:.2f} points lost ({low:.2f} to {high:.2f}) of "
            f"{judged['images']} images, {attempt['size_bytes']} B, {attempt['seconds']:.1f} s"
        )
    print("verdict:", kept["budget"]["verdict"])


if __name__ == "__main__":
    main()
