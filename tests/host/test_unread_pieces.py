"""Slices take the place of an op that cuts a tensor into pieces some of which nothing reads."""

from __future__ import annotations

import numpy as np
import pytest
from engine_nets import CHANNELS, MAPS, SIZE, inputs_of, pieces
from tflite_models import O, T, tflite

from edgeready.config.method import Method
from edgeready.config.modes import MODES
from edgeready.engine.float_model import load_tflite
from edgeready.engine.litert import LiteRtQuantizer
from edgeready.engine.quantizer import make_integer
from edgeready.engine.unread_pieces import make_whole, slice_pieces, unread_cuts
from edgeready.errors import ConversionError
from edgeready.proof.conformance import prove
from edgeready.readiness import check_graph
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.session import Session
from edgeready_device.tflite.graph import read_graph

NETS = {
    "SPLIT, the first": (pieces("SPLIT", 3, read=(0,)), ["SLICE"]),
    "SPLIT, the last": (pieces("SPLIT", 3, read=(1,)), ["SLICE"]),
    "SPLIT, an axis from the end": (pieces("SPLIT", -1, read=(1,)), ["SLICE"]),
    "SPLIT, two of three rows, turned": (pieces("SPLIT", 1, read=(2, 0)), ["SLICE", "SLICE"]),
    "SPLIT_V, unequal": (pieces("SPLIT_V", 3, read=(1, 2), sizes=(1, 2, 1)), ["SLICE", "SLICE"]),
    "SPLIT_V, an axis from the end": (pieces("SPLIT_V", -2, read=(1,), sizes=(5, 1)), ["SLICE"]),
    "UNPACK, the channels": (pieces("UNPACK", 3, read=(0, 3)), ["STRIDED_SLICE", "STRIDED_SLICE"]),
    "UNPACK, the last row": (pieces("UNPACK", 1, read=(SIZE - 1,)), ["STRIDED_SLICE"]),
    "UNPACK, an axis from the end": (pieces("UNPACK", -2, read=(2,)), ["STRIDED_SLICE"]),
    "UNPACK of five dimensions": (pieces("UNPACK", 2, read=(1,), shape=(1, 2, 3, 2, 2)), ["STRIDED_SLICE"]),
}


def names(data):
    return [op.name for op in read_graph(data).ops]


def answers(data):
    session = Session.from_file(TfliteModel(data, trusted=True))
    return [np.array(output) for sample in inputs_of(data)() for output in session.invoke([sample[0] - 0.5])]


@pytest.mark.parametrize("name", NETS)
def test_each_piece_that_is_read_becomes_a_slice_with_the_same_values(name):
    data, expected = NETS[name]
    sliced = slice_pieces(data)
    assert names(sliced) == expected
    for ours, theirs in zip(answers(sliced), answers(data), strict=True):
        assert np.array_equal(ours, theirs)
    assert slice_pieces(sliced) is sliced


@pytest.mark.parametrize(
    ("op", "sizes"), [("SPLIT", ()), ("SPLIT_V", (3, 1)), ("UNPACK", ())], ids=["SPLIT", "SPLIT_V", "UNPACK"]
)
def test_an_op_whose_pieces_are_all_read_stays(op, sizes):
    count = CHANNELS if op == "UNPACK" else 2
    data = pieces(op, 3, read=range(count), sizes=sizes)
    assert slice_pieces(data) is data
    assert unread_cuts(read_graph(data)) == []


@pytest.mark.parametrize(
    "data",
    [
        pieces("SPLIT", 3, read=(0,), axis_known=False),
        pieces("SPLIT_V", 3, read=(0,), sizes=(1, 3), sizes_known=False),
        pieces("UNPACK", 2, read=(0,), shape=(1, 2, 2, 1, 1, 2)),
    ],
    ids=["an axis that is computed", "sizes that are computed", "six dimensions"],
)
def test_what_no_slice_can_cut_stays(data):
    assert slice_pieces(data) is data
    assert [op.index for op in unread_cuts(read_graph(data))] == [0]


@pytest.mark.parametrize("op", ["UNPACK", "SPLIT_V"])
def test_a_file_with_such_an_op_becomes_integers_that_an_edge_tpu_runs(op, tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(pieces(op, 3, read=(1,), sizes=(1, 3), shape=MAPS))
    assert not check_graph(read_graph(path.read_bytes())).ready
    model = load_tflite(path).float32
    graph = read_graph(make_integer(LiteRtQuantizer(), model, "uint8", inputs_of(model), Method()))
    prove(graph, MODES["uint8"])
    assert check_graph(graph).ready


def quantized(*, kind, read=(1,)):
    """The result of a quantizer: a SPLIT of `kind`."""
    scale = None if kind == "float32" else 0.5
    tensors = [
        T("axis", data=np.array(0, np.int32)),
        *(T(name, (size,), kind, scale=scale) for name, size in (("pixels", 4), ("first", 2), ("second", 2))),
    ]
    ops = [O("SPLIT", ["axis", "pixels"], ["first", "second"], options={"numSplits": 2})]
    return tflite(
        tensors=tensors, ops=ops, inputs=["pixels"], outputs=[("first", "second")[number] for number in read]
    )


FLOAT, WHOLE = quantized(kind="float32"), quantized(kind="int8")


@pytest.mark.parametrize("failures", [0, 1, 9])
def test_a_quantizer_runs_until_no_piece_is_float_by_chance(failures):
    results = iter([FLOAT] * failures + [WHOLE, FLOAT])
    assert make_whole(lambda: next(results)) is WHOLE
    assert next(results) is FLOAT  # and not once more


def test_a_quantizer_that_leaves_a_piece_float_ten_times_is_refused_with_the_reason_and_the_way_out():
    results = iter([FLOAT] * 10)
    with pytest.raises(
        ConversionError,
        match=r"^op 0 SPLIT: nothing reads one of its pieces, and then TensorFlow's quantizer leaves it float32 by "
        r"chance, here in 10 runs of 10: use --engine litert, or slices \(x\[:, :, :, a:b\]\)$",
    ):
        make_whole(lambda: next(results))
    assert list(results) == []


def test_a_float_op_whose_pieces_are_all_read_is_no_chance():
    data = quantized(kind="float32", read=(0, 1))
    assert make_whole(lambda: data) is data
