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
from edgeready.jobs.job import Job
from edgeready.jobs.run_job import run_job
from edgeready.quantization.samples import Samples
from edgeready.quantization.source_check import hold_against_source
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.progress import no_progress

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


@pytest.mark.long
def test_what_only_tensorflow_translates_is_made_integer_by_litert_where_tensorflow_cuts_values_off(tmp_path):
    """A slice with steps is translated by onnxsim alone; a MINIMUM and a sum read the same map."""
    w = Weights()
    nodes = [
        N("Conv", ["image", w(4, 3, 3, 3)], ["c"], pads=[1, 1, 1, 1]),
        N("Min", ["c", w.add(np.float32(0.1))], ["low"]),
        N("Add", ["c", "low"], ["s"]),
        N("Slice", ["s", *(w.add(np.array([value])) for value in (0, SIZE, 2, 2))], ["p"]),
        N("ReduceMean", ["p"], ["scores"], axes=[2, 3], keepdims=0),
    ]
    onnx.save(model(nodes, w, scores=("N", 4)), tmp_path / "net.onnx")
    frames = np.random.default_rng(0).integers(0, 255, (8, SIZE, SIZE, 3)).astype(np.uint8)
    job = Job(
        model=str(tmp_path / "net.onnx"),
        classes=4,
        images=frames,
        labels=np.arange(8) % 4,
        calibration=frames,
        settled=True,
    )
    result = run_job(job, no_progress)
    assert result.refusals == {}
    assert result.engines["uint8"] == "litert"
    assert result.engine_reasons["uint8"].startswith(
        "LiteRT made the integers, because TensorFlow gave up: op 0 CONV_2D"
    )
