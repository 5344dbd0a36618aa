"""Trains the head of a frozen backbone twice, its features kept or computed in each epoch; prints the CPU's ratio.

    python benchmarks/frozen.py [--images 256] [--epochs 20] [--size 224] [--model NAME] [--weights imagenet]

Both trainings are those of edgeready (`tf/transfer.py` and `tf/train.py`) on the same synthetic pictures, from the
same weights, random ones where none are named. The first training of a process pays for what TensorFlow loads late,
so each is warmed up with one epoch of a few pictures, which is not counted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import edgeready.tf  # noqa: F401  # isort: skip  (first, as in TensorFlow's child process: it decides what Keras loads)
import numpy as np

from edgeready.config.build import TrainConfig
from edgeready.tf.models import NamedModel, make_model
from edgeready.tf.train import seed_everything, train
from edgeready.tf.transfer import train_head

CLASSES = 10
WARM_UP = 32  # pictures; chosen: one batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--model", default="efficientnet-lite0")
    parser.add_argument("--weights", help="as --weights of build")
    options = parser.parse_args()
    shape = (options.images, options.size, options.size, 3)
    images = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    labels = np.arange(options.images) % CLASSES
    print(f"{options.model}, {options.images} pictures of {options.size}x{options.size}, {options.epochs} epochs")
    seconds = {}
    for name, fit in (("features kept", train_head), ("computed in each epoch", train)):
        measure(options, fit, images[:WARM_UP], labels[:WARM_UP], epochs=1)
        seconds[name], loss = measure(options, fit, images, labels, epochs=options.epochs)
        print(f"{name:24} {seconds[name]:8.1f} s of processor time, last loss {loss:.4f}", flush=True)
    kept, anew = seconds.values()
    print(f"ratio                    {anew / kept:8.1f}")


def measure(
    options: argparse.Namespace, fit: Callable, images: np.ndarray, labels: np.ndarray, *, epochs: int
) -> tuple[float, float]:
    """Returns the processor time of a training of the head alone, and its last loss."""
    named = frozen_network(options.model, images.shape[1:], options.weights)
    config = TrainConfig(epochs=epochs, augment="none")
    start = time.process_time()
    history = fit(named, images, labels, config)
    return time.process_time() - start, history[-1].loss


def frozen_network(model: str, shape: tuple[int, ...], weights: str | None) -> NamedModel:
    """Returns the network with a frozen backbone, also where its weights are random."""
    seed_everything(1)
    named = make_model(model, shape, CLASSES, weights=weights)
    backbone = next(layer for layer in named.model.layers if hasattr(layer, "layers"))
    backbone.trainable = False
    return NamedModel(named.name, named.model, named.normalization, backbone)


if __name__ == "__main__":
    main()
