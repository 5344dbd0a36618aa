"""Makes the same networks integer again and again: how many files come out, and how many of them hold floats.

    python benchmarks/chance.py [--runs 10]

Needs the extra build. The networks cut tensors into pieces of which nothing reads some: unrolled LSTM and GRU (in
their first step), SPLIT and UNPACK. Each is made by TensorFlow's quantizer from the float32 file as the converter
writes it, then with slices in place of such ops, as edgeready does it, by both engines, each run from the observed
ranges on. Printed as Markdown: the number of different files, and the number of runs whose file has floats inside.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile

NETWORKS = ("lstm", "gru", "bidirectional_lstm", "split", "unstack")
MAKE = """
import sys
from pathlib import Path
import keras
from edgeready.config.build import SourceConfig
from edgeready.tf import convert
layers, folder = keras.layers, Path(sys.argv[1])

def save(name, make):
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 6))
    model = keras.Model(image, layers.Dense(4)(layers.Flatten()(make(image))))
    (folder / f"{name}.tflite").write_bytes(convert.to_float32(convert.freeze(model), SourceConfig()))

save("lstm", layers.LSTM(8, unroll=True))
save("gru", layers.GRU(8, unroll=True))
save("bidirectional_lstm", layers.Bidirectional(layers.LSTM(8, unroll=True)))
save("split", lambda image: keras.ops.split(layers.Dense(6, activation="relu")(image), 3, axis=-1)[1])
save("unstack", lambda image: keras.ops.unstack(layers.Dense(6, activation="relu")(image), axis=1)[3])
"""
QUANTIZE = """
import sys
from pathlib import Path
import numpy as np
from edgeready.config.method import Method
from edgeready.engine.quantizer import observe
from edgeready.engine.unread_pieces import slice_pieces
from edgeready.quantization.samples import Samples
from edgeready_device.tflite.graph import read_graph
folder, engine, sliced, runs, *names = sys.argv[1:]
if engine == "LiteRT":
    from edgeready.engine.litert import LiteRtQuantizer as Quantizer
else:
    from edgeready.tf import quantize
    from edgeready.tf.quantize import TensorFlowQuantizer as Quantizer
    quantize.make_whole = lambda run: run()
samples = Samples((np.random.default_rng(1).normal(size=(20, 8, 6)).astype(np.float32),))
for name in names:
    model = Path(folder, f"{name}.tflite").read_bytes()
    calibrated = observe(Quantizer(), slice_pieces(model) if sliced == "yes" else model, samples, Method())
    files = [Quantizer().quantize(calibrated, "uint8") for _ in range(int(runs))]
    graphs = [read_graph(file) for file in files]
    used = [graph.of([index for op in graph.ops for index in op.outputs]) for graph in graphs]
    floats = sum(any(tensor.dtype == "float32" for tensor in tensors) for tensors in used)
    print(f"{len(set(files))} {floats}")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    columns = [("TensorFlow", "no"), ("TensorFlow", "yes"), ("LiteRT", "no"), ("LiteRT", "yes")]
    with tempfile.TemporaryDirectory() as folder:
        output_of(MAKE, folder)
        counts = [
            output_of(QUANTIZE, folder, engine, sliced, str(runs), *NETWORKS).split("\n")
            for engine, sliced in columns
        ]
    titles = [f"{engine}, {'slices' if sliced == 'yes' else 'as it came'}" for engine, sliced in columns]
    print(f"| network, {runs} runs | {' | '.join(titles)} |\n|---|{'---|' * len(columns)}")
    for name, *row in zip(NETWORKS, *counts):
        cells = ["different files: {}, with floats: {}".format(*cell.split()) for cell in row]
        print(f"| {name} | {' | '.join(cells)} |")


def output_of(program: str, *arguments: str) -> str:
    """What a Python process prints that runs `program`."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    if done.returncode:
        raise SystemExit(f"it failed:\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
