"""Converts the architectures of keras.applications to uint8 and tells which the Edge TPU would run whole.

usage: python benchmarks/keras_applications.py [--only MobileNet,VGG16] [--size 96] [--no-fix] [--timeout 600]

Weights are random and inputs are the smallest that the architecture takes, 32x32 to 75x75, or `--size`: readiness
depends on ops and shapes, not on weights. Printed as Markdown, a line as each ends: ready (predicted) or not, mapped
ops, blockers, and what was rewritten with the same result.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

SMALLEST = {"Xception": 71, "InceptionV3": 75, "InceptionResNetV2": 75}
CLASSES = 10
SOURCE = """\
import keras

def make(input_shape, classes):
    return keras.applications.{name}(weights=None, input_shape=input_shape, classes=classes)
"""
NAMES = tuple(
    """
    MobileNet MobileNetV2 MobileNetV3Small MobileNetV3Large EfficientNetB0 EfficientNetB1 EfficientNetB2
    EfficientNetB3 EfficientNetB4 EfficientNetB5 EfficientNetB6 EfficientNetB7 EfficientNetV2B0 EfficientNetV2B1
    EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2S EfficientNetV2M EfficientNetV2L DenseNet121 DenseNet169
    DenseNet201 NASNetMobile NASNetLarge ResNet50 ResNet101 ResNet152 ResNet50V2 ResNet101V2 ResNet152V2 VGG16
    VGG19 Xception InceptionV3 InceptionResNetV2 ConvNeXtTiny ConvNeXtSmall ConvNeXtBase ConvNeXtLarge
    ConvNeXtXLarge
    """.split()
)


def one(name: str, size: int, fix: bool) -> dict[str, Any]:
    """Converts one architecture here and returns what came of it."""
    import numpy as np

    from edgeready.config.build import NetworkConfig
    from edgeready.errors import EdgereadyError
    from edgeready.jobs.job import Job
    from edgeready.jobs.run_job import run_job
    from edgeready.readiness import check_graph
    from edgeready_device.normalization import Normalization

    frames = np.random.default_rng(1).integers(0, 256, (4, size, size, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "application.py")
        source.write_text(SOURCE.format(name=name), "utf-8")
        raw = "NetV3" in name or name.startswith(("EfficientNet", "ConvNeXt"))  # these scale pixels themselves
        scaled = Normalization((0.0,), (1.0,)) if raw else Normalization((127.5,), (127.5,))
        network = NetworkConfig(mean=scaled.mean, std=scaled.std, fix=fix)
        job = Job(model=f"{source}:make", classes=CLASSES, images=frames, calibration=frames, network=network)
        try:
            result = run_job(job, lambda stage, done, total: None)
        except EdgereadyError as error:
            return {"error": str(error)}
    if "uint8" in result.refusals:
        return {"error": result.refusals["uint8"]}
    model = result.models["uint8"]
    report = check_graph(model.graph)
    return {
        "ops": len(report.ops),
        "mapped": report.mapped,
        "ready": report.ready,
        "verdict": report.verdict,
        "bytes": len(model.flatbuffer),
        "macs": report.cost.macs if report.cost else 0,
        "rewrites": Counter(line.partition(": ")[2] for line in result.rewrites),
        "proposed": sorted({line.partition(": ")[2] for line in result.proposals}),
        "blockers": [
            {"rule": b.rule, "op": "" if b.op is None else report.ops[b.op].name, "behind": b.impact.work.ops}
            for b in (*report.blockers, *report.risks)
        ],
    }


def in_a_child(name: str, size: int, fix: bool, timeout_s: float) -> dict[str, Any]:
    """What `one` finds, in a process that is stopped after `timeout_s`."""
    command = [sys.executable, __file__, "--one", name, "--size", str(size), *([] if fix else ["--no-fix"])]
    started = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
        found = (
            json.loads(done.stdout) if done.returncode == 0 else {"error": (done.stderr.splitlines() or ["?"])[-1]}
        )
    except subprocess.TimeoutExpired:
        found = {"error": f"stopped after {timeout_s:g} s"}
    return {"name": name, "size": size, **found, "seconds": round(time.perf_counter() - started, 1)}


def line(found: dict[str, Any]) -> str:
    """One line of the Markdown table."""
    head = f"| {found['name']} | {found['size']} |"
    if "error" in found:
        return f"{head} | | | {found['error']} | {found['seconds']} |"
    kinds = Counter(f"{b['rule']}{' ' if b['op'] else ''}{b['op']}" for b in found["blockers"])
    why = ", ".join(f"{count} x {kind}" for kind, count in kinds.items())
    rewrites = "; ".join(f"{count} x {what}" for what, count in found["rewrites"].items())
    share = f"{found['mapped']}/{found['ops']}"
    return f"{head} {found['verdict']} | {share} | {why or '-'} | {rewrites or '-'} | {found['seconds']} |"


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default=",".join(NAMES), help="names, comma between")
    parser.add_argument("--size", type=int, default=0, help="pixels; the default is the smallest that works")
    parser.add_argument("--no-fix", action="store_true", help="rewrite no layer")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for each")
    parser.add_argument("--json", type=Path, help="write the results into this file, too")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.one, given.size, not given.no_fix)))
        return
    print("| architecture | input | ready | mapped | blockers | rewritten | seconds |\n|---|---|---|---|---|---|---|")
    results = []
    for name in given.only.split(","):
        size = given.size or SMALLEST.get(name, 32)
        results.append(in_a_child(name, size, not given.no_fix, given.timeout))
        print(line(results[-1]), flush=True)
        if given.json:
            given.json.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    ready = sum(found.get("ready", False) for found in results)
    print(f"\n{ready} of {len(results)} are Edge-TPU ready (predicted)")


if __name__ == "__main__":
    main()
