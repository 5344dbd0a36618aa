"""Trainings on several devices: parts of the CPU here, in a process of its own (EDGEREADY_LONG=1, 20 s of CPU)."""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import builds
import pytest
from builds import LONG, NEEDS_TENSORFLOW

from edgeready_device.model_file.reader import read_model_file

pytestmark = [*NEEDS_TENSORFLOW, LONG]
CASES = Path(__file__).with_name("device_cases.py")


@cache
def run_cases():
    return subprocess.run([sys.executable, str(CASES)], capture_output=True, text=True, check=False)


def cases():
    ended = run_cases()
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_the_first_epoch_is_that_of_one_device():
    loss, accuracy = cases()["alone"][0]
    shared = cases()["shared"]["epochs"][0]
    assert shared[:2] == [pytest.approx(loss, rel=1e-4), pytest.approx(accuracy)]


def test_class_weights_mean_the_same_as_on_one_device():
    loss, accuracy = cases()["weighted alone"][0]
    assert cases()["weighted"]["epochs"][0][:2] == [pytest.approx(loss, rel=1e-4), pytest.approx(accuracy)]
    assert loss != pytest.approx(cases()["alone"][0][0], rel=1e-2)


def test_weights_decay_once_a_step_and_not_once_a_device():
    loss, accuracy = cases()["decayed alone"][0]
    assert cases()["decayed"]["epochs"][0][:2] == [pytest.approx(loss, rel=1e-4), pytest.approx(accuracy)]
    assert loss != pytest.approx(cases()["alone"][0][0], rel=1e-3)


def test_the_same_seed_gives_the_same_weights_with_dropout_and_augmentation():
    first, second = cases()["again"]
    assert first == second
    assert len(first["epochs"]) == 2
    assert None not in first["epochs"][0]


def test_patience_ends_the_training_and_the_best_weights_stay():
    losses = [epoch[2] for epoch in cases()["patient"]["epochs"]]
    assert len(losses) < 9  # the classes of its validation are wrong: what is learnt makes it worse
    assert losses[-1] >= min(losses[:-1])


def test_a_training_without_a_number_of_epochs_lowers_its_rate_and_ends():
    assert 2 < len(cases()["open"]["epochs"]) < 20


def test_the_network_that_is_converted_has_plain_batch_normalization():
    assert cases()["shared"]["synchronized"] == [False]


def test_a_layer_whose_state_differs_between_the_devices_is_refused():
    case = cases()["counter"]
    assert case["error"] == "TrainingError"
    assert case["text"].endswith(
        "/total differs between the devices: its layer keeps a state of its own on each; train this network on one "
        "device"
    )


def test_a_batch_smaller_than_the_number_of_devices_is_refused():
    assert cases()["small batch"] == {
        "error": "UsageError",
        "text": "--batch-size is 2, and 3 devices share a batch: give at least 3",
    }


def test_a_training_that_was_broken_off_goes_on_to_the_same_weights():
    assert cases()["resumed"] == {"epochs": 2, "hash": cases()["whole"]}


def test_the_head_of_three_devices_is_that_of_one_to_the_bit():
    assert cases()["transfer"]["head"] is True


def test_the_fine_tuning_takes_the_steps_of_one_device_and_keeps_the_batch_normalization():
    case = cases()["transfer"]
    alone, shared = case["alone"], case["shared"]
    assert shared[:3] == alone[:3]
    assert shared[3] == pytest.approx(alone[3], rel=1e-5)  # after it the images come in another order
    assert len(shared) == len(alone) == 5
    assert (case["moved"], case["normalization"]) == (True, True)


def test_a_transfer_that_was_broken_off_in_either_stage_goes_on_to_the_same_weights():
    assert cases()["transfer"]["resumed"] == [cases()["transfer"]["whole"]] * 2


def test_only_the_fine_tuning_needs_a_batch_for_all_devices():
    text = "UsageError: --batch-size is 2, and 3 devices share a batch: give at least 3"
    assert cases()["small transfer"] == ["", text]


