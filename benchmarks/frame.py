"""From a 224x224x3 uint8 frame to the input tensor: edgeready's table against the tutorials' float arithmetic.

    python benchmarks/frame.py [--repeats 40]

`tutorial` is (frame / 255.0 - mean) / std, then / scale + zero point, then the cast, as the tutorials write it: in
float64, since dividing uint8 by a Python float gives that. `float32` is the same with the frame cast first, as
label_image.py has it, and `one line` that without a name for what is in between, which lets numpy reuse its memory:
the fastest float path there is. They take turns with the table, ten calls each, of which the first only brings the
memory back into use; medians. Every tensor of ours is compared with exact fractions; the float paths truncate, and
wrap around where the table saturates.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from edgeready_device.normalization import Normalization
from edgeready_device.preprocess import FrameTable
from edgeready_device.quantization import QuantParams

GOAL = 3.0
CALLS = 10
CASES = {
    "pixels as they are, uint8": (Normalization((0.0,), (255.0,)), QuantParams(1 / 255, 0), "uint8"),
    "pixels as they are, int8": (Normalization((0.0,), (255.0,)), QuantParams(1 / 255, -128), "int8"),
    "-1 to 1, uint8": (Normalization((127.5,), (127.5,)), QuantParams(float(np.float32(2 / 255)), 127), "uint8"),
    "-1 to 1, int8": (Normalization((127.5,), (127.5,)), QuantParams(0.0078125, 0), "int8"),
    "any slope": (Normalization((123.675,), (58.395,)), QuantParams(0.0186, 114), "uint8"),
    "saturating": (Normalization((0.0,), (255.0,)), QuantParams(0.0038, 2), "uint8"),
    "steep": (Normalization((0.0,), (255.0,)), QuantParams(0.0019, 100), "uint8"),
    "three channels": (
        Normalization((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
        QuantParams(0.01866, 114),
        "uint8",
    ),
}
Path = Callable[[], np.ndarray]


def tutorials(frame: np.ndarray, normalization: Normalization, params: QuantParams, dtype: str) -> dict[str, Path]:
    """What the tutorials write, by a name."""
    mean, std = np.squeeze(np.array(normalization.mean)), np.squeeze(np.array(normalization.std))
    mean32, std32 = mean.astype(np.float32), std.astype(np.float32)
    scale, zero = params.scale, params.zero_point
    scale32, zero32 = np.float32(scale), np.float32(zero)

    def tutorial() -> np.ndarray:
        normalized = (frame / 255.0 - mean / 255.0) / (std / 255.0)
        return np.expand_dims(normalized / scale + zero, axis=0).astype(dtype)

    def float32() -> np.ndarray:
        normalized = (np.float32(frame) - mean32) / std32
        quantized = normalized / scale32 + zero32
        return np.expand_dims(quantized, axis=0).astype(dtype)

    def one_line() -> np.ndarray:
        return (((frame.astype(np.float32) - mean32) / std32) / scale32 + zero32).astype(dtype)[np.newaxis]

    return {"tutorial": tutorial, "float32": float32, "one line": one_line}


def exact(normalization: Normalization, params: QuantParams, dtype: str) -> list[list[int]]:
    """The 256 values of each channel by fractions."""
    limits = np.iinfo(dtype)
    rows = []
    for mean, std in zip(normalization.mean, normalization.std):
        step = Fraction(std) * Fraction(params.scale)
        values = [round((pixel - Fraction(mean)) / step) + params.zero_point for pixel in range(256)]
        rows.append([min(max(value, limits.min), limits.max) for value in values])
    return rows


def medians_us(paths: dict[str, Path], repeats: int) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(repeats):
        for name, path in paths.items():
            for call in range(CALLS):
                started = time.perf_counter()
                path()
                if call:
                    taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(times) * 1e6 for name, times in taken.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=40)
    options = parser.parse_args()
    frame = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    np.seterr(invalid="ignore")  # the tutorials' cast of what does not fit the type
    ratios = []
    for name, (normalization, params, dtype) in CASES.items():
        table = FrameTable.exact(normalization, params, dtype)
        peers = tutorials(frame, normalization, params, dtype)
        paths = {**peers, "edgeready": lambda table=table: table(frame)[np.newaxis]}
        rows = exact(normalization, params, dtype)
        channels = [np.array(rows[i % len(rows)])[frame[..., i]] for i in range(3)]
        if not (paths["edgeready"]()[0] == np.stack(channels, axis=-1)).all():
            print(f"{name}: NOT the exact tensor")
            return 1
        found = medians_us(paths, options.repeats)
        ratios.append((found["tutorial"] / found["edgeready"], found["one line"] / found["edgeready"]))
        print(f"{name}: exact, {ratios[-1][0]:.1f} times as fast as the tutorial, {ratios[-1][1]:.1f} as one line")
        print("  " + ", ".join(f"{path} {us:.1f} µs" for path, us in found.items()))
    slowest, strictest = (min(each[i] for each in ratios) for i in range(2))
    print(f"slowest case {slowest:.2f} times as fast as the tutorial (goal {GOAL:g}), {strictest:.2f} as one line")
    return int(slowest < GOAL)


if __name__ == "__main__":
    raise SystemExit(main())
