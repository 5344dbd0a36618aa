"""A border of minus infinity in front of a maximum pooling becomes zeros where no result changes by it."""

from __future__ import annotations

import numpy as np
import pytest
from engine_nets import SAME, inputs_of, padded
from float_nets import LINEAR, RELU, RELU6

from edgeready.config.method import Method
from edgeready.config.modes import MODES
from edgeready.engine.float_model import load_tflite
from edgeready.engine.litert import LiteRtQuantizer
from edgeready.engine.quantizer import make_integer
from edgeready.engine.zero_borders import zero_borders
from edgeready.proof.conformance import prove
from edgeready.readiness import check_graph
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.session import Session
from edgeready_device.tflite.graph import read_graph

LEAST = np.finfo(np.float32).min


def names(data):
    return [op.name for op in read_graph(data).ops]


def answers(data):
    session = Session.from_file(TfliteModel(data, trusted=True))
    return np.concatenate([session.invoke([image[np.newaxis] - 0.5])[0] for image in inputs_of(data).arrays[0]])


@pytest.mark.parametrize("value", [-np.inf, LEAST, -1.0])
@pytest.mark.parametrize(("activation", "width"), [(RELU, 1), (RELU6, 1), (RELU, 2)])
def test_a_border_behind_a_relu_becomes_zeros_and_every_answer_stays(value, activation, width):
    data = padded(value, activation, width)
    rewritten = zero_borders(data)
    assert names(rewritten) == ["CONV_2D", "PAD", "MAX_POOL_2D"]
    assert np.array_equal(answers(rewritten), answers(data))
    assert zero_borders(rewritten) is rewritten


def test_a_file_with_such_a_border_becomes_integers_that_an_edge_tpu_runs(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(padded(-np.inf, RELU))
    model = load_tflite(path).float32
    graph = read_graph(make_integer(LiteRtQuantizer(), model, "uint8", inputs_of(model), Method()))
    prove(graph, MODES["uint8"])
    assert [op.name for op in graph.ops] == ["QUANTIZE", "CONV_2D", "PAD", "MAX_POOL_2D", "QUANTIZE"]
    assert check_graph(graph).ready


def test_a_second_border_behind_pools_and_the_first_becomes_zeros_too():
    data = padded(-np.inf, RELU, pools=2)
    rewritten = zero_borders(data)
    assert names(rewritten) == ["CONV_2D", "PAD", "MAX_POOL_2D", "PAD", "MAX_POOL_2D"]
    assert np.array_equal(answers(rewritten), answers(data))


@pytest.mark.parametrize(
    "data",
    [
        padded(-np.inf, LINEAR, pools=2),
        padded(-np.inf, LINEAR),
        padded(0.1, RELU),
        padded(np.nan, RELU),
        padded(-np.inf, RELU, width=3),
        padded(-np.inf, RELU, window_padding=SAME),
        padded(-np.inf, RELU, outputs=("scores", "padded")),
    ],
    ids=[
        "values below 0 and pools",
        "values below 0",
        "a number above 0",
        "no number",
        "windows of border alone",
        "same padding",
        "it is an output",
    ],
)
def test_a_border_whose_zeros_could_be_seen_stays(data):
    assert zero_borders(data) is data
