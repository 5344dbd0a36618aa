"""Runs on the board (or under QEMU): do the host's models answer here as they answered on the host?

    python tests/arm64/contract.py --runtime NAME [--cpu-part 0xd08] [--models NAME,...]

First it asserts that the emulated CPU is the one that was asked for and that the program knows it is emulated: QEMU
7.2 shows the host's /proc/cpuinfo, and its default CPU computes wrong numbers in silence. Then each model of
tests/data/arm64 is verified, evaluated and its pictures classified by the command (one is profiled, too), and its raw
outputs are held against those that make_models.py recorded on the host for the same runtime and kernels. One JSON
document comes out, a row per model and kernels; exit code 1 when a row did not pass.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready_device.evaluation import load_examples
from edgeready_device.images.decode import load_frame
from edgeready_device.model import Model
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.runtime.runtime import choose_runtime

DATA = Path(__file__).resolve().parents[1] / "data" / "arm64"
# The largest difference in steps that the same runtime, version and kernels may show between x86-64 and arm64: stated
# here again, apart from verify.py, because that one is under test.
BOUNDS = {
    ("ai-edge-litert", "default"): 1,
    ("ai-edge-litert", "reference"): 0,
    ("tflite-runtime", "default"): 6,  # measured: 4 on residual, 1 on rgb, 0 on the others; 6 on a ResNet-14
    ("tflite-runtime", "reference"): 0,
}

PROFILED = ("residual", "ai-edge-litert")  # one model, for each takes half a minute under emulation


@dataclass(frozen=True)
class Row:
    """One model on one runtime and kernel path; `reason` says why it did not pass, or is empty."""

    model: str
    runtime: str
    kernels: str
    steps: int
    bound: int
    agreement: tuple[int, int]
    reason: str = ""


def main() -> int:
    """Prints the document; 0 when every row passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", required=True)
    parser.add_argument("--cpu-part", help="assert this part in /proc/cpuinfo, and that the machine is emulated")
    parser.add_argument("--models", default="tutorial,residual,depthwise,rgb")
    options = parser.parse_args()
    check_machine(options.cpu_part)
    facts = json.loads((DATA / "recorded.json").read_text("utf-8"))
    for name in facts:
        facts[name]["emulated"] = options.cpu_part is not None
    rows = [row for name in options.models.split(",") for row in check(name, facts[name], options.runtime)]
    print(json.dumps({"runtime": str(choose_runtime(options.runtime)), "rows": [asdict(row) for row in rows]}))
    return int(any(row.reason for row in rows))


def check_machine(part: str | None) -> None:
    """Ends the process unless the CPU is the part (None: any, and not emulated)."""
    cpuinfo = Path("/proc/cpuinfo").read_text("utf-8")
    parts = {line.split(":")[1].strip() for line in cpuinfo.splitlines() if line.startswith("CPU part")}
    if part is not None and parts != {part}:
        sys.exit(f"the emulated CPU is not the one asked for: CPU part {sorted(parts) or 'none'}, not {part}")
    emulated = command("info")["machine"]["emulated"]
    if emulated is not (part is not None):
        sys.exit(f"edgeready-device info says emulated: {emulated}, which is wrong")


