"""Seven modes of four networks on their real test sets, beside what the tutorials and articles say of them.

    python benchmarks/modes.py [--network tutorial-cnn ...] [--seed 1] [--out FOLDER]

Needs MNIST and CIFAR-10 (found in $EDGEREADY_DATA, in the Keras cache, or downloaded) and the extra `build`; with
--out FOLDER, which keeps files and pictures, the extra `plots`. Every network is trained here, with the seed given.
Latencies count on a quiet machine only. The articles' claims, with what is taken for "about":

- float16 is about half the size of float32 (1.75 to 2.25 times smaller);
- dynamic and integer are about a quarter (3.5 to 4.5 times smaller);
- accuracy stays within 1 point (the stricter end of "1-2 %").
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from edgeready.config.build import BuildConfig, DataConfig, OutputConfig, TrainConfig
from edgeready.report.modes import write_modes
from edgeready.workflows.build import build
from edgeready.workflows.modes import ModesReport, compare_modes
from edgeready_device.text import duration

NETWORKS = {
    "tutorial-cnn": ("mnist", 5),
    "opengenus-cnn": ("mnist", 5),
    "dropout-cnn": ("mnist", 1),
    "cifar-cnn": ("cifar10", 10),
}
MODES = ("float32", "dynamic", "float16", "int8-float-io", "int8", "uint8", "int16x8")
SMALLER = {"float16": (1.75, 2.25), **dict.fromkeys(MODES[1:2] + MODES[3:], (3.5, 4.5))}
CLOSE_POINTS = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", action="append", choices=NETWORKS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = []
    for network in options.network or NETWORKS:
        report = compared(network, options.seed, options.out and options.out / network)
        found.append(report)
        print(table(network, report), flush=True)
    print(claims(found))
    if options.out is not None:
        (options.out / "modes.json").write_text(json.dumps([report.to_dict() for report in found]), "utf-8")


def compared(network: str, seed: int, out: Path | None) -> ModesReport:
    data, epochs = NETWORKS[network]
    with tempfile.TemporaryDirectory() as name:
        trained = Path(name, f"{network}.keras")
        config = BuildConfig(
            data=DataConfig(source=data, seed=seed),
            model=network,
            output=OutputConfig(out=trained.with_suffix(".tflite"), save_keras=True, allow_cpu_ops=True),
            train=TrainConfig(epochs=epochs, seed=seed),
        )
        build(config)
        again = BuildConfig(
            data=DataConfig(source=data, seed=seed), model=str(trained), output=OutputConfig(allow_cpu_ops=True)
        )
        report = compare_modes(again, MODES, out=out)
    if out is not None:
        write_modes(report, out, plots=True)
    return report


def table(network: str, report: ModesReport) -> str:
    data, epochs = NETWORKS[network]
    lines = [
        f"\n{network}, {epochs} epochs, {len(report.test):,} test images of {data}; "
        f"{report.float32.latency.machine.processor}, {report.float32.latency.runtime}, 1 thread\n",
        "| mode | size | smaller | top-1 | 95 % interval | agrees | median | p90 | both runtimes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in report.rows:
        if row.measured is None:
            lines.append(f"| {row.mode.name} | {row.refusal} |")
            continue
        top1, summary = row.measured.accuracy.top1, row.measured.latency.summary
        low, high = top1.interval
        cells = (
            row.mode.name,
            f"{row.measured.flatbuffer_bytes:,} B",
            f"{report.smaller(row.measured):.2f}x",
            f"{100 * top1.value:.2f} %",
            f"{100 * low:.2f} to {100 * high:.2f} %",
            f"{100 * report.agreement(row.measured).value:.2f} %",
            duration(summary.median_s),
            "" if summary.p90_s is None else duration(summary.p90_s),
            "yes" if all(one.runs for one in row.tried) else "no",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def claims(found: list[ModesReport]) -> str:
    """Whether each claim holds, for each network and mode."""
    lines = ["", "| network | mode | smaller | as claimed | points lost | as claimed |", "|---|---|---|---|---|---|"]
    for report in found:
        for mode, measured in report.measured[1:]:
            low, high = SMALLER[mode.name]
            smaller = report.smaller(measured)
            lost = 100 * (report.float32.accuracy.top1.value - measured.accuracy.top1.value)
            about = f"{'yes' if low <= smaller <= high else 'no'}, about {2 if high < 3 else 4}x"
            cells = (report.network, mode.name, f"{smaller:.2f}x", about, f"{lost:+.2f}")
            lines.append(f"| {' | '.join(cells)} | {'yes' if abs(lost) <= CLOSE_POINTS else 'no'} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
