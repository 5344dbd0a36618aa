"""The proof names what keeps a model from being uint8, integer-only and static."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tflite_models import O, T, conv_classifier, one_op, rgb_classifier, tflite

from edgeready.config.modes import MODES
from edgeready.errors import ConversionError
from edgeready.proof.conformance import prove
from edgeready.readiness import negation
from edgeready_device.tflite.graph import read_graph

X, Y = T("x", (1, 4), "uint8", 0.1), T("y", (1, 4), "uint8", 0.1)


def refusal(data: bytes) -> str:
    with pytest.raises(ConversionError) as caught:
        prove(read_graph(data), MODES["uint8"])
    return str(caught.value)


def between(*ops: O, middle: T) -> bytes:
    return tflite(tensors=[X, middle, Y], ops=ops, inputs=["x"], outputs=["y"])


@pytest.mark.parametrize("data", [conv_classifier(), rgb_classifier(), conv_classifier(dense_per_axis=True)])
def test_a_static_uint8_integer_only_model_passes(data):
    prove(read_graph(data), MODES["uint8"])


@pytest.mark.parametrize(
    ("op", "remedy"),
    [
        ("ELU", "use ReLU or ReLU6 in its place"),
        ("EXP", "try ReLU in place of exp, softplus and selu"),
        ("NEG", "multiply by -1 instead: keras.layers.Rescaling(-1)"),
        (
            "SIN",
            "replace the layer that makes it (Conv2D, DepthwiseConv2D, Dense, ReLU, pooling and Add are safe)",
        ),
    ],
)
def test_a_float_tensor_is_named_with_the_op_that_makes_it_and_the_remedy(op, remedy):
    data = between(O(op, ["x"], ["warm"]), O("QUANTIZE", ["warm"], ["y"]), middle=T("warm", (1, 4), "float32"))
    assert refusal(data) == f"op 0 {op} stays float32 (tensor 'warm' [1, 4]): it has no 8-bit form; {remedy}"


def test_the_op_that_has_no_8_bit_form_is_named_and_not_the_dequantize_in_front_of_it():
    float_in, float_out = T("float_in", (1, 4), "float32"), T("float_out", (1, 4), "float32")
    data = tflite(
        tensors=[X, float_in, float_out, Y],
        ops=[
            O("DEQUANTIZE", ["x"], ["float_in"]),
            O("ELU", ["float_in"], ["float_out"]),
            O("QUANTIZE", ["float_out"], ["y"]),
        ],
        inputs=["x"],
        outputs=["y"],
    )
    assert refusal(data).startswith("op 1 ELU stays float32 (tensor 'float_out' [1, 4])")


def test_of_several_float_ops_the_one_with_a_known_remedy_is_named():
    middle = [T(name, (1, 4), "float32") for name in "ab"]
    data = tflite(
        tensors=[X, *middle, Y],
        ops=[O("ABS", ["x"], ["a"]), O("NEG", ["a"], ["b"]), O("QUANTIZE", ["b"], ["y"])],
        inputs=["x"],
        outputs=["y"],
    )
    assert refusal(data).startswith("op 1 NEG stays float32 (tensor 'b' [1, 4])")


def negated(ahead: str, behind: str) -> bytes:
    """A NEG in float between two integer ops, with a conversion on each side."""
    names = ("a", "float_in", "float_out", "b")
    types = ("uint8", "float32", "float32", "uint8")
    tensors = [T(name, (1, 4), dtype, None if dtype == "float32" else 0.1) for name, dtype in zip(names, types)]
    ops = [
        O(ahead, ["x"], ["a"]),
        O("DEQUANTIZE", ["a"], ["float_in"]),
        O("NEG", ["float_in"], ["float_out"]),
        O("QUANTIZE", ["float_out"], ["b"]),
        O(behind, ["b"], ["y"]),
    ]
    return tflite(tensors=[X, *tensors, Y], ops=ops, inputs=["x"], outputs=["y"])


@pytest.mark.parametrize(
    ("ahead", "behind", "remedy"),
    [
        ("MEAN", "MUL", negation.NORMALIZATION),
        ("MEAN", "RELU", negation.NORMALIZATION),
        ("CONV_2D", "RELU", negation.PRELU),
        ("CONV_2D", "MUL", negation.NEGATION),
    ],
)
def test_a_negation_is_charged_to_the_layer_that_the_ops_around_it_show(ahead, behind, remedy):
    assert refusal(negated(ahead, behind)).endswith(f"it has no 8-bit form; {remedy}")


def test_a_lone_dequantize_is_named_with_what_to_look_at():
    data = between(
        O("DEQUANTIZE", ["x"], ["warm"]), O("QUANTIZE", ["warm"], ["y"]), middle=T("warm", (1, 4), "float32")
    )
    assert refusal(data) == (
        "op 0 DEQUANTIZE stays float32 (tensor 'warm' [1, 4]): it has no 8-bit form; an op near it has no 8-bit "
        "kernel: replace the layer after it"
    )


def test_a_custom_op_is_named_by_its_own_name():
    data = between(
        O("CUSTOM", ["x"], ["warm"], custom_code="FlexErf"),
        O("QUANTIZE", ["warm"], ["y"]),
        middle=T("warm", (1, 4), "float32"),
    )
    assert refusal(data).startswith("op 0 FlexErf stays float32 (tensor 'warm' [1, 4])")


def test_a_float_constant_is_named_with_the_op_that_uses_it():
    weights = T("weights", data=np.ones((1, 4), np.float32))
    data = one_op("ADD", [X, weights], [Y])
    assert refusal(data).startswith("op 0 ADD stays float32 (tensor 'weights' [1, 4]): it has no 8-bit form;")


@pytest.mark.parametrize("dtype", ["int64", "int16", "bool", "float16"])
def test_any_type_but_int8_uint8_and_int32_is_refused(dtype):
    data = between(O("ARG_MAX", ["x"], ["best"]), O("CAST", ["best"], ["y"]), middle=T("best", (1, 4), dtype))
    assert refusal(data).startswith(f"op 0 ARG_MAX stays {dtype} (tensor 'best' [1, 4]): it has no 8-bit form;")


def test_a_tensor_that_no_op_touches_does_not_matter():
    prove(
        read_graph(
            tflite(
                tensors=[X, T("unused", (1, 4), "float32"), Y],
                ops=[O("RELU", ["x"], ["y"])],
                inputs=["x"],
                outputs=["y"],
            )
        ),
        MODES["uint8"],
    )


def test_an_open_batch_is_named_with_op_and_tensor():
    assert refusal(conv_classifier(open_batch=True)) == (
        "op 0 QUANTIZE: tensor 'image' has the open shape [-1, 8, 8, 1]: "
        "give the model an input of fixed height and width"
    )


def test_an_open_shape_inside_is_named_too():
    data = between(
        O("RELU", ["x"], ["inner"]),
        O("RELU", ["inner"], ["y"]),
        middle=T("inner", (1, 4), "int8", 0.1, signature=(-1, 4)),
    )
    assert refusal(data).startswith("op 0 RELU: tensor 'inner' has the open shape [-1, 4]")


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (replace(X, dtype="int8"), Y, "the end 'x' is int8, not quantized uint8"),
        (replace(X, dtype="float32", scale=None), Y, "the end 'x' is float32 without a scale, not quantized uint8"),
        (X, replace(Y, dtype="int8"), "the end 'y' is int8, not quantized uint8"),
        (replace(X, scale=None), Y, "the end 'x' is uint8 without a scale, not quantized uint8"),
    ],
)
def test_an_end_that_is_not_quantized_uint8_is_named(x, y, said):
    assert refusal(one_op("RELU", [x], [y])) == (
        f"{said}: the converter ignored what was asked for; report this model"
    )


@pytest.mark.parametrize("dtype", ["int32", "int64", "bool"])
def test_ids_and_masks_stay_what_they_are_in_an_integer_file(dtype):
    mode = MODES["uint8"]
    ids = T("ids", (1, 3), dtype)
    prove(read_graph(one_op("CAST", [ids], [Y])), mode)
    prove(read_graph(one_op("CAST", [X], [replace(ids, name="classes")])), mode)
    with pytest.raises(ConversionError, match="the end 'ids' is int32, not quantized uint8"):
        prove(read_graph(one_op("CAST", [T("ids", (1, 3), "int32", 0.1)], [Y])), mode)


def test_what_is_computed_from_ids_alone_stays_what_it_is_and_a_mask_of_values_does_not():
    ids, sign = T("ids", (1, 4), "int32"), T("sign", (1, 4), "bool")
    zero = T("zero", data=np.zeros(1, np.int32))

    def graph(first, *constants):
        ops = [O("LESS", [first.name, constants[0].name], ["sign"]), O("CAST", ["sign"], ["y"])]
        data = tflite(tensors=[first, *constants, sign, Y], ops=ops, inputs=[first.name], outputs=["y"])
        return read_graph(data)

    prove(graph(ids, zero), MODES["uint8"])
    with pytest.raises(ConversionError, match="op 0 LESS stays bool"):
        prove(graph(X, T("limit", (1, 4), "uint8", 0.1, data=np.zeros((1, 4), np.uint8))), MODES["uint8"])


@pytest.mark.parametrize("op", ["ADD", "SUB", "MUL", "MAXIMUM", "PRELU"])
def test_a_constant_with_several_scales_where_one_is_computed_with_is_refused(op):
    weights = T("weights", dtype="int8", scale=(0.1, 0.2, 0.3, 0.4), axis=1, data=np.ones((1, 4), np.int8))
    inner, left = (T(name, (1, 4), "int8", 0.1) for name in ("inner", "left"))
    data = tflite(
        tensors=[X, inner, weights, left, Y],
        ops=[O("QUANTIZE", ["x"], ["inner"]), O(op, ["inner", "weights"], ["left"]), O("QUANTIZE", ["left"], ["y"])],
        inputs=["x"],
        outputs=["y"],
    )
    assert refusal(data) == (
        f"op 1 {op}: it computes with one scale, and 'weights' has 4, those of the convolution that uses it, too: "
        "use --engine litert, or give each layer weights of its own"
    )


def test_a_second_subgraph_where_floats_may_hide_is_refused():
    assert refusal(one_op("RELU", [X], [Y], subgraphs=2)) == (
        "the model has 2 subgraphs (loops, branches): an integer file has one; use Conv1D in place of recurrent "
        "layers, write loops out in Python, leave branches out, and convert one signature"
    )
