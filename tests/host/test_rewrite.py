"""What is rewritten for the Edge TPU gives the same results and is mapped; what would change results is left."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from builds import HERE, NEEDS_TENSORFLOW

from edgeready.readiness import ReadinessReport, check_file

pytestmark = NEEDS_TENSORFLOW
REWRITTEN = {
    "upsampling": {"RESIZE_NEAREST_NEIGHBOR": 1},
    "upsampling unequal": {"RESIZE_NEAREST_NEIGHBOR": 2},
    "upsampling 8": {"RESIZE_NEAREST_NEIGHBOR": 3},
    "groups": {"STRIDED_SLICE": 2, "CONCATENATION": 1},
    "groups strided": {"STRIDED_SLICE": 4, "CONCATENATION": 1},
    "groups dilated": {"STRIDED_SLICE": 2, "CONCATENATION": 1},
    "groups leaky": {"CONCATENATION": 1, "PRELU": 1},
    "groups of one channel": {"DEPTHWISE_CONV_2D": 1},
    "groups of one channel, strides that differ": {"CONCATENATION": 1},
    "dense on an image": {"CONV_2D": 2, "FULLY_CONNECTED": 1},
    "dense on an image, leaky": {"CONV_2D": 2, "PRELU": 1},
    "leaky relu": {"PRELU": 1},
    "leaky relu on a row": {"PRELU": 1},
    "relu with a slope": {"PRELU": 1},
    "hard swish": {"ADD": 1, "MUL": 2},
    "hard sigmoid": {"MUL": 1},
    "convolution with hard swish": {"ADD": 1, "MUL": 2},
    "depthwise with leaky relu": {"DEPTHWISE_CONV_2D": 1, "PRELU": 1},
    "large mean": {"AVERAGE_POOL_2D": 1, "MEAN": 1},
    "nested": {"CONCATENATION": 1, "RESIZE_NEAREST_NEIGHBOR": 1, "PRELU": 1},
    "shared": {"CONCATENATION": 2},
}
LEFT = (
    "plain",
    "upsampling bilinear",
    "upsampling 1",
    "upsampling 5",
    "dense on a row",
    "relu6",
    "small mean",
    "transposed convolution",
    "reshape",
    "dilated",
    "prelu",
)
PROPOSED = {
    "elu": "elu has no mapped form: use relu, train again",
    "elu layer": "elu has no mapped form: use relu, train again",
    "gelu": "gelu has no mapped form: swish (silu) comes near, train again",
    "layer normalization": "LayerNormalization has no mapped form: use BatchNormalization, train again",
    "prelu for each pixel": "PReLU with slopes of their own for each pixel is not mapped: use shared_axes=[1, 2], ",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    found = tmp_path_factory.mktemp("rewrite")
    done = subprocess.run(
        [sys.executable, str(HERE / "rewrite_cases.py"), str(found)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return found


@pytest.fixture(scope="module")
def cases(folder) -> dict:
    return json.loads((folder / "cases.json").read_text("utf-8"))


def report(folder: Path, name: str) -> ReadinessReport:
    return check_file(folder / f"{name}.tflite")


@pytest.mark.parametrize("name", REWRITTEN)
def test_what_is_rewritten_gives_the_same_in_float_and_is_ready(folder, cases, name):
    found = cases[name]
    assert "error" not in found
    assert found["rewrites"]
    assert found["difference"] <= 1e-5 * max(1.0, found["size"])
    ready = report(folder, name)
    assert ready.verdict == ("probably ready" if name == "upsampling unequal" else "ready")  # a step of 3 is unseen
    names = Counter(op.name for op in ready.ops)
    assert {op: names[op] for op in REWRITTEN[name]} == REWRITTEN[name]


@pytest.mark.parametrize("name", [*LEFT, *PROPOSED])
def test_what_needs_no_rewriting_or_has_no_exact_one_is_left_as_it_is(cases, name):
    if name in PROPOSED and "error" in cases[name]:
        pytest.fail(cases[name]["text"])
    assert cases[name]["rewrites"] == []
    assert cases[name]["same object"] is True


@pytest.mark.parametrize("name", [name for name in LEFT if name != "upsampling 5"])
def test_flatten_reshape_transposed_and_dilated_convolutions_are_exact_by_the_fixed_batch(folder, name):
    found = report(folder, name)
    assert found.ready, [blocker.detail for blocker in found.blockers]
    assert {"SHAPE", "PACK", "SPACE_TO_BATCH_ND"}.isdisjoint(op.name for op in found.ops)


def test_a_factor_that_no_small_steps_make_is_left_and_not_ready(folder):
    assert [blocker.rule for blocker in report(folder, "upsampling 5").blockers] == ["op-too-new", "rank"]


@pytest.mark.parametrize("name", PROPOSED)
def test_what_would_change_the_results_is_only_proposed(cases, name):
    [line] = cases[name]["proposals"]
    assert line.partition(": ")[2].startswith(PROPOSED[name])


def test_nothing_is_proposed_for_what_is_mapped(cases):
    assert [name for name in (*REWRITTEN, *LEFT) if cases[name]["proposals"]] == []


def test_every_rewrite_is_told_with_the_layers_name(cases):
    lines = cases["nested"]["rewrites"]
    assert len(lines) == 3
    assert (
        sum(line.endswith("LeakyReLU is written as PReLU with the same slope for every channel") for line in lines)
        == 1
    )
    assert all(": " in line for line in lines)


def test_the_given_model_keeps_its_weights_and_is_saved_as_it_was(cases):
    for name in REWRITTEN:
        assert cases[name]["weights kept"] is True, name
        assert cases[name]["saved alike"] == 0.0, name


def test_a_model_with_a_call_of_its_own_is_left_alone(cases):
    assert cases["own"] == {"rewrites": []}


def test_a_rewrite_that_changes_the_results_is_a_conversion_error(cases):
    assert cases["lying"]["error"] == "ConversionError"
    assert "convert with --no-fix" in cases["lying"]["text"]


def test_a_rewrite_that_gives_no_number_is_a_conversion_error(cases):
    assert cases["not a number"]["error"] == "ConversionError"


NET = """\
import keras

def make(input_shape, classes):
    layers = keras.layers
    keras.utils.set_random_seed(1)
    image = keras.Input(input_shape)
    features = layers.LeakyReLU(0.1)(layers.Conv2D(4, 3)(layers.Reshape((*input_shape, 1))(image)))
    return keras.Model(image, layers.Dense(classes, activation="softmax")(layers.Flatten()(features)))
"""


@pytest.fixture(scope="module")
def net(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("net") / "net.py"
    path.write_text(NET, "utf-8")
    return f"{path}:make"


@pytest.mark.long
def test_the_command_refuses_without_rewriting_and_names_what_it_rewrote(net, tmp_path):
    def convert(*options: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "edgeready", "convert", net, "--data", "digits", *options]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)

    refused = convert("--no-fix")
    assert (refused.returncode, refused.stdout) == (5, "")
    assert refused.stderr.startswith("edgeready: the Edge TPU would map ")
    assert "LEAKY_RELU" in refused.stderr
    assert refused.stderr.endswith("; or accept it with --allow-cpu-ops\n")
    assert refused.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    done = convert("--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [line.partition(": ")[2] for line in document["rewrites"]] == [
        "LeakyReLU is written as PReLU with the same slope for every channel"
    ]
    assert document["readiness"]["ready"] is True