def start_worker(index, ports, folder, *options, data="digits", model="tutorial-cnn"):
    """One of the workers at `ports` of this machine; both run the same command in `folder`."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    group = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
    words = ["build", data, "--model", model, "--out", "m.tflite", "--json", *options]
    return subprocess.Popen(
        [sys.executable, "-m", "edgeready", *words],
        env={**os.environ, "TF_CONFIG": group},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=(folder / f"{index}.err").open("w"),
        text=True,
    )


@pytest.fixture
def ports():
    """Two ports that are free."""
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        return [server.getsockname()[1] for server in servers]


def test_two_workers_train_the_network_of_one_and_the_chief_writes_it(tmp_path, ports):
    workers = [start_worker(index, ports, tmp_path, "--epochs", "3") for index in (0, 1)]
    chief, share = (json.loads(worker.communicate(timeout=300)[0]) for worker in workers)
    assert [worker.returncode for worker in workers] == [0, 0]
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".err"] == ["m.tflite"]
    alone = builds.digits().result
    epochs = [epoch["loss"] for epoch in chief["training"]["epochs"]]
    assert epochs[0] == pytest.approx(alone.training.epochs[0].loss, rel=1e-3)
    assert chief["uint8"]["accuracy"]["top1"]["value"] == pytest.approx(
        alone.comparison.model.accuracy.top1.value, abs=0.03
    )
    assert (share["out"], share["worker"], share["epochs"]) == (None, 1, 3)
    manifest = read_model_file(tmp_path / "m.tflite").manifest
    assert manifest.provenance["training"]["devices"] == 2  # their weights were compared by the chief


BANDS = """
import keras, numpy as np
keras.utils.set_random_seed(3)
options = {"input_shape": (32, 32, 3), "include_top": False, "weights": None, "pooling": "avg", "alpha": 0.25}
keras.applications.MobileNet(**options).save_weights("net.weights.h5")
labels = np.arange(150) % 3
images = np.random.default_rng(1).integers(0, 120, (150, 32, 32, 3), dtype=np.uint8)
for image, label in zip(images, labels):
    image[label * 10 : label * 10 + 10] += 100
np.savez("bands.npz", x_train=images[:120], y_train=labels[:120], x_test=images[120:], y_test=labels[120:])
"""


def test_two_workers_fine_tune_the_network_that_one_of_them_would(tmp_path, ports):
    subprocess.run([sys.executable, "-c", BANDS], cwd=tmp_path, check=True, capture_output=True)
    words = ["--alpha", "0.25", "--weights", "net.weights.h5", "--epochs", "1", "--fine-tune", "1"]
    words += ["--validation", "0.2", "--augment", "none"]
    works = [start_worker(index, ports, tmp_path, *words, data="bands.npz", model="mobilenet") for index in (0, 1)]
    chief, share = (json.loads(worker.communicate(timeout=500)[0]) for worker in works)
    assert works[1].returncode == 0
    epochs = chief["training"]["epochs"]
    assert [share["epochs"], len(epochs)] == [2, 2]
    assert epochs[0]["loss"] == pytest.approx(math.log(3), abs=0.01)  # random weights tell little of a picture
    manifest = read_model_file(tmp_path / "m.tflite").manifest
    assert manifest.provenance["training"]["devices"] == 2  # their weights were compared by the chief


def test_a_worker_that_is_killed_ends_the_chief_with_one_line(tmp_path, ports):
    chief, worker = (start_worker(index, ports, tmp_path, "--epochs", "500") for index in (0, 1))
    log = tmp_path / "0.err"
    while "epoch 1 of 500" not in log.read_text("utf-8"):
        assert chief.poll() is None, log.read_text("utf-8")
        time.sleep(0.1)
    worker.kill()
    begin = time.monotonic()
    assert chief.wait(60) == 3
    assert time.monotonic() - begin < 20  # ten seconds are promised; this machine may be busy
    assert log.read_text("utf-8").splitlines()[-1] == (
        f"edgeready: worker 1 (127.0.0.1:{ports[1]}) is lost: its process or its machine ended in the training; "
        "start all workers again"
    )
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".err"] == []
    worker.wait()
