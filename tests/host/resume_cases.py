"""Trainings that are broken off and go on, in TensorFlow's process: cases of tf_cases.py, which calls `add`.

Run by itself with a folder, it breaks each training off after each epoch, and prints how it went on.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import edgeready.tf  # noqa: F401  # isort: skip  (first, as in TensorFlow's child process)
import numpy as np
import transfer_cases

from edgeready.config.build import NetworkConfig, TrainConfig
from edgeready.config.training import steady_length
from edgeready.errors import TrainingError
from edgeready.jobs.checkpoint import read_state, write_state
from edgeready.jobs.job import Job
from edgeready.jobs.training import CheckpointPlan, TrainingFiles
from edgeready.quantization.conventions import Convention, answer_classes
from edgeready.tf import checkpoints, train, transfer
from edgeready.tf.make import make
from edgeready_device.normalization import Normalization
from edgeready_device.progress import no_progress

NETS = Path(__file__).parent / "nets.py"
UNIT = Convention(name="unit", normalization=Normalization())
LABELS = np.arange(60, dtype=np.int64) % 2
IMAGES = np.random.default_rng(1).integers(0, 120, (60, 8, 8, 3), dtype=np.uint8)
IMAGES[LABELS == 1] += 60


def whole_network():
    """Convolution, batch normalization, dropout, all of it trained."""
    named = transfer_cases.small_network()
    named.backbone.trainable = True
    return replace(named, backbone=None)


TRAININGS = {
    "network": (
        whole_network,
        train.train,
        TrainConfig(epochs=3, batch_size=8, augment="shift-flip", class_weights=True, weight_decay=0.1),
    ),
    "transfer": (
        transfer_cases.small_network,
        transfer.train_head,
        TrainConfig(epochs=2, fine_tune=2, batch_size=8, augment="shift"),
    ),
    "open": (whole_network, train.train, TrainConfig(patience=4, batch_size=8, learning_rate=0.02)),
    "patience": (
        transfer_cases.small_network,
        transfer.train_head,
        TrainConfig(epochs=6, fine_tune=3, batch_size=8, patience=1, learning_rate=0.5),
    ),
}


def fit(name, path, *, resume):
    """The epochs and the weights of a training, which leaves its state after epoch N as PATH.N."""
    network, action, config = TRAININGS[name]
    train.seed_everything(1)
    named = network()
    copies = set()

    def progress(label, done, total):
        epoch = label.partition("epoch ")[2].partition(" ")[0]
        if path.exists() and epoch and epoch not in copies and not resume:
            copies.add(epoch)
            shutil.copy(path, f"{path}.{int(epoch) - 1}")

    epochs = action(
        named,
        IMAGES[:48],
        LABELS[:48],
        config,
        progress,
        validation=(IMAGES[48:], LABELS[48:]),
        files=TrainingFiles(checkpoint=CheckpointPlan(path=str(path), resume=resume, interval_s=0)),
    )
    return [replace(epoch, seconds=0) for epoch in epochs], named.model.get_weights()


def compare(name, folder, stops=None):
    """Whether a training that goes on after each of the epochs `stops` comes to the same epochs and weights."""
    path = folder / name
    epochs, weights = fit(name, path, resume=False)
    outcome = {}
    steady = steady_length(len(epochs))
    if name == "open":  # as the rate stays, as it begins to fall, and as it falls
        stops = [steady - 1, steady, steady + 1]
    for stop in stops or range(1, len(epochs)):
        shutil.copy(f"{path}.{stop}", path)
        other, others = fit(name, path, resume=True)
        outcome[str(stop)] = other == epochs and all(map(np.array_equal, weights, others))
    return {"epochs": len(epochs), "same": outcome}


def converted_again(folder):
    """A training that is over, of which the conversion is done twice: its epochs, and what was left of it."""
    folder.mkdir()
    path = folder / "model.checkpoint"
    plan = CheckpointPlan(path=str(path), identity={"a": "b"}, interval_s=0)
    noise = np.random.default_rng(5).integers(0, 256, (64, 12, 12), dtype=np.uint8)
    job = Job(
        model=f"{NETS}:layer_normalization",
        classes=3,
        images=noise,
        labels=np.arange(64) % 3,
        calibration=noise[:8],
        train=TrainConfig(epochs=1),
        files=TrainingFiles(checkpoint=plan),
        network=NetworkConfig(fix=False),
    )
    stages = []
    first = make(job, read_log=str, progress=no_progress)
    files = TrainingFiles(checkpoint=replace(plan, resume=True))
    job = replace(job, files=files, modes=("float32",))
    again = make(job, read_log=str, progress=lambda *step: stages.append(step))
    return {
        "stage": read_state(path).header.stage,
        "refused": list(first.refusals),
        "same": first.epochs == again.epochs
        and np.array_equal(*(answer_classes(result.float32, noise, UNIT) for result in (first, again))),
        "trained": any("training" in stage for stage, _, _ in stages),
        "files": [file.name for file in folder.iterdir()],
    }


def diverged(folder):
    """What is left of a training whose loss is no number."""
    folder.mkdir()
    noise = np.random.default_rng(5).integers(0, 256, (64, 12, 12), dtype=np.uint8)
    job = Job(
        model=f"{NETS}:plain",
        classes=3,
        images=noise,
        labels=np.arange(64) % 3,
        train=TrainConfig(epochs=2, learning_rate=9.9),
        network=NetworkConfig(mean=(0.0,), std=(1e-38,)),
        files=TrainingFiles(checkpoint=CheckpointPlan(path=str(folder / "model.checkpoint"), interval_s=0)),
    )
    try:
        make(job, read_log=str, progress=no_progress)
    except TrainingError as error:
        return [str(error), *(file.name for file in folder.iterdir())]


def other_network(path):
    """The state of one network goes into another."""
    plan = CheckpointPlan(path=str(path), resume=True)
    state = read_state(path)
    write_state(path, replace(state, model=state.model[1:]))
    checkpoints.read_ended(plan, whole_network().model)


def add(case, folder):
    """Adds the cases, which may write into `folder`."""
    case("resume network", lambda: compare("network", folder, [1]))
    case("resume a conversion", lambda: converted_again(folder / "converted"))
    case("resume with another network", lambda: other_network(folder / "converted" / "model.checkpoint"))


if __name__ == "__main__":
    place = Path(sys.argv[1])
    outcomes = {name: compare(name, place) for name in TRAININGS}
    print(json.dumps(outcomes | {"diverged": diverged(place / "diverged")}))
