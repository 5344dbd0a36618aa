"""small-resnet on Fashion-MNIST and CIFAR-10 with an accuracy budget: what is lost, in which attempt, in what time.

    python benchmarks/accuracy_budget.py [--data fashion-mnist,cifar10] [--seeds 1] [--epochs 10] [--max-drop 0.3]

The same as `edgeready build DATA --model small-resnet --epochs 10 --max-drop 0.3`, whose figures on all 10,000 test
images it prints. Needs the sets (found in $EDGEREADY_DATA, in the Keras cache, or downloaded) and the extra `build`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from edgeready.config.build import BuildConfig, DataConfig, OutputConfig, QuantizeConfig, TrainConfig
from edgeready.workflows.build import build


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="fashion-mnist,cifar10")
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--max-drop", type=float, default=0.3, help="points of accuracy")
    given = parser.parse_args()
    print(f"{'data':14} {'seed':>4} {'float32':>8} {'uint8':>8} {'drop, 95 %':>24} {'mapped':>8} {'s':>5}  attempts")
    for data in given.data.split(","):
        for seed in given.seeds.split(","):
            print(row(data, int(seed), given.epochs, given.max_drop), flush=True)


def row(data: str, seed: int, epochs: int, max_drop: float) -> str:
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        config = BuildConfig(
            data=DataConfig(source=data, seed=seed),
            model="small-resnet",
            output=OutputConfig(out=Path(folder, "model.tflite")),
            train=TrainConfig(epochs=epochs, seed=seed),
            quantize=QuantizeConfig(max_drop=max_drop),
        )
        result = build(config)
    seconds = time.perf_counter() - started
    shares = [measured.accuracy.top1.value for measured in (result.comparison.baseline, result.comparison.model)]
    accuracies = " ".join(f"{100 * share:7.2f}%" for share in shares)
    choice = result.trail.attempts[result.trail.choice]
    low, high = (100 * end for end in choice.test.drop.interval)
    drop = f"{100 * choice.test.drop.value:+.2f} ({low:+.2f} to {high:+.2f})"
    mapped = f"{result.readiness.mapped}/{len(result.readiness.ops)}"
    attempts = ", ".join(f"{attempt.name} {100 * attempt.drop.value:+.2f}" for attempt in result.trail.attempts)
    return f"{data:14} {seed:4} {accuracies} {drop:>24} {mapped:>8} {seconds:5.0f}  {attempts}"


if __name__ == "__main__":
    main()
