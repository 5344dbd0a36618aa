from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest

from edgeready_device.errors import ModelFileError
from edgeready_device.tflite.flatbuffer import Flatbuffer
from edgeready_device.tflite.graph import Tensor, read_graph
from edgeready_device.tflite.schema import operator_name, tensor_type


@pytest.fixture
def graph(model):
    return lambda name: read_graph(model(name).read_bytes())


def test_ops_are_named_and_wired(graph):
    found = graph("sums")
    assert [(op.name, op.version, op.inputs, op.outputs) for op in found.ops] == [
        ("QUANTIZE", 1, (0,), (1,)),
        ("RESHAPE", 1, (1, 2), (3,)),
        ("FULLY_CONNECTED", 4, (3, 4, 5), (6,)),
        ("QUANTIZE", 1, (6,), (7,)),
    ]
    assert (found.inputs, found.outputs, found.subgraphs) == ((0,), (7,), 1)
    assert [tensor.name for tensor in found.of((4, -1, 5))] == ["weights", "bias"]


def test_tensors_have_shape_type_and_quantization(graph):
    weights = graph("conv").tensors[2]
    assert (weights.name, weights.dtype, weights.shape, weights.elements) == (
        "conv/weights",
        "int8",
        (4, 3, 3, 1),
        36,
    )
    assert weights.per_axis
    assert weights.scales == tuple(float(np.float32(scale)) for scale in (0.01, 0.011, 0.012, 0.013))
    assert weights.zero_points == (0, 0, 0, 0)
    assert (weights.constant, weights.static, weights.quantized_dimension) == (True, True, 0)


def test_scales_stay_the_files_own_bytes_and_are_as_the_tuple_of_them(graph):
    weights, again = graph("conv").tensors[2], graph("conv").tensors[2]
    numbers = tuple(weights.scales)
    assert (numbers == weights.scales, weights.scales == numbers, hash(weights.scales)) == (True, True, hash(numbers))
    assert repr(weights.scales) == repr(numbers)
    assert (len(weights.scales), weights.scales[1], weights.scales[1:3]) == (4, numbers[1], list(numbers[1:3]))
    assert np.asarray(weights.scales).dtype == np.float64
    assert (weights == again, hash(weights) == hash(again)) == (True, True)
    assert weights.scales != numbers[:3]
    assert weights.scales != 4


def test_a_number_behind_the_scales_is_an_index_error(graph):
    with pytest.raises(IndexError):
        graph("conv").tensors[2].scales[4]


def test_a_constants_values_are_read(graph):
    found = graph("sums").tensors
    assert found[4].values().tolist() == [[64, 0, 0, 0], [0, 64, 0, 0], [16, 16, 16, 16]]
    assert found[5].values().tolist() == [0, 0, 64]


def test_a_tensor_that_is_no_constant_has_no_values(graph):
    with pytest.raises(ModelFileError, match=r"tensor 0 \('image'\) is no constant"):
        graph("sums").tensors[0].values()


def test_a_constant_of_another_size_than_its_shape_is_refused():
    tensor = Tensor(3, "w", (2, 2), (2, 2), "int32", data=memoryview(bytes(12)))
    with pytest.raises(ModelFileError, match=r"tensor 3 \('w'\) holds 12 bytes for int32 \[2, 2\]: damaged file"):
        tensor.values()


def test_a_custom_op_keeps_its_name(graph):
    (op,) = graph("unknown_op").ops
    assert (op.name, op.custom_code) == ("CUSTOM", "NoSuchOp")


def test_the_files_own_metadata_is_read(graph):
    assert list(graph("sums_zip_end").metadata) == ["extra"]
    assert graph("sums_zip_end").metadata["extra"][:4] == b"PK\x05\x06"


@pytest.mark.parametrize(
    ("code", "name"), [(0, "ADD"), (3, "CONV_2D"), (25, "SOFTMAX"), (114, "QUANTIZE"), (150, "GELU")]
)
def test_operators_have_the_names_of_the_schema(code, name):
    assert operator_name(code) == name


def test_an_operator_or_type_of_a_later_schema_keeps_its_number():
    assert (operator_name(9999), operator_name(-1)) == ("BUILTIN_9999", "BUILTIN_-1")
    assert (tensor_type(9), tensor_type(99)) == ("int8", "type_99")


def _main(data: bytes):
    return Flatbuffer(data).root(b"TFL3").tables(2)[0]


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (lambda data: _main(data).span(1)[0], 8, "tensor 8 of 8 is asked for"),
        (lambda data: _main(data).span(2)[0], -1, "tensor -1 of 8 is asked for"),
        (lambda data: _main(data).tables(3)[1].span(1)[0], 8, "tensor 8 of 8 is asked for"),
        (lambda data: _main(data).tables(3)[1].span(1)[0], -2, "tensor -2 of 8 is asked for"),
        (lambda data: _main(data).tables(3)[2].span(2)[0], -1, "tensor -1 of 8 is asked for"),
        (lambda data: _main(data).tables(3)[2].field(0), 3, "op 2 asks for operator code 3 of 3"),
        (lambda data: _main(data).tables(0)[4].field(2), 4, "buffer 4 of 4 is asked for"),
        (lambda data: _main(data).tables(0)[0].span(0)[0], -1, r"tensor 0 has the shape \[-1, 2, 2, 1\]"),
    ],
    ids=["input", "output", "op input", "op input below -1", "op output", "operator code", "buffer", "shape"],
)
def test_a_number_just_outside_its_list_is_refused(model, place, value, message):
    data = bytearray(model("sums").read_bytes())
    struct.pack_into("<i", data, place(bytes(data)), value)
    with pytest.raises(ModelFileError, match=message) as caught:
        read_graph(bytes(data))
    assert caught.value.exit_code == 3


def test_an_absent_input_of_an_op_is_minus_one(model):
    data = bytearray(model("sums").read_bytes())
    struct.pack_into("<i", data, _main(bytes(data)).tables(3)[2].span(1)[0] + 8, -1)
    assert read_graph(bytes(data)).ops[2].inputs == (3, 4, -1)


@pytest.mark.parametrize("name", ["conv", "sums_listed"])
def test_a_few_changed_bytes_are_our_error_or_harmless(model, name):
    data = model(name).read_bytes()
    generator = np.random.default_rng(4)
    for _ in range(600):
        changed = bytearray(data)
        for place in generator.integers(0, len(data), 3):
            changed[place] = int(generator.integers(0, 256))
        with contextlib.suppress(ModelFileError):
            read_graph(bytes(changed))
