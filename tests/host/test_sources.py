"""Trained models from every kind of file, each written by its real library (see source_files.py, source_cases.py)."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from builds import HERE, LONG, NEEDS_TENSORFLOW

from edgeready.config.build import BuildConfig, DataConfig, OutputConfig, SourceConfig
from edgeready.config.extras import install_command
from edgeready.workflows import build as pipeline
from edgeready_device.model import Model
from edgeready_device.model_file.contract import Description
from edgeready_device.model_file.reader import read_model_file

pytestmark = [
    *NEEDS_TENSORFLOW,
    pytest.mark.skipif(importlib.util.find_spec("tf_keras") is None, reason="the extra `legacy` is not installed"),
]
_FOLDER = tempfile.TemporaryDirectory(prefix="edgeready-tests-")
FOLDER = Path(_FOLDER.name)
SAME = (
    "keras3.keras keras3.h5 keras2.h5 keras2.keras keras3_export keras2_saved_model frozen.pb tflite nested".split()
)
SAME += ["module by signature", "frozen named"]
KINDS = (
    "a Keras model (.keras or .h5), the folder of a SavedModel, a frozen graph (.pb), a float32 .tflite, "
    "an ONNX model, or FILE.py:FUNCTION"
)


@cache
def files(*large: str) -> Path:
    """The folder with the files of source_files.py."""
    folder = FOLDER / ("large" if large else "small")
    folder.mkdir()
    subprocess.run(
        [sys.executable, str(HERE / "source_files.py"), str(folder), *large], check=True, capture_output=True
    )
    return folder


@cache
def cases() -> dict:
    subprocess.run([sys.executable, str(HERE / "source_cases.py"), str(files())], check=True, capture_output=True)
    return json.loads((files() / "cases.json").read_text("utf-8"))


@cache
def answers(name: str) -> np.ndarray:
    model = Model.load(files() / f"{name}.float.tflite").described_as(Description(preset="unit"))
    return np.stack([model.run(frame) for frame in np.load(files() / "frames.npy")])


@pytest.mark.parametrize("name", SAME)
def test_every_kind_of_file_gives_the_same_answers(name):
    assert "error" not in cases()[name], cases()[name]
    expected = answers("keras3.keras")
    assert expected.shape == (20, 10)
    assert expected.std() > 0.05  # the network does say something
    np.testing.assert_allclose(answers(name), expected, atol=2e-6)


@pytest.mark.parametrize("name", SAME)
def test_every_kind_of_file_becomes_a_static_network_without_operations_on_shapes(name):
    assert cases()[name]["value"]
    graph = read_model_file(files() / f"{name}.float.tflite").graph
    assert [op.name for op in graph.ops] == (
        "CONV_2D DEPTHWISE_CONV_2D MAX_POOL_2D RESHAPE FULLY_CONNECTED SOFTMAX".split()
    )
    assert all(tensor.static for tensor in graph.tensors)


@pytest.mark.parametrize("name", ["keras3.keras", "keras3.h5"])
def test_what_keras_3_wrote_stays_a_keras_model(name):
    assert cases()[name] == {"value": {"kind": "keras", "versions": {}}}


@pytest.mark.parametrize("name", ["keras2.h5", "keras2.keras", "nested"])
def test_what_keras_2_wrote_and_keras_3_does_not_load_comes_through_tf_keras(name):
    found = cases()[name]["value"]
    assert (found["kind"], list(found["versions"])) == ("network", ["tf_keras"])


def refusal(name: str, error: str = "ModelSourceError", code: int = 3) -> str:
    found = cases()[name]
    assert (found.get("error"), found.get("code")) == (error, code), found
    assert "\n" not in found["text"]
    return found["text"].replace(f"{files()}/", "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("two signatures", "module: the SavedModel has the signatures scores, halves: choose one with --signature"),
        ("no such signature", "module: the SavedModel has no signature 'score': give --signature scores, halves"),
        (
            "no signature",
            "bare: the SavedModel has no signature: save it with tf.saved_model.save(..., signatures=...)",
        ),
        (
            "wrong shape",
            "frozen.pb: --input-shape is [14, 14, 1], the input 'pixels' has [None, 28, 28, 1]: they differ",
        ),
        (
            "wrong rank",
            "frozen.pb: --input-shape is [1, 28, 28, 1, 1], the input 'pixels' has [None, 28, 28, 1]: they differ",
        ),
        ("two shapes", "frozen.pb: 2 times --input-shape for 1 inputs: give one an input, in their order"),
        ("no such input", "frozen.pb: no node 'image' for --input: the graph has pixels"),
        ("no such output", "frozen.pb: no node 'scores' for --output: the graph has answers"),
        ("a second output", "two_ends.pb: 2 nodes may be the output (half, double): choose with --output"),
        (
            "a second input",
            "two_inputs.pb: 2 placeholders may be the input (pixels, keep): choose with --input",
        ),
        (
            "a needed placeholder",
            "two_inputs.pb: the output 'kept' also needs the placeholder 'keep': name it with --input, too, or "
            "freeze the graph for inference",
        ),
        (
            "open size",
            "open_size.pb: the input 'pixels' has the open shape [None, None, 4]: give --input-shape, as in "
            "1x28x28x1",
        ),
        (
            "not frozen",
            "variables.pb: the graph holds the variable 'kernel': freeze it first, with "
            "convert_variables_to_constants",
        ),
        ("empty folder", f"empty: the folder holds no saved_model.pb; give {KINDS}"),
        ("pipe", "pipe.keras: it is a pipe: name a file"),
        ("text.txt", f"text.txt: give {KINDS}"),
    ],
)
def test_a_source_that_is_not_clear_is_refused_with_what_to_say(name, said):
    assert refusal(name) == said


def test_a_file_that_is_not_there_is_not_found():
    assert refusal("missing", "NotFoundError", 4) == f"missing.h5: no such model file; give {KINDS}"


@pytest.mark.parametrize("name", ["a saved model's own file", "text.pb"])
def test_a_file_that_is_no_graph_is_told_from_a_saved_model(name):
    text = refusal(name)
    assert ": this is no frozen graph (" in text
    assert text.endswith("; give the folder of a SavedModel, not the .pb in it")


def test_a_damaged_saved_model_is_named():
    assert refusal("damaged").startswith("damaged: TensorFlow does not load this SavedModel (")


def test_a_layer_that_tf_keras_does_not_know_is_named_with_both_versions():
    text = refusal("unknown layer of Keras 2")
    assert text.startswith("unknown.h5 was written by Keras 2.")
    assert text.endswith(
        "does not load it (tf_keras has no 'StrangeConv2D' of 'keras.layers'; code in a model is not run: give "
        "FILE.py:FUNCTION instead)"
    )


def test_without_tf_keras_the_extra_is_named():
    text = refusal("no extra", "MissingExtraError", 6)
    assert text.startswith("nested.h5 was written by Keras 2.")
    assert text.endswith(f"): run {install_command('legacy')}")


@pytest.mark.parametrize("name", ["the first output", "both inputs", "open size given"])
def test_a_graph_whose_ends_are_named_is_taken(name):
    assert cases()[name] == {"value": {"kind": "network", "versions": {}}}


def test_a_named_output_is_the_one_that_is_computed():
    graph = read_model_file(files() / "the first output.float.tflite").graph if cases() else None
    assert [op.name for op in graph.ops] == ["MUL"]
    assert graph.of(graph.ops[0].inputs)[1].values() == 0.5


def converted(source: Path, data: str, out: Path, **settings):
    return pipeline.convert(
        BuildConfig(
            data=DataConfig(source=data),
            model=str(source),
            output=OutputConfig(out=out),
            source=SourceConfig(**settings),
        )
    )


@pytest.mark.long
def test_a_frozen_graph_is_converted_to_a_ready_file_with_the_keras_models_accuracy(tmp_path):
    result = converted(files() / "frozen.pb", "digits", tmp_path / "a.tflite")
    assert result.readiness.ready
    assert result.comparison.baseline.accuracy.top1.value > 0.85
    assert result.comparison.agreement.value > 0.98
    manifest = read_model_file(tmp_path / "a.tflite").manifest
    assert (manifest.name, manifest.scores) == ("frozen", "probabilities")


@LONG
@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet.h5", "teachable.h5"])
def test_an_old_mobilenet_and_a_teachable_machine_model_become_ready_files(tmp_path, name):
    noise = np.random.default_rng(0)
    labels = np.arange(60) % 3
    np.savez(tmp_path / "rgb.npz", x=noise.integers(0, 256, (60, 64, 64, 3), dtype=np.uint8), y=labels)
    result = converted(files("--large") / name, str(tmp_path / "rgb.npz"), tmp_path / "a.tflite")
    assert result.readiness.ready
    assert result.comparison.model.accuracy.outputs.shape == (12, 3)
    assert "tf_keras" in read_model_file(tmp_path / "a.tflite").manifest.provenance["versions"]


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("uint8", "it is quantized already, ends uint8"),
        ("int8-float-io", "it is quantized already, ends float32"),
        ("dynamic", "its weights are int8 already (dynamic range), and rounded"),
        ("float16", "its weights are float16, their last digits are lost"),
    ],
)
def test_a_tflite_that_is_no_plain_float32_network_is_refused(mode, said):
    as_it_is = ", or use this file as it is (check, golden and evaluate take it)" if "quantized" in said else ""
    assert refusal(mode) == f"{mode}.tflite: {said}: convert the model that it was made from{as_it_is}"


# -- graphs that were trained for 8 bits -----------------------------------------------------------------------------


def test_the_ranges_of_fake_quant_nodes_are_taken():
    found = cases()["fake quant True"]["value"]
    assert found["scales"] == [round(4 / 255, 5)]
    assert found["note"] == ["the ranges of the FakeQuant nodes are taken as they are"]
    assert (found["modes"], found["runs"]) == (["float16", "float32", "uint8"], [True, True])
    assert found["refusals"] == {
        "int16x8": "fake_quant_True was trained for 8 bits (FakeQuant): choose --mode uint8 or int8"
    }
    assert not {"QUANTIZE", "DEQUANTIZE"} & set(found["float"])


def test_ranges_that_no_kernel_takes_are_measured_again():
    found = cases()["fake quant False"]["value"]
    assert found["scales"] != [round(4 / 255, 5)]
    assert found["note"] == [
        "the FakeQuant nodes are left out and the ranges measured: weights with an offset have no int8 kernel"
    ]
    assert (found["modes"], found["runs"]) == (["float16", "float32", "int16x8", "uint8"], [True, True])


def test_ranges_of_a_graph_that_becomes_integer_by_chance_are_measured_again():
    found = cases()["fake quant cut"]["value"]
    assert found["note"] == [
        "the FakeQuant nodes are left out and the ranges measured: TensorFlow makes SPLIT integer by chance only, as "
        "nothing reads one of its pieces",
        "the pieces of SPLIT, SPLIT_V or UNPACK that are read are slices: nothing reads the others",
    ]
    assert (found["modes"], found["runs"]) == (["float16", "float32", "int16x8", "uint8"], [True, True])


# -- signatures -----------------------------------------------------------------------------------------------------


def test_the_signature_that_takes_pictures_is_chosen():
    assert cases()["served to pictures"] == {"value": [1, 8, 8, 1]}
    assert cases()["served to others"] == {"value": [1]}  # the default one, whose input is refused in its own words


def test_a_signature_saved_in_training_mode_is_named_with_the_cure():
    found = cases()["saved in training mode"]
    assert (found["error"], found["code"]) == ("ModelSourceError", 3)
    assert found["text"].endswith("changes a variable in it")
    assert ": give the .keras file, or export the model without layers of random augmentation: the" in found["text"]
