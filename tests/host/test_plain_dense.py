"""A dense layer of version 5 on two dimensions gets a version that the Edge TPU compiler is known to take."""

from __future__ import annotations

import numpy as np
import pytest
from engine_nets import CHANNELS, inputs_of, network, weights
from tflite_models import O, T

from edgeready.config.method import Method
from edgeready.engine.float_model import load_tflite
from edgeready.engine.litert import LiteRtQuantizer
from edgeready.engine.plain_dense import lower_dense_versions
from edgeready.engine.quantizer import make_integer
from edgeready.readiness import check_graph
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.session import Session
from edgeready_device.tflite.graph import read_graph


def dense(shape, version=5):
    return network(
        [
            T("image", shape, "float32"),
            T("matrix", data=weights(CHANNELS, CHANNELS)),
            T("bias", data=weights(CHANNELS)),
            T("scores", shape, "float32"),
        ],
        [O("FULLY_CONNECTED", ["image", "matrix", "bias"], ["scores"], version, {"keepNumDims": True})],
    )


def versions(data):
    return [op.version for op in read_graph(data).ops]


def answers(data):
    session = Session.from_file(TfliteModel(data, trusted=True))
    return np.concatenate([session.invoke([values[np.newaxis]])[0] for values in inputs_of(data).arrays[0]])


def test_a_dense_layer_on_two_dimensions_is_ready_and_answers_as_before(tmp_path):
    data = dense((1, CHANNELS))
    path = tmp_path / "net.tflite"
    path.write_bytes(data)
    plain = load_tflite(path).float32
    assert (versions(data), versions(plain)) == ([5], [1])
    assert np.array_equal(answers(plain), answers(data))
    integer = read_graph(make_integer(LiteRtQuantizer(), plain, "uint8", inputs_of(plain), Method()))
    assert [op.version for op in integer.ops if op.name == "FULLY_CONNECTED"] == [4]
    assert check_graph(integer).ready


@pytest.mark.parametrize("data", [dense((1, 3, CHANNELS)), dense((1, CHANNELS), version=9), dense((1, CHANNELS), 1)])
def test_a_dense_layer_whose_version_says_something_else_stays(data):
    assert lower_dense_versions(data) is data
