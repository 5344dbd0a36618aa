"""Trainings on parts of the CPU, in a process of TensorFlow: prints what came of them as JSON."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from edgeready.tf import devices, distributed, distributed_transfer, models, train, transfer  # isort: skip  (TensorFlow first)
import keras
import numpy as np
import tensorflow as tf
import transfer_cases

from edgeready.config.build import TrainConfig
from edgeready.config.devices import DevicesConfig
from edgeready.errors import EdgereadyError
from edgeready.jobs.training import CheckpointPlan, TrainingFiles
from edgeready_device.normalization import Normalization
from edgeready_device.progress import no_progress

CLASSES = 3


def pictures(count, seed):
    """Noisy pictures, of which each class has a bright band elsewhere."""
    labels = np.arange(count, dtype=np.int64) % CLASSES
    images = np.random.default_rng(seed).integers(0, 120, (count, 12, 12, 1), dtype=np.uint8)
    for image, label in zip(images, labels):
        image[label * 4 : label * 4 + 4] += 100
    return images, labels


def network(*layers, name="net"):
    """A network of a convolution, batch normalization and `layers`."""

    def make():
        image = keras.Input((12, 12, 1))
        values = keras.layers.Conv2D(4, 3, kernel_regularizer="l2")(image)
        values = keras.layers.ReLU()(keras.layers.BatchNormalization()(values))
        for layer in layers:
            values = layer()(values)
        scores = keras.layers.Dense(CLASSES, activation="softmax")(keras.layers.Flatten()(values))
        return models.NamedModel(name, keras.Model(image, scores), Normalization((0.0,), (255.0,)))

    return make


class Counter(keras.layers.Layer):
    """Adds up what it sees, each device for itself."""

    def build(self, shape):
        self.total = self.add_weight(shape=(), initializer="zeros", trainable=False, name="total")

    def call(self, values):
        self.total.assign_add(tf.reduce_sum(values))
        return values


def run(strategy, make, images, labels, **options):
    """What a training gives: its epochs, its first ones on one device beside it, and a hash of the weights."""
    validation = options.pop("validation", None)
    config = TrainConfig(learning_rate=0.01, seed=5, **options)
    named = make()
    try:
        epochs = distributed.train(named, images, labels, config, strategy=strategy, make=make, validation=validation)
    except EdgereadyError as error:
        return {"error": type(error).__name__, "text": str(error)}
    layers = [layer for layer in named.model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    return {
        "epochs": [[e.loss, e.accuracy, e.val_loss, e.val_accuracy] for e in epochs],
        "hash": hash_of(named.model),
        "synchronized": [layer.synchronized for layer in layers],
    }


def run_twice(strategy, make, images, labels, folder, **options):
    """The hash after a training that was broken off in its second epoch and went on from there."""
    checkpoint = CheckpointPlan(path=str(Path(folder, "checkpoint")), identity={"of": "this test"}, interval_s=0)

    def stop(label, done, total):
        if "epoch 2" in label:
            raise InterruptedError

    config = TrainConfig(learning_rate=0.01, seed=5, **options)
    keep = {"strategy": strategy, "make": make, "files": TrainingFiles(checkpoint=checkpoint)}
    with suppress(InterruptedError):
        distributed.train(make(), images, labels, config, stop, **keep)
    named = make()
    keep["files"] = TrainingFiles(checkpoint=replace(checkpoint, resume=True))
    epochs = distributed.train(named, images, labels, config, **keep)
    return {"epochs": len(epochs), "hash": hash_of(named.model)}


def hash_of(model):
    """A hash of all weights."""
    return hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest()


def run_alone(make, images, labels, **options):
    """The same on one device, as Keras' fit does it."""
    config = TrainConfig(learning_rate=0.01, seed=5, **options)
    train.seed_everything(5)
    named = make()
    epochs = train.train(named, images, labels, config)
    return [[e.loss, e.accuracy] for e in epochs]


def fit_transfer(strategy, config, *, dropout=0.2, stop=no_progress, **files):
    """A transfer learning: its network, and loss and validation loss of its epochs; on one device without strategy.

    Its 101 images are four batches for the backbone, which the last of three devices has no second one of.
    """
    labels = np.arange(150, dtype=np.int64) % 2
    images = np.random.default_rng(1).integers(0, 120, (150, 8, 8, 3), dtype=np.uint8)
    images[labels == 1] += 30
    make = partial(transfer_cases.small_network, dropout)
    train.seed_everything(config.seed)
    named, fit = make(), transfer.train_head
    if strategy is not None:
        fit = partial(distributed_transfer.train_head, strategy=strategy, make=make)
    judges = (images[101:], labels[101:])
    epochs = fit(named, images[:101], labels[:101], config, stop, validation=judges, **files)
    return named, [[epoch.loss, epoch.val_loss] for epoch in epochs]