def command(*arguments: str, codes: tuple[int, ...] = (0,)) -> Any:
    """The JSON document of `edgeready-device ARGUMENTS --json`."""
    line = [sys.executable, "-m", "edgeready_device", *arguments, "--json"]
    done = subprocess.run(line, capture_output=True, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    if done.returncode not in codes:
        raise Failure(f"{arguments[0]} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout)


class Failure(Exception):
    """Why a row did not pass."""


def check(name: str, facts: dict[str, Any], runtime: str) -> list[Row]:
    """The rows of one model, one a kernel path."""
    rows = []
    for kernels in ("default", "reference"):
        row = Row(name, runtime, kernels, -1, BOUNDS[runtime, kernels], (0, 0))
        try:
            row = compared(row, facts)
            if kernels == "default":
                commands(name, facts, runtime)
                if (name, runtime) == PROFILED:
                    profiled(name, facts["emulated"])
        except Failure as failure:
            row = replace(row, reason=str(failure))
        rows.append(row)
    return [verified(row, report) for row, report in zip(rows, verify_paths(name, runtime))]


def compared(row: Row, facts: dict[str, Any]) -> Row:
    """The row with its differences to the recording; raises Failure where they are too large."""
    model = Model.load(DATA / f"{row.model}.tflite", runtime=row.runtime, kernels=row.kernels)
    spec = model.contract.frame
    frames = load_examples(DATA / facts["data"], spec, model.labels).frames[: len(facts["truth"])]
    pictures = [
        load_frame(DATA / file, spec.height, spec.width, spec.channels, spec.resize) for file in facts["pictures"]
    ]
    key = f"{row.model}/{model.runtime} {row.kernels}"
    with np.load(DATA / "recorded.npz") as recorded:
        if f"{key}/data" not in recorded:
            raise Failure(f"the host recorded nothing for {model.runtime} {row.kernels}")
        expected = np.concatenate([recorded[f"{key}/data"], recorded[f"{key}/pictures"]])
    found = np.concatenate([model.invoke_many(frames), model.invoke_many(np.stack(pictures))])
    return judged(row, expected.astype(np.int64), found.astype(np.int64))


def judged(row: Row, expected: NDArray[np.int64], found: NDArray[np.int64]) -> Row:
    """The row with the largest difference. The winners must be the same; where the bound is above 1, only those that
    lead by more than twice the bound.
    """
    steps = int(np.abs(expected - found).max())
    same = expected.argmax(axis=1) == found.argmax(axis=1)
    row = replace(row, steps=steps, agreement=(int(same.sum()), len(same)))
    ranked = np.sort(expected, axis=1)
    undecided = 2 * row.bound if row.bound > 1 else -1
    flipped = int((~same & (ranked[:, -1] - ranked[:, -2] > undecided)).sum())
    if steps > row.bound or flipped:
        return replace(row, reason=f"up to {steps} steps off, {flipped} winners flipped")
    return row


def commands(name: str, facts: dict[str, Any], runtime: str) -> None:
    """Raises Failure unless evaluate and classify say what the raw outputs say, worked out here."""
    model, path = Model.load(DATA / f"{name}.tflite", runtime=runtime), str(DATA / f"{name}.tflite")
    spec = model.contract.frame
    truth = np.array(facts["truth"])
    frames = load_examples(DATA / facts["data"], spec, model.labels).frames[: len(truth)]
    right = int((model.invoke_many(frames).argmax(axis=1) == truth).sum())
    report = command("evaluate", path, str(DATA / facts["data"]), "--runtime", runtime)
    if (report["top1"]["hits"], report["top1"]["count"]) != (right, len(truth)):
        raise Failure(f"evaluate counts {report['top1']['hits']} of {report['top1']['count']}, expected {right}")
    files = [str(DATA / file) for file in facts["pictures"]]
    answers = command("classify", path, *files, "--runtime", runtime, "--top", str(len(facts["labels"])))
    for file, answer in zip(files, answers):
        raw = model.invoke(model.quantize(load_frame(file, spec.height, spec.width, spec.channels, spec.resize)))
        expected = dict(zip(facts["labels"], scores(raw, facts)))
        found = {prediction["label"]: prediction["score"] for prediction in answer["predictions"]}
        worst = max(abs(expected[label] - found.get(label, 9)) for label in expected)
        if worst > 1e-6:
            raise Failure(f"classify's scores of {Path(file).name} are off by {worst:.2g}")


def profiled(name: str, emulated: bool) -> None:
    """Raises Failure unless profile names the ops of the file; what they take on an emulated CPU says nothing."""
    path = DATA / f"{name}.tflite"
    ops = read_model_file(path).graph.ops
    report = command("profile", str(path), "--runs", "2", "--min-time", "0", "--threads", "1")
    faults = [row for row in report["ops"] if not row["kernels"] or row["time_s"] < 0]
    for row in report["ops"]:
        names = [ops[index].name if index < len(ops) else "" for index in row["ops"]]
        if not names or "/".join(dict.fromkeys(names)) != row["operator"]:
            faults.append(row)
    heavy = {op.index for op in ops if op.name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")}
    certain = {row["ops"][0] for row in report["ops"] if len(row["ops"]) == 1 and row["xnnpack"]}
    if faults or not heavy <= certain:
        raise Failure(f"profile says {faults[:1]}, and has no row of its own for ops {sorted(heavy - certain)}")
    if (report["same_outputs"], report["emulated"]) != (True, emulated) or report["sum_s"] <= 0:
        raise Failure(f"profile says same outputs {report['same_outputs']}, emulated {report['emulated']}")


def scores(raw: NDArray[Any], facts: dict[str, Any]) -> list[float]:
    """Scores from 0 to 1 of a raw output, from the scale that LiteRT reported on the host."""
    scale, zero_point = facts["output_quantization"]
    values = (raw.astype(np.float64) - zero_point) * scale
    if facts["scores"] == "logits":
        values = np.exp(values - values.max())
        values /= values.sum()
    return [float(value) for value in values]


def verify_paths(name: str, runtime: str) -> list[dict[str, Any]]:
    """What `edgeready-device verify` says of each kernel path; the verdict may be no."""
    paths = command("verify", str(DATA / f"{name}.tflite"), "--runtime", runtime, codes=(0, 1))["paths"]
    return [next(path for path in paths if path["kernels"] == kernels) for kernels in ("default", "reference")]


def verified(row: Row, path: dict[str, Any]) -> Row:
    """The row with what verify said of the golden vectors inside the file."""
    hits, count = row.agreement
    share = path["agreement"]
    row = replace(
        row,
        steps=max(row.steps, path["largest_steps"]),
        agreement=(hits + share["hits"], count + share["count"]),
    )
    if row.reason or (path["passed"] and not path["note"] and path["largest_steps"] <= row.bound):
        return row
    said = path["note"] or f"up to {path['largest_steps']} steps off, {share['hits']} of {share['count']} winners"
    return replace(row, reason=f"verify: {said}")


if __name__ == "__main__":
    sys.exit(main())
