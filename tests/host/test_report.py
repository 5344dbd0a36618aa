"""Results as plain text, as text on a terminal, and as JSON."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from tflite_models import conv_classifier

from edgeready.cli.progress import progress_bar
from edgeready.dataset import Dataset, Splits
from edgeready.jobs.training import Epoch, Training
from edgeready.proof.measure import Comparison, Measured
from edgeready.proof.qat_gain import find_gain
from edgeready.readiness import check_graph
from edgeready.report.build import build_view
from edgeready.report.evaluate import evaluation_view
from edgeready.report.readiness import readiness_view
from edgeready.report.splits import splits_view
from edgeready.workflows.build import BuildResult
from edgeready.workflows.evaluate import Evaluation
from edgeready_device.benchmarking.benchmark import BenchmarkResult
from edgeready_device.evaluation import EvaluationReport
from edgeready_device.machine.machine import Machine
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.runtime.runtime import Runtime
from edgeready_device.tflite.graph import read_graph

CLASSES = ("cat", "dog", "emu [bold]")
MACHINE = Machine("x86_64", "A Processor", "", 2, "6.1", "3.11", False)
EMULATED = Machine("aarch64", "A Processor", "A Board", 2, "6.1", "3.11", True)
RUNTIME = Runtime("ai-edge-litert", "2.3.0")


def part(seed: int, count: int) -> Dataset:
    images = np.random.default_rng(seed).integers(0, 256, (count, 8, 8), dtype=np.uint8)
    return Dataset(name="pets", images=images, labels=np.arange(count) % 3, classes=CLASSES)


def measured(predicted: list[int], size: int, machine: Machine = MACHINE) -> Measured:
    outputs = np.eye(3, dtype=np.uint8)[predicted]
    accuracy = EvaluationReport(CLASSES, np.arange(len(predicted)) % 3, outputs)
    latency = BenchmarkResult(
        model=Path("m.tflite"),
        runtime=RUNTIME,
        threads=1,
        kernels="default",
        load_s=0.001,
        first_run_s=0.002,
        warmup_runs=10,
        latencies_s=(0.0005,) * 100,
        machine=machine,
    )
    return Measured(size_bytes=size + 1000, flatbuffer_bytes=size, accuracy=accuracy, latency=latency)


EPOCHS = (
    Epoch(epoch=1, loss=0.5, accuracy=0.75, seconds=2.0),
    Epoch(epoch=2, loss=0.25, accuracy=0.875, seconds=1.5),
)


def result(machine: Machine = MACHINE, ready: bool = True) -> BuildResult:
    graph = read_graph(conv_classifier(leaky=not ready))
    return BuildResult(
        out=Path("out/pets.tflite"),
        network="pets-cnn",
        splits=Splits(train=part(1, 30), calibration=part(2, 9), test=part(3, 6), removed=2),
        baseline=TfliteModel(b""),
        training=Training(epochs=EPOCHS, asked=2),
        readiness=check_graph(graph, file="out/pets.tflite"),
        comparison=Comparison(
            baseline=measured([0, 1, 2, 0, 1, 2], 84448), model=measured([0, 1, 2, 0, 1, 1], 24256, machine)
        ),
    )


def shown(view, **kwargs) -> str:
    stream = io.StringIO()
    Console(file=stream, soft_wrap=True, highlight=False, width=100, **kwargs).print(view)
    return stream.getvalue()


def test_off_a_terminal_a_build_is_plain_text_with_every_figure():
    text = shown(build_view(result(), "IMAGE"))
    assert "\x1b" not in text
    assert [re.split(r" {2,}", line.strip()) for line in text.splitlines()[:6]] == [
        ["float32", "uint8"],
        ["top-1 accuracy", "100.00 %", "83.33 %"],
        ["95 % interval", "60.97 to 100.00 %", "43.65 to 96.99 %"],
        ["model alone", "84,448 B", "24,256 B"],
        ["whole file", "85,448 B", "25,256 B"],
        ["latency, median", "0.5 ms", "0.5 ms"],
    ]
    for line in (
        "test         6 images of pets; the same answer on 83.33 %",
        "baseline     33.33 %, always the largest class",
        "Edge TPU     Edge-TPU ready (predicted), 7 of 7 ops mapped",
        "measured on  A Processor, ai-edge-litert 2.3.0, 1 thread",
        "The one file to copy: out/pets.tflite",
        "  edgeready-device classify out/pets.tflite IMAGE",
        "  edgeready-device verify out/pets.tflite",
    ):
        assert line in text.splitlines()


def test_a_measurement_under_emulation_is_marked():
    text = shown(build_view(result(EMULATED), "IMAGE"))
    assert "A Board, ai-edge-litert 2.3.0, 1 thread EMULATED: no measure of any board" in text


def test_a_model_that_is_not_ready_says_so_in_the_build():
    assert "NOT Edge-TPU ready, 5 of 7 ops mapped" in shown(build_view(result(ready=False), "IMAGE"))


def test_on_a_terminal_there_is_colour_and_with_no_color_there_is_none(monkeypatch):
    colour = re.compile(r"\x1b\[[0-9;]*3[0-7]")
    view = readiness_view(check_graph(read_graph(conv_classifier()), file="m.tflite"))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colour.search(shown(view, force_terminal=True))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colour.search(shown(view, force_terminal=True))


def test_readiness_lists_ops_with_their_place_then_blockers_with_remedies():
    found = check_graph(read_graph(conv_classifier(leaky=True)), file="m.tflite")
    text = shown(readiness_view(found))
    lines = text.splitlines()
    assert lines[0] == "m.tflite: NOT Edge-TPU ready, 5 of 7 ops mapped"
    assert lines[2] == "Operator                       Count      Status"
    assert "1. unsupported-op: " in text
    assert "   remedy: use keras.layers.ReLU() in place of LeakyReLU" in text


def test_a_class_name_that_looks_like_markup_is_shown_as_it_is():
    assert "emu [bold]" in shown(splits_view(result().splits))


def test_the_splits_are_shown_with_sums_and_what_was_left_out():
    lines = [re.sub(" +", " ", line).strip() for line in shown(splits_view(result().splits)).splitlines()]
    assert lines == [
        "class train calibration test",
        "cat 10 3 2",
        "dog 10 3 2",
        "emu [bold] 10 3 2",
        "all 30 9 6",
        "pets: images of 8x8 grey; 2 training images left out because the test set has them",
    ]


def test_a_build_says_why_its_engine_was_not_the_first_choice_and_nothing_where_it_was():
    reason = "LiteRT made the integers, because TensorFlow gave up: op 2 MUL: it computes with one scale"
    text = shown(build_view(replace(result(), engine_reason=reason), "a.png"))
    assert f"engine       {reason}"[:60] in text
    assert "engine " not in shown(build_view(result(), "a.png"))


def test_a_build_says_why_it_chose_a_network_and_nothing_where_the_user_did():
    reason = "tutorial-cnn, for small grey images of 8x8 pixels"
    assert f"network      {reason}\n" in shown(build_view(replace(result(), network_reason=reason), "IMAGE"))
    assert "network " not in shown(build_view(result(), "IMAGE"))


def test_a_build_says_which_epoch_a_validation_chose():
    plain = result()
    assert "epochs" not in shown(build_view(plain, "IMAGE"))
    epochs = tuple(replace(epoch, val_loss=epoch.epoch / 4, val_accuracy=0.875) for epoch in EPOCHS)
    judged = replace(
        plain,
        splits=replace(plain.splits, validation=part(4, 8)),
        training=Training(epochs=epochs, asked=60),
    )
    assert "training     2 of 60 epochs, the weights of epoch 1: 87.50 % of 8 validation images\n" in shown(
        build_view(judged, "IMAGE")
    )
    open_training = replace(
        judged, training=Training(epochs=(*epochs, epochs[-1]), asked=100, is_open=True, patience=1)
    )
    assert (
        "training     3 epochs, the weights of epoch 1: 87.50 % of 8 validation images\n"
        "             stopped at epoch 3: the loss on the validation hardly fell from epoch 1 to 2, then "
        "the rate fell to 0\n"
    ) in shown(build_view(open_training, "IMAGE"))


def test_a_training_in_8_bits_is_told_beside_the_network_as_it_came():
    before = {"float32": measured([0, 1, 2, 0, 1, 2], 1).accuracy, "uint8": measured([0, 1, 0, 0, 1, 2], 1).accuracy}
    gain = find_gain(before, result().comparison.model.accuracy, "uint8", 2)
    lines = [line.rstrip() for line in shown(build_view(replace(result(), gain=gain), "a.png")).splitlines()]
    assert lines[0].split() == ["float32,", "retrained", "uint8"]
    assert "before --qat float32 was right on 100.00 %, uint8 on 83.33 %" in lines
    assert "             1 image gained and 1 lost by it, p = 1; the weights of epoch 2" in lines
    same = shown(build_view(replace(result(), gain=replace(gain, epoch=0)), "a.png"))
    assert "lost by it, p = 1; no epoch was better: the weights as they came\n" in same
    plain = replace(gain, plain=None, drop=None)
    text = shown(build_view(replace(result(), gain=plain), "a.png"))
    assert "before --qat float32 was right on 100.00 %, and had no uint8 file" in text
    assert "retrained" not in shown(build_view(result(), "a.png"))


def test_a_build_as_json_has_these_keys_and_values():
    data = json.loads(json.dumps(result().to_dict()))
    assert list(data) == [
        "out",
        "float_out",
        "network",
        "network_reason",
        "data",
        "epoch_losses",
        "training",
        "mode",
        "engine",
        "engine_reason",
        "qat",
        "runtimes",
        "float32",
        "uint8",
        "agreement",
        "disagreements",
        "protections",
        "doubts",
        "convention",
        "source_check",
        "rewrites",
        "proposed",
        "calibration",
        "budget",
        "readiness",
    ]
    assert (data["out"], data["float_out"], data["epoch_losses"]) == ("out/pets.tflite", None, [0.5, 0.25])
    assert data["training"] == {
        "epochs": [
            {"epoch": 1, "loss": 0.5, "accuracy": 0.75, "val_loss": None, "val_accuracy": None, "seconds": 2.0},
            {"epoch": 2, "loss": 0.25, "accuracy": 0.875, "val_loss": None, "val_accuracy": None, "seconds": 1.5},
        ],
        "best_epoch": None,
        "stopped_early": False,
        "ending": "",
    }
    assert list(data["uint8"]) == ["size_bytes", "flatbuffer_bytes", "accuracy", "latency"]
    assert (data["uint8"]["size_bytes"], data["uint8"]["flatbuffer_bytes"]) == (25256, 24256)
    assert (data["uint8"]["accuracy"]["top1"]["hits"], data["uint8"]["accuracy"]["top1"]["count"]) == (5, 6)
    assert data["uint8"]["latency"]["median_s"] == 0.0005
    assert data["agreement"]["value"] == pytest.approx(5 / 6)
    assert data["readiness"]["ready"] is True


def test_the_splits_as_json_have_counts_per_class():
    assert result().splits.to_dict() == {
        "name": "pets",
        "classes": list(CLASSES),
        "image": {"height": 8, "width": 8, "channels": 1},
        "train": dict.fromkeys(CLASSES, 10),
        "calibration": dict.fromkeys(CLASSES, 3),
        "test": dict.fromkeys(CLASSES, 2),
        "removed": 2,
        "notes": [],
        "majority_baseline": pytest.approx(1 / 3),
    }


def test_accuracy_is_shown_with_its_interval_and_each_class():
    text = shown(evaluation_view(Evaluation(report=measured([0, 1, 2, 0, 1, 1], 1).accuracy, runtime=RUNTIME)))
    assert "top-1        83.33 % (43.65 to 96.99, 5 of 6)" in text
    assert "emu [bold]   50.00 %      1   2" in text.splitlines()


@pytest.mark.parametrize(("terminal", "drawn"), [(False, False), (True, True)])
def test_progress_is_drawn_on_a_terminal_only(terminal, drawn):
    stream = io.StringIO()
    with progress_bar(Console(file=stream, force_terminal=terminal, width=80)) as show:
        show("training", 1, 2)
        show("reading data", 5, 0)  # a total that is not known
    assert ("training" in stream.getvalue() or "reading data" in stream.getvalue()) is drawn
    assert bool(stream.getvalue()) is drawn