def frozen_parts(named):
    """The batch normalization of a backbone: its scales and its statistics."""
    return named.backbone.layers[2].get_weights()


def transfer_on_three(strategy, folder):
    """Transfer learning on three devices beside one: which weights are the same, and the epochs."""
    head = TrainConfig(epochs=3, batch_size=16, learning_rate=0.05, seed=4, augment="shift", class_weights=True)
    tuned = replace(head, augment="none", fine_tune=2)
    one, _ = fit_transfer(None, head)
    three, _ = fit_transfer(strategy, head)
    _, alone = fit_transfer(None, tuned, dropout=0.0)
    whole, shared = fit_transfer(strategy, tuned, dropout=0.0)
    checkpoint = CheckpointPlan(path=str(Path(folder, "transfer")), identity={"of": "this test"}, interval_s=0)
    resumed = []
    for epoch in (2, 5):  # the second of the head, the second of the fine-tuning

        def stop(label, done, total, epoch=epoch):
            if f"epoch {epoch} " in label:
                raise InterruptedError

        with suppress(InterruptedError):
            fit_transfer(strategy, tuned, dropout=0.0, stop=stop, files=TrainingFiles(checkpoint=checkpoint))
        again = TrainingFiles(checkpoint=replace(checkpoint, resume=True))
        resumed.append(hash_of(fit_transfer(strategy, tuned, dropout=0.0, files=again)[0].model))
    return {
        "head": hash_of(one.model) == hash_of(three.model),
        "moved": not np.array_equal(one.backbone.get_weights()[0], whole.backbone.get_weights()[0]),
        "normalization": all(map(np.array_equal, frozen_parts(one), frozen_parts(whole))),
        "alone": alone,
        "shared": shared,
        "whole": hash_of(whole.model),
        "resumed": resumed,
    }


def refused_transfer(strategy, **options):
    """What is said of a transfer learning that is refused; "" where it is not."""
    try:
        fit_transfer(strategy, TrainConfig(epochs=1, batch_size=2, augment="none", **options))
    except EdgereadyError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def main():
    """Runs the cases on three devices."""
    names = devices.device_names(DevicesConfig(devices="cpu:3"))
    three = tf.distribute.MirroredStrategy(names)  # one in a process: TensorFlow takes two for one group
    plain, dropout = network(), network(lambda: keras.layers.Dropout(0.3))
    # 49 images in batches of 16 leave a batch of one image, for one of the three devices.
    images, labels = pictures(49, 1)
    uneven = labels.copy()
    uneven[:40] = 0
    judges = pictures(17, 2)
    once = {"epochs": 1, "batch_size": 16}
    cases = {
        "alone": run_alone(plain, images, labels, **once),
        "shared": run(three, plain, images, labels, **once),
        "weighted alone": run_alone(plain, images, uneven, **once, class_weights=True),
        "weighted": run(three, plain, images, uneven, **once, class_weights=True),
        "decayed alone": run_alone(plain, images, labels, **once, weight_decay=0.9),
        "decayed": run(three, plain, images, labels, **once, weight_decay=0.9),
        "again": [
            run(three, dropout, images, labels, augment="shift", epochs=2, validation=judges) for _ in range(2)
        ],
        "patient": run(
            three, plain, images, labels, epochs=9, patience=1, validation=(judges[0], (judges[1] + 1) % CLASSES)
        ),
        "open": run(three, plain, images, labels, patience=3, validation=(judges[0], (judges[1] + 1) % CLASSES)),
        "counter": run(three, network(Counter), images, labels, **once),
        "small batch": run(three, plain, images, labels, epochs=1, batch_size=2),
    }
    whole = {"epochs": 2, "augment": "shift"}
    cases["whole"] = run(three, dropout, images, labels, **whole)["hash"]
    with tempfile.TemporaryDirectory() as folder:
        cases["resumed"] = run_twice(three, dropout, images, labels, folder, **whole)
        cases["transfer"] = transfer_on_three(three, folder)
    cases["small transfer"] = [refused_transfer(three), refused_transfer(three, fine_tune=1)]
    json.dump(cases, sys.stdout)


main()
