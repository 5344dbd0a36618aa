"""What exporters write for GELU becomes one Gelu, in whatever order; what is not GELU stays."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra `onnx` is not installed")

from onnx_nets import NETS, N, Weights, model

from edgeready.onnx_file.gelu import with_gelu

ROOT, SLOPE = 2**0.5, (2 / np.pi) ** 0.5


def net(*nodes, shape=("N", 4), **numbers):
    """The nodes, from "image" to "scores"; each of the numbers is a constant by its name."""
    w = Weights()
    for name, number in numbers.items():
        w.add(np.array(number, np.float32))
        w.tensors[-1].name = name
    nodes = [N(operator, inputs.split(), [output]) for operator, inputs, output in nodes]
    return model(nodes, w, image=shape, scores=shape)


HALF_FIRST = (
    ("Mul", "image reciprocal", "scaled"),
    ("Erf", "scaled", "erf"),
    ("Add", "one erf", "sum"),
    ("Mul", "half image", "halved"),
    ("Mul", "sum halved", "scores"),
)
GATE_HALVED = (
    ("Div", "image root", "scaled"),
    ("Erf", "scaled", "erf"),
    ("Add", "erf one", "sum"),
    ("Mul", "sum half", "gate"),
    ("Mul", "image gate", "scores"),
)
PRODUCTS = (
    ("Mul", "image image", "square"),
    ("Mul", "square image", "cube"),
    ("Mul", "cube small", "part"),
    ("Add", "part image", "sum"),
    ("Mul", "sum slope", "argument"),
    ("Tanh", "argument", "tanh"),
    ("Add", "tanh one", "gate"),
    ("Mul", "gate image", "product"),
    ("Div", "product two", "scores"),
)
NUMBERS = {"one": 1, "half": 0.5, "two": 2, "root": ROOT, "reciprocal": 1 / ROOT, "slope": SLOPE, "small": 0.044715}


@pytest.mark.parametrize(
    ("nodes", "form"),
    [(HALF_FIRST, b"none"), (GATE_HALVED, b"none"), (PRODUCTS, b"tanh")],
    ids=["half first", "half of the gate", "products"],
)
def test_any_order_of_the_operators_is_one_gelu(nodes, form):
    (gelu,) = with_gelu(net(*nodes, **NUMBERS)).graph.node
    assert (gelu.op_type, list(gelu.input), list(gelu.output)) == ("Gelu", ["image"], ["scores"])
    assert [(attribute.name, attribute.s) for attribute in gelu.attribute] == [("approximate", form)]


def test_numbers_may_be_operators():
    given = net(*HALF_FIRST, **NUMBERS)
    constants = [N("Constant", [], [tensor.name], value=tensor) for tensor in given.graph.initializer]
    nodes = [*constants, *given.graph.node]
    del given.graph.node[:], given.graph.initializer[:]
    given.graph.node.extend(nodes)
    assert [node.op_type for node in with_gelu(given).graph.node] == ["Gelu"]


def test_every_gelu_of_a_network_is_seen():
    again = [
        (
            op,
            inputs.replace("image", "middle"),
            f"second {output}".replace(" ", "_").replace("second_scores", "scores"),
        )
        for op, inputs, output in GATE_HALVED
    ]
    again = [
        (
            op,
            " ".join(f"second_{name}" if name in ("scaled", "erf", "sum", "gate") else name for name in i.split()),
            o,
        )
        for op, i, o in again
    ]
    first = [(op, inputs, output.replace("scores", "middle")) for op, inputs, output in HALF_FIRST]
    nodes = with_gelu(net(*first, *again, **NUMBERS)).graph.node
    assert [(node.op_type, node.input[0], node.output[0]) for node in nodes] == [
        ("Gelu", "image", "middle"),
        ("Gelu", "middle", "scores"),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"half": 0.5001},
        {"one": 0.999},
        {"reciprocal": 0.7},
        {"reciprocal": [[[0.70710677]]]},
        {"half": [0.5, 0.5, 0.5, 0.5]},
        {"one": float("nan")},
    ],
    ids=["another half", "another one", "another root", "more axes", "one for each channel", "no number"],
)
def test_what_is_not_gelu_stays(other):
    given = net(*HALF_FIRST, **{**NUMBERS, **other})
    assert with_gelu(given) is given


@pytest.mark.parametrize("other", [{"small": 0.04}, {"slope": 0.8}, {"two": 0}])
def test_what_is_not_the_tanh_form_stays(other):
    given = net(*PRODUCTS, **{**NUMBERS, **other})
    assert with_gelu(given) is given


def test_what_else_is_read_of_the_operators_stays():
    nodes = (*HALF_FIRST[:-1], ("Mul", "sum halved", "gelu"), ("Sub", "gelu erf", "scores"))
    assert [node.op_type for node in with_gelu(net(*nodes, **NUMBERS)).graph.node] == ["Mul", "Erf", "Gelu", "Sub"]


def test_a_network_without_one_is_the_same_object():
    assert with_gelu(NETS["plain"]) is NETS["plain"]
