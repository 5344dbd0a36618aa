"""Ops without an 8-bit form are written in others with the same results, and the whole is proved."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_nets import network, weights
from float_nets import CHANNELS, SIZE, UNIT_STRIDE
from tflite_models import O, T

from edgeready.config.build import NetworkConfig
from edgeready.engine.float_model import load_tflite
from edgeready.engine.make import make
from edgeready.engine.plain_operators import plain_operators
from edgeready.engine.rewriting import RewrittenFloat, rewrite_float_model
from edgeready.errors import ConversionError
from edgeready.jobs.job import Job
from edgeready.quantization.source_check import reference_of
from edgeready.readiness import check_graph
from edgeready.readiness.gelu_form import GELU_ERF, GELU_LIMIT, GELU_TANH
from edgeready_device.progress import no_progress
from edgeready_device.tflite.graph import read_graph

MAPS = (1, SIZE, SIZE, CHANNELS)
WIDE = (1, SIZE + 2, SIZE + 2, CHANNELS)
BORDER = np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)


def with_op(name, *more, options=None, shape=MAPS):
    """A convolution, and the op `name` on its maps and the constants `more`."""
    return network(
        [
            T("image", (1, SIZE, SIZE, 3), "float32"),
            T("kernel", data=weights(CHANNELS, 3, 3, 3)),
            T("bias", data=weights(CHANNELS)),
            T("maps", MAPS, "float32"),
            *(T(f"more_{number}", data=values) for number, values in enumerate(more)),
            T("scores", shape, "float32"),
        ],
        [
            O("CONV_2D", ["image", "kernel", "bias"], ["maps"], options=UNIT_STRIDE),
            O(name, ["maps", *(f"more_{number}" for number in range(len(more)))], ["scores"], options=options or {}),
        ],
    )


def names(data):
    return [op.name for op in read_graph(data).ops][1:]


def outputs(data):
    image = np.random.default_rng(2).normal(0, 3, (1, SIZE, SIZE, 3)).astype(np.float32)
    return reference_of(data)([image])[0]


PLAIN = {
    "hard swish": (with_op("HARD_SWISH"), ["MUL", "ADD", "MUL"], "HARD_SWISH is written with MUL, ADD and RELU6, 1x"),
    "leaky relu": (with_op("LEAKY_RELU", options={"alpha": 0.3}), ["PRELU"], "LEAKY_RELU is written as PRELU, 1x"),
    "quotient": (with_op("DIV", np.float32(6)), ["MUL"], "DIV by a constant is written as MUL, 1x"),
    "quotients": (with_op("DIV", np.arange(1, CHANNELS + 1, dtype=np.float32)), ["MUL"], "DIV by a constant"),
    "relu of a quotient": (
        with_op("DIV", np.float32(-2), options={"fusedActivationFunction": 1}),
        ["MUL"],
        "DIV by a constant is written as MUL, 1x",
    ),
    "sign": (with_op("NEG"), ["MUL"], "NEG is written as MUL by -1, 1x"),
    "squares": (with_op("SQUARE"), ["MUL"], "SQUARE is written as MUL, 1x"),
    "size": (with_op("ABS"), ["MUL", "MUL", "ADD"], "ABS is written with MUL, RELU and ADD, 1x"),
    "unit": (with_op("RELU_0_TO_1"), ["MUL", "MUL"], "RELU_0_TO_1 is written with MUL and RELU6, 1x"),
    "zeros": (with_op("PADV2", BORDER, np.float32(0), shape=WIDE), ["PAD"], "PADV2 of zeros is written as PAD, 1x"),
}


@pytest.mark.parametrize("name", PLAIN)
def test_an_op_is_written_in_others_and_every_answer_stays(name):
    data, plainer, said = PLAIN[name]
    rewritten, (sentence,) = plain_operators(data)
    assert names(rewritten) == plainer
    assert sentence.startswith(said)
    expected = outputs(data)
    np.testing.assert_allclose(outputs(rewritten), expected, atol=1e-6 * abs(expected).max())
    assert plain_operators(rewritten) == (rewritten, ())


@pytest.mark.parametrize(
    "data",
    [
        with_op("DIV", np.float32(0)),
        with_op("PADV2", BORDER, np.float32(1), shape=WIDE),
        with_op("PADV2", BORDER, np.float32(np.nan), shape=WIDE),
        with_op("RELU"),
    ],
    ids=["by zero", "a border of ones", "a border without a number", "an op that is plain"],
)
def test_what_has_no_plainer_form_stays(data):
    assert plain_operators(data) == (data, ())


GELU = {  # the op, how many powers it takes, and how far from it the plain ops may be, of the largest output
    "tanh": (with_op("GELU", options={"approximate": True}), 1, 1e-6),
    "erf": (with_op("GELU", options={"approximate": False}), 4, 2e-6),
    "no options": (with_op("GELU"), 4, 2e-6),
}


@pytest.mark.parametrize("name", GELU)
def test_gelu_is_written_with_a_sigmoid(name):
    data, powers, tolerance = GELU[name]
    rewritten, sentences = plain_operators(data)
    assert names(rewritten) == ["MUL", "ADD", "ADD", "MUL", *["MUL", "ADD"] * powers, "MUL", "LOGISTIC", "MUL"]
    assert sentences == ("GELU is written with MUL, ADD and LOGISTIC, 1x",)
    expected = outputs(data)
    assert expected.max() > 2 * GELU_LIMIT
    np.testing.assert_allclose(outputs(rewritten), expected, atol=tolerance * expected.max(), rtol=0)


@pytest.mark.parametrize(("terms", "most"), [(GELU_TANH, 3.5e-6), (GELU_ERF, 3.5e-6)])
def test_the_form_of_gelu_is_as_near_as_it_says(terms, most):
    values = np.linspace(-5, 5, 2001)
    near = np.clip(values, -GELU_LIMIT, GELU_LIMIT)
    form = values / (1 + np.exp(-near * np.polyval(terms[::-1], near * near)))
    if terms is GELU_TANH:
        expected = values / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (values + 0.044715 * values**3)))
    else:
        expected = values / 2 * np.array([math.erfc(-value / math.sqrt(2)) for value in values])
    assert abs(form - expected).max() <= most


def test_in_8_bits_gelu_is_ready_and_as_exact_as_its_steps(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(GELU["erf"][0])
    task = job(path)
    model = make(task, read_log=str, progress=no_progress).models["uint8"]
    assert check_graph(model.graph).ready
    source, result = model.graph.of((*model.graph.inputs, *model.graph.outputs))
    images = task.arrays["image"][:1]
    pixels = np.round(images / source.scales[0] + source.zero_points[0]).astype(np.uint8)
    (integers,) = reference_of(model.flatbuffer)([pixels])
    (expected,) = reference_of(path.read_bytes())([images])
    errors = (integers.astype(float) - result.zero_points[0]) * result.scales[0] - expected
    assert np.sqrt((errors**2).mean()) < result.scales[0]


def test_what_was_replaced_is_not_carried_along():
    """The weights of a dense layer behind a moved map are written anew, and the old ones are gone."""
    size = 40
    data = network(
        [
            T("image", (1, size, size, 3), "float32"),
            T("axes", data=np.array([0, 3, 1, 2], np.int32)),
            T("turned", (1, 3, size, size), "float32"),
            T("shape", data=np.array([1, 3 * size * size], np.int32)),
            T("flat", (1, 3 * size * size), "float32"),
            T("matrix", data=weights(10, 3 * size * size)),
            T("bias", data=weights(10)),
            T("scores", (1, 10), "float32"),
        ],
        [
            O("TRANSPOSE", ["image", "axes"], ["turned"]),
            O("RESHAPE", ["turned", "shape"], ["flat"]),
            O("FULLY_CONNECTED", ["flat", "matrix", "bias"], ["scores"]),
        ],
    )
    rewritten = rewrite_float_model(data).data
    graph = read_graph(rewritten)
    assert sorted(tensor.name for tensor in graph.tensors) == [
        "bias",
        "flat",
        "flat/shape",
        "image",
        "matrix/columns",
        "scores",
    ]
    assert len(rewritten) < len(data)
    image = np.random.default_rng(0).random((1, size, size, 3), np.float32)
    np.testing.assert_allclose(reference_of(rewritten)([image])[0], reference_of(data)([image])[0], atol=1e-4)


def job(path, **network):
    frames = np.random.default_rng(0).integers(0, 255, (8, SIZE, SIZE, 3)).astype(np.uint8)
    arrays = {"image": frames.astype(np.float32) / 255}
    return Job(model=str(path), arrays=arrays, network=NetworkConfig(**network), engine="litert")


def test_a_rewritten_file_is_ready_and_says_what_was_done(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(PLAIN["hard swish"][0])
    result = make(job(path), read_log=str, progress=no_progress)
    assert result.rewrites == ("HARD_SWISH is written with MUL, ADD and RELU6, 1x",)
    assert check_graph(result.models["uint8"].graph).ready
    check = result.source_check
    assert (check.runtime, check.frames) == ("the file as it came", 8)
    assert check.difference <= 1e-6 * check.largest_value


def test_without_fix_the_file_stays_as_it_came(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(PLAIN["hard swish"][0])
    source = load_tflite(path, fix=False)
    assert (source.rewrites, names(source.float32)) == ((), ["HARD_SWISH"])
    result = make(job(path, fix=False), read_log=str, progress=no_progress)
    assert (result.rewrites, result.source_check) == ((), None)


def test_a_rewrite_with_other_results_is_no_model(tmp_path, monkeypatch):
    path = tmp_path / "net.tflite"
    path.write_bytes(PLAIN["leaky relu"][0])
    wrong = RewrittenFloat(data=with_op("RELU"), rewrites=("LEAKY_RELU is written as RELU, 1x",))
    monkeypatch.setattr("edgeready.engine.float_model.rewrite_float_model", lambda data: wrong)
    with pytest.raises(ConversionError, match=r"^report this model: .* from what the file as it came computes"):
        make(job(path), read_log=str, progress=no_progress)


def first(size=(1, 3, SIZE, SIZE)):
    """A convolution behind a TRANSPOSE of an input with the channels first, and the mean of its maps."""
    last = (1, *size[2:], size[1])
    return network(
        [
            T("image", size, "float32"),
            T("axes", data=np.array([0, 2, 3, 1], np.int32)),
            T("turned", last, "float32"),
            T("kernel", data=weights(CHANNELS, 3, 3, size[1])),
            T("bias", data=weights(CHANNELS)),
            T("maps", (1, *size[2:], CHANNELS), "float32"),
            T("places", data=np.array([1, 2], np.int32)),
            T("scores", (1, CHANNELS), "float32"),
        ],
        [
            O("TRANSPOSE", ["image", "axes"], ["turned"]),
            O("CONV_2D", ["turned", "kernel", "bias"], ["maps"], options=UNIT_STRIDE),
            O("MEAN", ["maps", "places"], ["scores"]),
        ],
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_that_go_in_with_the_channels_first_go_in_with_them_last(tmp_path, channels):
    data = first((1, channels, SIZE, SIZE + 2))
    path = tmp_path / "net.tflite"
    path.write_bytes(data)
    frame = (SIZE, SIZE + 2) if channels == 1 else (SIZE, SIZE + 2, 3)
    source = load_tflite(path, frame)
    graph = read_graph(source.float32)
    assert [op.name for op in graph.ops] == ["CONV_2D", "MEAN"]
    assert graph.tensors[graph.inputs[0]].shape == (1, SIZE, SIZE + 2, channels)
    image = np.random.default_rng(0).random((1, SIZE, SIZE + 2, channels), np.float32)
    (expected,) = reference_of(data)([np.ascontiguousarray(image.transpose(0, 3, 1, 2))])
    np.testing.assert_allclose(reference_of(source.float32)([image])[0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("size", "frame"),
    [((1, 3, SIZE, SIZE), None), ((1, 3, SIZE, 3), (3, SIZE, 3)), ((1, 4, SIZE, SIZE), (4, SIZE, SIZE))],
)
def test_an_input_that_is_no_picture_with_the_channels_first_stays(tmp_path, size, frame):
    path = tmp_path / "net.tflite"
    path.write_bytes(first(size))
    graph = read_graph(load_tflite(path, frame).float32)
    assert graph.tensors[graph.inputs[0]].shape == size
