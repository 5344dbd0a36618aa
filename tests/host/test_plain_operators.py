"""Ops without an 8-bit form are written in others with the same results, and the whole is proved."""

from __future__ import annotations

import numpy as np
import pytest
from engine_nets import network, weights
from float_nets import CHANNELS, SIZE, UNIT_STRIDE
from tflite_models import O, T

from edgeready.config.build import NetworkConfig
from edgeready.engine.float_model import load_tflite
from edgeready.engine.make import make
from edgeready.engine.plain_operators import plain_operators
from edgeready.engine.rewriting import RewrittenFloat
from edgeready.errors import ConversionError
from edgeready.jobs.job import Job
from edgeready.quantization.source_check import reference_of
from edgeready.readiness import check_graph
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
