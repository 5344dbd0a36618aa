"""Chains of TRANSPOSE and RESHAPE go where the order that they make can be had without them."""

from __future__ import annotations

import numpy as np
import pytest
from engine_nets import network, weights
from float_nets import UNIT_STRIDE
from tflite_models import O, T

from edgeready.engine.moves import settle_moves
from edgeready.quantization.source_check import reference_of
from edgeready_device.tflite.graph import read_graph

H, W, C, CLASSES = 2, 3, 4, 3
MAP = (1, H, W, C)
FIRST, LAST = (0, 3, 1, 2), (0, 2, 3, 1)
FLAT = (1, H * W * C)


def chain(*steps, source=MAP, end="dense", extra=(), outputs=None):
    """A model of moves: each step is a permutation, or a shape after None; then a dense layer, a sum, or nothing."""
    tensors, ops, last, shape = [T("image", source, "float32")], [], "image", source
    for number, (perm, target) in enumerate(steps):
        shape = tuple(shape[axis] for axis in perm) if perm else target
        how = np.array(perm or target, np.int32)
        tensors += [T(f"how_{number}", data=how), T(f"move_{number}", shape, "float32")]
        ops.append(O("TRANSPOSE" if perm else "RESHAPE", [last, f"how_{number}"], [f"move_{number}"]))
        last = f"move_{number}"
    for number, shapes in enumerate(extra):  # other readers of a result in between
        tensors.append(T(f"extra_{number}", shapes[1], "float32"))
        ops.append(O("RELU", [shapes[0]], [f"extra_{number}"]))
    if end == "dense":
        columns = int(np.prod(shape[1:]))
        tensors += [T("matrix", data=weights(CLASSES, columns)), T("bias", data=weights(CLASSES))]
        tensors.append(T("scores", (1, CLASSES), "float32"))
        ops.append(O("FULLY_CONNECTED", [last, "matrix", "bias"], ["scores"]))
    elif end == "sum":
        tensors += [T("one", data=np.float32(1)), T("scores", shape, "float32")]
        ops.append(O("ADD", [last, "one"], ["scores"]))
    return network(tensors, ops)


def mean(*perms, axes, keep=False):
    """Transpositions of a map, and a mean over `axes`."""
    tensors, ops, last, shape = [T("image", MAP, "float32")], [], "image", MAP
    for number, perm in enumerate(perms):
        shape = tuple(shape[axis] for axis in perm)
        tensors += [T(f"how_{number}", data=np.array(perm, np.int32)), T(f"move_{number}", shape, "float32")]
        ops.append(O("TRANSPOSE", [last, f"how_{number}"], [f"move_{number}"]))
        last = f"move_{number}"
    places = [axis % 4 for axis in axes]
    left = tuple(size for place, size in enumerate(shape) if place not in places)
    result = tuple(1 if place in places else size for place, size in enumerate(shape)) if keep else left
    tensors += [T("axes", data=np.array(axes, np.int32)), T("scores", result, "float32")]
    return network(tensors, [*ops, O("MEAN", [last, "axes"], ["scores"], options={"keepDims": keep})])


def names(data):
    return [op.name for op in read_graph(data).ops]


def same(before, after):
    graph = read_graph(before)
    image = np.random.default_rng(1).random(graph.tensors[graph.inputs[0]].shape, np.float32)
    for first, second in zip(reference_of(before)([image]), reference_of(after)([image]), strict=True):
        np.testing.assert_allclose(second, first, atol=1e-6)


