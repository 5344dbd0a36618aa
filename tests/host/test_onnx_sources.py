"""ONNX models become float32 .tflite files with the same outputs, and one of them a whole uint8 file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import run_cache
from builds import HERE, NEEDS_TENSORFLOW

pytest.importorskip("onnxsim", reason="the extra `onnx` is not installed (it needs CPython 3.11)")
pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")

import onnx
from onnx_nets import CLASSES, NETS, SIZE, N, Weights, flat, model, network

from edgeready.errors import ConversionError
from edgeready.quantization.samples import Samples
from edgeready.quantization.source_check import hold_against_source
from edgeready.readiness import check_graph
from edgeready_device.model_file.reader import TfliteModel, read_model_file

pytestmark = NEEDS_TENSORFLOW


def rows(operator: str) -> onnx.ModelProto:
    """A model of tensors, five numbers in and out."""
    return model([N(operator, ["image"], ["scores"])], Weights(), image=("N", 5), scores=("N", 5))


# Models with an operator that has no translation, and its name.
REFUSED = {
    "selu": (network(lambda w: [N("Selu", ["a"], ["b"])]), "Selu"),
    "softsign": (rows("Softsign"), "Softsign"),
    "two": (network(lambda w: [N("Selu", ["a"], ["d"]), N("Elu", ["d"], ["b"])]), "Selu, Elu"),
}


def answers() -> dict:
    return run_cache.once("onnx", read_all)


def read_all(folder: Path) -> dict:
    for name, net in {**NETS, **{name: net for name, (net, _) in REFUSED.items()}}.items():
        onnx.save(net, folder / f"{name}.onnx")
    done = subprocess.run(
        [sys.executable, str(HERE / "onnx_cases.py"), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    files = {path.stem: path.read_bytes().hex() for path in folder.glob("*.tflite")}
    return {"cases": json.loads((folder / "cases.json").read_text("utf-8")), "files": files}


def file_of(name: str) -> TfliteModel:
    return TfliteModel(bytes.fromhex(answers()["files"][name]), trusted=True)


@pytest.mark.parametrize("name", NETS)
def test_a_model_gives_in_tflite_what_it_gives_in_onnx_runtime(name):
    shape = [1, SIZE, SIZE, 1] if name == "flat" else [1, SIZE, SIZE, 3]
    assert answers()["cases"][name] == {"shape": shape, "frames": 4, "near": True}


@pytest.mark.parametrize("name", NETS)
def test_a_model_has_no_operator_that_the_edge_tpu_lacks(name):
    graph = file_of(name).graph
    assert all(tensor.static for tensor in graph.tensors)
    ops = [op.name for op in graph.ops]
    assert not {"PADV2", "SPLIT", "SPLIT_V", "HARD_SWISH", "LEAKY_RELU", "SHAPE"} & set(ops)
    assert "TRANSPOSE" not in ops


@pytest.mark.parametrize("name", REFUSED)
def test_an_operator_without_a_translation_is_named(name):
    case = answers()["cases"][name]
    assert (case["error"], case["code"]) == ("ModelSourceError", 3)
    assert f"{name}.onnx: write the network without {REFUSED[name][1]}, or " in case["text"]


def test_a_translation_with_other_results_is_no_model():
    float32 = file_of("plain")
    frames = Samples((np.ones((2, SIZE, SIZE, 3), np.float32),))
    others = {
        r"[0-9.]+": np.full((1, CLASSES), 3.0, np.float32),
        "inf": np.zeros(3, np.float32),
        "inf ": np.full((1, CLASSES), np.nan, np.float32),
    }
    for said, outputs in others.items():
        with pytest.raises(
            ConversionError, match=f"differs by {said.strip()} from what onnxruntime 1 computes, whose"
        ):
            hold_against_source(float32, frames, lambda inputs, outputs=outputs: [outputs], "onnxruntime 1")


def test_a_flat_model_becomes_a_file_that_says_where_it_is_from(run_here, tmp_path):
    onnx.save(flat(), tmp_path / "net.onnx")
    random = np.random.default_rng(0)
    labels = np.arange(80) % CLASSES
    images = (random.integers(0, 60, (80, SIZE, SIZE)) + 40 * labels[:, None, None]).astype(np.uint8)
    np.savez(tmp_path / "data.npz", x_train=images[:60], y_train=labels[:60], x_test=images[60:], y_test=labels[60:])
    code, out, err = run_here("convert", "net.onnx", "--data", "data.npz", "-o", "net.tflite", "--json")
    document = json.loads(out)
    assert code in (0, 1), err  # an untrained network may be no better than a guess
    check = document["source_check"]
    assert check["runtime"].startswith("onnxruntime ")
    assert check["difference"] <= 1e-5 * check["largest_value"]
    assert document["engine"] == "tensorflow"
    assert document["protections"]
    file = read_model_file(tmp_path / "net.tflite")
    assert check_graph(file.graph).ready
    assert file.manifest.provenance["source_check"] == check
    assert {"onnx", "onnxsim", "onnxruntime"} <= set(file.manifest.provenance["versions"])
