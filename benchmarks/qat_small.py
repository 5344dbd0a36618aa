"""Quantization-aware training on few images: what --qat makes of a network that is trained already.

    python benchmarks/qat_small.py [--data mnist] [--images 500] [--seeds 1,2,3] [--epochs 1,3,10]

Needs the extra build. A depthwise network with batch normalization is trained for 30 epochs on some images of a set
(all of them for digits), then in 8 bits for each number of epochs. Each figure is the accuracy of the simulated uint8
file on at most 5,000 test images, which is that of the file within a tenth of a point (tests/host/test_qat.py).
Printed as Markdown; in brackets is the epoch whose weights were kept, 0 for those before.
"""

from __future__ import annotations

import argparse

import edgeready.tf  # noqa: F401  # isort: skip  (first: it decides what Keras loads)
import keras
import numpy as np

from edgeready.config.build import TrainConfig
from edgeready.config.method import QatConfig
from edgeready.dataset import Splits, load_splits
from edgeready.dataset.splits import split
from edgeready.tf import models, qat, train
from edgeready_device.normalization import Normalization

layers = keras.layers
UNIT = Normalization((0.0,), (255.0,))
TEST_IMAGES = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist", help="a named set, or a folder of images, which become 32x32")
    parser.add_argument("--images", type=int, default=500, help="images for training and calibration")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--epochs", default="1,3,10", help="of the training in 8 bits")
    options = parser.parse_args()
    epochs = [int(number) for number in options.epochs.split(",")]
    print(f"| {options.data} | float32 | uint8 | {' | '.join(f'--qat {number}' for number in epochs)} |")
    print(f"|---|---|---|{'---|' * len(epochs)}")
    splits = few_images(options.data, options.images)
    for seed in options.seeds.split(","):
        print(row(splits, int(seed), epochs), flush=True)


def few_images(name: str, count: int) -> Splits:
    """The set, with `count` images for training and calibration if it has more."""
    named = name in ("digits", "mnist", "fashion-mnist", "cifar10")
    splits = load_splits(name, seed=1, image_size=None if named else (32, 32))
    test = splits.test.take(range(min(TEST_IMAGES, len(splits.test))))
    if len(splits.train) + len(splits.calibration) <= count or not named or name == "digits":
        return splits
    return split(splits.train.take(range(count)), test, seed=1)


def row(splits: Splits, seed: int, epochs: list[int]) -> str:
    frame, classes = splits.train.images.shape[1:], len(splits.train.classes)
    train.seed_everything(seed)
    named = models.NamedModel("depthwise", network(frame, classes), UNIT)
    images, labels = splits.train.images, splits.train.labels
    train.train(named, images, labels, TrainConfig(epochs=30, seed=seed))
    test = train.match_rank(named.model, splits.test.images)
    scores = named.model.predict(UNIT.apply(test), verbose=0, batch_size=500)
    cells = [share(scores, splits), share(simulated(qat.fold(named.model), splits), splits)]
    for count in epochs:
        tuned = qat.fine_tune(
            named,
            train.match_rank(named.model, images),
            labels,
            train.match_rank(named.model, splits.calibration.images),
            config=QatConfig(epochs=count, seed=seed),
            calibration_labels=splits.calibration.labels,
        )
        cells.append(f"{share(simulated(tuned.named.model, splits), splits)} ({tuned.epoch})")
    return f"| seed {seed} | {' | '.join(cells)} |"


def simulated(model: keras.Model, splits: Splits) -> np.ndarray:
    simulation = qat.Simulation(model)
    simulation.observe(train.match_rank(model, splits.calibration.images), UNIT)
    return simulation.predict(train.match_rank(model, splits.test.images), UNIT)


def share(scores: np.ndarray, splits: Splits) -> str:
    return f"{100 * (scores.argmax(1) == splits.test.labels).mean():.2f} %"


def network(frame: tuple[int, ...], classes: int) -> keras.Model:
    def normalized(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
        return [layer, layers.BatchNormalization(momentum=0.9), layers.ReLU(6.0)]

    blocks = normalized(layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False))
    for filters, stride in ((32, 1), (64, 2), (64, 1)):
        blocks += normalized(layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False))
        blocks += normalized(layers.Conv2D(filters, 1, use_bias=False))
    shape = frame if len(frame) == 3 else (*frame, 1)
    head = [layers.GlobalAveragePooling2D(), layers.Dense(classes)]
    return keras.Sequential([keras.Input(shape), *blocks, *head])


if __name__ == "__main__":
    main()