SHUFFLE = [(None, (1, H, W, 2, C // 2)), ((0, 1, 2, 4, 3), None), (None, MAP)]
SHUFFLE_FIRST = [
    (FIRST, None),
    (None, (1, 2, C // 2, H, W)),
    ((0, 2, 1, 3, 4), None),
    (None, (1, C, H, W)),
    (LAST, None),
]


@pytest.mark.parametrize(
    ("data", "left", "said"),
    [
        (chain((FIRST, None), (None, FLAT)), ["RESHAPE", "FULLY_CONNECTED"], "in front of a dense layer"),
        (chain((FIRST, None), (None, (1, C, H * W)), ((0, 2, 1), None), (None, FLAT)), None, "change nothing"),
        (chain((FIRST, None), source=(1, 1, 1, C), end="sum"), ["RESHAPE", "ADD"], "change nothing"),
        (chain((FIRST, None), (LAST, None), end="sum"), ["ADD"], "change nothing"),
        (chain(*SHUFFLE, end="sum"), ["CONV_2D", "ADD"], "a channel shuffle"),
        (chain(*SHUFFLE_FIRST, end="sum"), ["CONV_2D", "ADD"], "a channel shuffle"),
        (chain(((1, 0), None), ((1, 0), None), source=(1, C), end="dense"), ["FULLY_CONNECTED"], "change nothing"),
    ],
    ids=["flatten", "flatten twice turned", "one pixel", "there and back", "shuffle", "shuffle, first", "two"],
)
def test_moves_go_and_every_answer_stays(data, left, said):
    rewritten, sentences = settle_moves(data)
    assert names(rewritten) == (left or ["RESHAPE", "FULLY_CONNECTED"])
    assert len(sentences) == 1
    assert said in sentences[0]
    assert sentences[0].endswith(", 1x")
    same(data, rewritten)
    assert settle_moves(rewritten) == (rewritten, ())


def test_a_permutation_has_one_weight_for_each_channel():
    graph = read_graph(settle_moves(chain(*SHUFFLE, end="sum"))[0])
    kernel = graph.tensors[graph.ops[0].inputs[1]].values()
    assert kernel.reshape(C, C).argmax(axis=1).tolist() == [0, 2, 1, 3]
    assert sorted(kernel.reshape(-1)) == [0] * (C * C - C) + [1] * C
    assert dict(UNIT_STRIDE) == {"strideW": graph.ops[0].option(1, "i"), "strideH": graph.ops[0].option(2, "i")}


def test_equal_permutations_share_their_weights():
    data = chain(*SHUFFLE, *SHUFFLE, end="none")
    again = settle_moves(chain(*SHUFFLE, end="sum"))[0]
    assert settle_moves(data)[0] is data  # one after the other they are one chain, whose end is the output
    tensors = [T("image", MAP, "float32"), T("one", data=np.float32(1))]
    ops, last = [], "image"
    for part in "ab":
        for number, (perm, shape) in enumerate(SHUFFLE):
            how = np.array(perm or shape, np.int32)
            result = shape or (1, H, W, C // 2, 2)
            tensors += [T(f"{part}_how_{number}", data=how), T(f"{part}_{number}", result, "float32")]
            ops.append(O("TRANSPOSE" if perm else "RESHAPE", [last, f"{part}_how_{number}"], [f"{part}_{number}"]))
            last = f"{part}_{number}"
        tensors.append(T(f"{part}_sum", MAP, "float32"))
        ops.append(O("ADD", [last, "one"], [f"{part}_sum"]))
        last = f"{part}_sum"
    both = network(tensors, ops)
    rewritten, _ = settle_moves(both)
    convolutions = [op for op in read_graph(rewritten).ops if op.name == "CONV_2D"]
    assert len(convolutions) == 2
    assert convolutions[0].inputs[1] == convolutions[1].inputs[1]
    same(both, rewritten)
    assert names(again) == ["CONV_2D", "ADD"]


def test_weights_that_another_layer_reads_stay_as_they_are():
    """The second layer reads the first one's matrix, on values in their own order."""
    tensors = [
        T("image", (1, 1, 2, 2), "float32"),
        T("perm", data=np.array(FIRST, np.int32)),
        T("turned", (1, 2, 1, 2), "float32"),
        T("flat", data=np.array([1, 4], np.int32)),
        T("row", (1, 4), "float32"),
        T("matrix", data=weights(4, 4)),
        T("bias", data=weights(4)),
        T("hidden", (1, 4), "float32"),
        T("scores", (1, 4), "float32"),
    ]
    ops = [
        O("TRANSPOSE", ["image", "perm"], ["turned"]),
        O("RESHAPE", ["turned", "flat"], ["row"]),
        O("FULLY_CONNECTED", ["row", "matrix", "bias"], ["hidden"]),
        O("FULLY_CONNECTED", ["hidden", "matrix", "bias"], ["scores"]),
    ]
    data = network(tensors, ops)
    rewritten, _ = settle_moves(data)
    assert names(rewritten) == ["RESHAPE", "FULLY_CONNECTED", "FULLY_CONNECTED"]
    same(data, rewritten)


@pytest.mark.parametrize(
    ("data", "axes"),
    [
        (mean(FIRST, axes=[2, 3]), [1, 2]),
        (mean(FIRST, axes=[-1, -2]), [1, 2]),
        (mean((0, 2, 1, 3), FIRST, axes=[2, 3]), [1, 2]),
        (mean(FIRST, axes=[1]), [3]),
    ],
    ids=["places", "places from the end", "two moves", "channels"],
)
def test_a_mean_is_taken_over_the_axes_before_the_move(data, axes):
    rewritten, sentences = settle_moves(data)
    graph = read_graph(rewritten)
    assert [op.name for op in graph.ops] == ["MEAN"]
    assert graph.tensors[graph.ops[0].inputs[1]].values().tolist() == axes
    assert sentences == ("a mean is taken over the axes as they were before they were moved, 1x",)
    same(data, rewritten)


@pytest.mark.parametrize(
    "data",
    [
        mean(FIRST, axes=[2, 3], keep=True),
        mean((0, 2, 1, 3), axes=[3]),
        chain((FIRST, None), end="sum"),
        chain((FIRST, None), end="none"),
        chain((FIRST, None), (LAST, None), end="none"),
        chain((None, FLAT)),
        chain(*SHUFFLE, end="sum", extra=[("move_1", (1, H, W, C // 2, 2))]),
        chain(((0, 2, 1, 3), None), (None, MAP), end="sum"),
        chain((None, (1, W, H, C)), ((0, 2, 1, 3), None), end="sum"),
        chain((None, (1, H, W * C)), ((0, 2, 1), None), (None, MAP), end="sum"),
    ],
    ids=[
        "a mean that keeps its axes",
        "a mean whose rest is in another order",
        "an order that something else reads",
        "an order that is the output",
        "moves whose end is the output",
        "no transposition",
        "a result in between that is read",
        "rows and columns change places",
        "pixels change places",
        "channels and columns are mixed",
    ],
)
def test_moves_whose_order_something_needs_stay(data):
    rewritten, sentences = settle_moves(data)
    assert rewritten is data
    assert sentences == ()
