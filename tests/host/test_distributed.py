"""Trainings on several devices: parts of the CPU here, in a process of its own (EDGEREADY_LONG=1, 20 s of CPU)."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from builds import LONG, NEEDS_TENSORFLOW

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


def test_the_same_seed_gives_the_same_weights_with_dropout_and_augmentation():
    first, second = cases()["again"]
    assert first == second
    assert len(first["epochs"]) == 2
    assert None not in first["epochs"][0]


def test_patience_ends_the_training_and_the_best_weights_stay():
    losses = [epoch[2] for epoch in cases()["patient"]["epochs"]]
    assert len(losses) < 9  # the classes of its validation are wrong: what is learnt makes it worse
    assert losses[-1] >= min(losses[:-1])


def test_the_network_that_is_converted_has_plain_batch_normalization():
    assert cases()["shared"]["synchronized"] == [False]


def test_a_layer_whose_state_differs_between_the_devices_is_refused():
    case = cases()["counter"]
    assert case["error"] == "TrainingError"
    assert case["text"].endswith(
        "/total differs between the devices: its layer keeps a state of its own on each; train this network without "
        "--devices"
    )


def test_a_batch_smaller_than_the_number_of_devices_is_refused():
    assert cases()["small batch"] == {
        "error": "UsageError",
        "text": "--batch-size is 2, and 3 devices share a batch: give at least 3",
    }


def test_a_training_that_was_broken_off_goes_on_to_the_same_weights():
    assert cases()["resumed"] == {"epochs": 2, "hash": cases()["whole"]}
