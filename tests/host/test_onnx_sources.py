"""onnxsim's translator, for what edgeready does not translate itself: the same outputs, or the operator by name."""

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
from onnx_nets import CLASSES, NETS, SIZE, N, Weights, model, network

from edgeready.errors import ConversionError
from edgeready.quantization.samples import Samples
from edgeready.quantization.source_check import hold_against_source
from edgeready_device.model_file.reader import TfliteModel

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


# Those whose form the translator sees; every model goes through test_onnx_translation.py.
TRIED = ["plain", "channels last", "whole numbers", "groups", "channel shuffle", "pool that rounds up", "flat"]


def answers() -> dict:
    return run_cache.once("onnx", read_all)


def read_all(folder: Path) -> dict:
    tried = {name: NETS[name] for name in TRIED}
    refused = {name: net for name, (net, _) in REFUSED.items()}
    for name, net in {**tried, **refused}.items():
        onnx.save(net, folder / f"{name}.onnx")
    done = subprocess.run(
        [sys.executable, str(HERE / "onnx_cases.py"), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    files = {path.stem: path.read_bytes().hex() for path in folder.glob("*.tflite")}
    return {"cases": json.loads((folder / "cases.json").read_text("utf-8")), "files": files}


def file_of(name: str) -> TfliteModel:
    return TfliteModel(bytes.fromhex(answers()["files"][name]), trusted=True)


@pytest.mark.parametrize("name", TRIED)
def test_a_model_gives_in_tflite_what_it_gives_in_onnx_runtime(name):
    shape = [1, SIZE, SIZE, 1] if name == "flat" else [1, SIZE, SIZE, 3]
    assert answers()["cases"][name] == {"shape": shape, "frames": 4, "near": True}


@pytest.mark.parametrize("name", TRIED)
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
