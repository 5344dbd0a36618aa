"""The files of the two engines, made from the same networks and inputs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_nets import SHARED, bands_classifier, clipped, clipped_from_both_sides, inputs_of, pieces, reduced
from float_nets import CHANNELS, SIZE, blocks, residual

from edgeready.config.engine import LITERT, TENSORFLOW
from edgeready.config.method import Method
from edgeready.config.modes import MODES
from edgeready.engine.litert import LiteRtQuantizer
from edgeready.engine.quantizer import make_integer
from edgeready.engine.unread_pieces import slice_pieces
from edgeready.errors import ConversionError
from edgeready.jobs.job import Job
from edgeready.jobs.run_job import run_job
from edgeready.proof.conformance import prove
from edgeready.quantization.matching import match_layers, real_values
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.progress import no_progress
from edgeready_device.session import Session
from edgeready_device.tflite.graph import read_graph

pytestmark = pytest.mark.tensorflow
HERE = Path(__file__).parent
NETS = {net.__name__: net for net in (blocks, residual, bands_classifier, *SHARED[:-1])}
OFTEN = {
    "split_often": slice_pieces(pieces("SPLIT", 3, read=(1,))),
    "split_v_often": slice_pieces(pieces("SPLIT_V", 3, read=(1,), sizes=(1, 2, 1))),
    "unpack_often": slice_pieces(pieces("UNPACK", 1, read=(2,))),
}  # by chance float32 or integer in TensorFlow 2.21 without the slices
CUT = {
    "clipped_for_all": clipped(),
    "clipped_for_one": clipped("scores"),
    "clipped_from_both_sides": clipped_from_both_sides(),
}
WRONG = SHARED[-1]  # in TensorFlow 2.21; LiteRT's file is held against float32 in test_litert_engine.py


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engines")
    for name, net in {**NETS, WRONG.__name__: WRONG}.items():
        (folder / f"{name}.tflite").write_bytes(net())
    for name, data in {**OFTEN, **CUT}.items():
        (folder / f"{name}.tflite").write_bytes(data)
    paths = os.pathsep.join([*sys.path, str(HERE), str(HERE.parent)])
    subprocess.run(
        [sys.executable, str(HERE / "engine_cases.py"), str(folder)],
        check=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    return folder


@pytest.fixture(params=NETS)
def files(request, folder):
    """The float32 model, LiteRT's file and TensorFlow's."""
    model = (folder / f"{request.param}.tflite").read_bytes()
    ours = make_integer(LiteRtQuantizer(), model, "uint8", inputs_of(model), Method())
    return model, ours, (folder / f"{request.param}_uint8.tflite").read_bytes()


def layers(model, integer):
    """The tensors of each layer of `integer`, in the order of the layers of `model`."""
    match = match_layers(read_graph(model), read_graph(integer))
    pairs = sorted(match.pairs, key=lambda pair: pair.float32.index)
    return [
        (pair.integer.name, match.integer.of(index for index in (*pair.integer.inputs, *pair.integer.outputs)))
        for pair in pairs
    ]


def test_ops_are_the_same_ranges_equal_and_weights_within_a_step(files):
    model, *integers = files
    ours, theirs = (layers(model, integer) for integer in integers)
    assert [name for name, _ in ours] == [name for name, _ in theirs]
    tensors = [pair for (_, mine), (_, other) in zip(ours, theirs) for pair in zip(mine, other, strict=True)]
    for mine, other in tensors:
        if not mine.constant:
            assert (mine.dtype, mine.zero_points) == (other.dtype, other.zero_points)
            assert np.allclose(mine.scales, other.scales, rtol=1e-5, atol=0)
        elif mine.scales:
            step = max(*mine.scales, *other.scales)
            assert np.abs(real_values(mine) - real_values(other)).max() <= 1.001 * step


def test_answers_are_within_a_step(files):
    model, *integers = files
    ours, theirs = (Session.from_file(TfliteModel(integer, trusted=True)) for integer in integers)
    for (sample,) in inputs_of(model)():
        frame = np.rint(255 * sample).astype(np.uint8)
        (mine,), (other,) = ours.invoke([frame]), theirs.invoke([frame])
        assert np.abs(mine.astype(int) - other.astype(int)).max() <= 1


@pytest.mark.parametrize("name", OFTEN)
def test_ten_runs_give_one_file_without_floats_with_each_engine(name, folder):
    assert (folder / f"{name}_uint8.txt").read_text() == "1"
    model = OFTEN[name]
    ours = {make_integer(LiteRtQuantizer(), model, "uint8", inputs_of(model), Method()) for _ in range(10)}
    assert len(ours) == 1
    for data in (*ours, (folder / f"{name}_uint8.tflite").read_bytes()):
        prove(read_graph(data), MODES["uint8"])


def test_what_tensorflow_gets_wrong_is_refused_with_a_remedy_that_helps(folder):
    wrong = (folder / f"{WRONG.__name__}_uint8.tflite").read_bytes()
    with pytest.raises(ConversionError, match=r"^op 2 MUL: it computes with one scale, .*: use --engine litert, or "):
        prove(read_graph(wrong), MODES["uint8"])
    prove(read_graph(make_integer(LiteRtQuantizer(), WRONG(), "uint8", inputs_of(WRONG()), Method())), MODES["uint8"])


def test_what_tensorflow_cannot_do_is_made_by_litert_and_the_reason_is_told():
    rows = np.random.default_rng(0).random((8, 1, 1, CHANNELS), np.float32)
    result = run_job(Job(model=f"{HERE / 'nets.py'}:tied", arrays={"image": rows}), no_progress)
    assert (result.engines, result.refusals) == ({"float32": TENSORFLOW, "uint8": LITERT}, {})
    assert result.engine_reasons == {
        "uint8": "LiteRT made the integers, because TensorFlow gave up: op 2 MUL: it computes with one scale, and "
        "'arith.constant1' has 4, those of the convolution that uses it, too"
    }
    prove(result.models["uint8"].graph, MODES["uint8"])
    graph = result.models["uint8"].graph
    (start,), (end,) = graph.of(graph.inputs), graph.of(graph.outputs)
    floats, integers = (Session.from_file(model) for model in (result.float32, result.models["uint8"]))
    for row in rows:
        (expected,) = floats.invoke([row[np.newaxis]])
        pixels = np.rint(row[np.newaxis] / start.scales[0]).astype(np.uint8)  # its zero point is 0
        (scores,) = integers.invoke([pixels])
        assert np.abs(end.scales[0] * (scores.astype(int) - end.zero_points[0]) - expected).max() < 3 * end.scales[0]


def test_what_litert_refuses_is_made_by_tensorflow_where_it_is_installed(tmp_path):
    path = tmp_path / "sum.tflite"
    path.write_bytes(reduced("SUM", (3,), (1, SIZE, SIZE)))
    rows = np.random.default_rng(0).random((8, SIZE, SIZE, CHANNELS), np.float32)
    result = run_job(Job(model=str(path), arrays={"image": rows}), no_progress)
    assert (result.engines, result.refusals) == ({"float32": LITERT, "uint8": TENSORFLOW}, {})
    assert sorted(result.versions) == ["ai-edge-litert", "tensorflow"]
    model = result.models["uint8"]
    scale = model.graph.tensors[model.graph.outputs[0]].scales[0]
    session = Session.from_file(model)
    answers = [session.invoke([np.rint(255 * row[np.newaxis]).astype(np.uint8)])[0][0] for row in rows]
    assert np.abs(np.stack(answers) * scale - rows.sum(axis=3)).max() < 2 * scale


def test_values_that_tensorflow_cuts_off_for_one_reader_are_refused_and_litert_keeps_them(folder):
    """TensorFlow gives the input of MINIMUM the scale of its result, also where an ADD reads it."""
    assert re.match(
        r"op 0 CONV_2D: tensor 'maps' goes from -\S+ to \S+, and TensorFlow's quantizer gives it integers from "
        r"-\S+ to 0\.\d+: use --engine litert, or another op$",
        (folder / "clipped_for_one_uint8.txt").read_text(),
    )
    assert (folder / "clipped_for_all_uint8.txt").read_text() == "1"
    assert re.match(  # what two ops cut off at different places has one scale
        r"op 0 CONV_2D: tensor 'maps' goes from -\S+ to \S+, and TensorFlow's quantizer gives it integers from 0 to ",
        (folder / "clipped_from_both_sides_uint8.txt").read_text(),
    )
    model = CUT["clipped_for_one"]
    integer = read_graph(make_integer(LiteRtQuantizer(), model, "uint8", inputs_of(model), Method()))
    assert [op.name for op in integer.ops] == ["QUANTIZE", "CONV_2D", "QUANTIZE", "MINIMUM", "ADD", "QUANTIZE"]
