"""ONNX operators become ops of TFLite with the same results, without TensorFlow, or are refused by name."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("onnxsim", reason="the extra `onnx` is not installed (it needs CPython 3.11)")
pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")

import onnx
from onnx_nets import CHANNELS, CLASSES, NETS, SIZE, N, Weights, flat, frame_of, model, network

from edgeready.config.build import SourceConfig
from edgeready.engine.onnx_source import load_onnx
from edgeready.errors import UntranslatedError
from edgeready.quantization.samples import Samples
from edgeready.quantization.source_check import hold_against_source
from edgeready.readiness import check_graph
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.normalization import Normalization
from edgeready_device.tflite.graph import read_graph


def load(folder, net, frame=(SIZE, SIZE, 3)):
    onnx.save(net, folder / "net.onnx")
    return load_onnx(folder / "net.onnx", SourceConfig(), frame)


def check(source):
    """How far the float32 model is from ONNX Runtime, of the largest output."""
    float32 = TfliteModel(source.float32, trusted=True)
    shapes = [tensor.shape[1:] for tensor in float32.graph.of(float32.graph.inputs)]
    random = np.random.default_rng(3)
    samples = Samples(tuple(random.integers(0, 9, (3, *shape)).astype(np.float32) for shape in shapes))
    held = hold_against_source(float32, samples, source.reference, source.reference_runtime)
    assert held.frames == 3
    assert held.largest_value > 0.01
    return held.difference / held.largest_value


def ops(source):
    return [op.name for op in read_graph(source.float32).ops]


@pytest.mark.parametrize("name", NETS)
def test_a_network_gives_what_onnx_runtime_gives_in_ops_of_the_edge_tpu(tmp_path, name):
    source = load(tmp_path, NETS[name], frame_of(name))
    assert check(source) <= 1e-5
    assert not {"PADV2", "SPLIT", "SPLIT_V", "HARD_SWISH", "LEAKY_RELU", "TRANSPOSE", "RELU"} & set(ops(source))
    raw = Normalization((0.0,), (1.0,))  # what takes whole numbers takes pixels as they are
    assert source.normalization == (raw if name == "whole numbers" else None)
    assert all(tensor.static for tensor in read_graph(source.float32).tensors)


def one(operator, *constants, shape=None, **attributes):
    """A convolution with ReLU, the operator with constants, and a mean that leaves what it gives distinguishable."""

    def middle(w: Weights):
        names = [w.add(np.asarray(value)) for value in constants]
        return [N(operator, ["a", *names], ["b"], **attributes)]

    return network(middle, channels=shape or CHANNELS)


def moved(*nodes, end="b"):
    """The network with the nodes in its middle; "a" is its map, `end` what the mean is taken of."""
    return network(lambda w: [*nodes, *([] if end == "b" else [N("Identity", [end], ["b"])])])


F32 = np.float32
OPERATORS = {
    "average pool": one("AveragePool", kernel_shape=[2, 2], strides=[2, 2]),
    "average pool, border counts": one("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
    "average pool, border does not": one("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    "pool, same": one("MaxPool", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
    "pool, same at the start": one("MaxPool", kernel_shape=[2, 2], strides=[1, 1], auto_pad="SAME_LOWER"),
    "pool, one side": one("MaxPool", kernel_shape=[2, 3], strides=[2, 1], pads=[0, 1, 1, 0]),
    "dilated": network(
        lambda w: [N("Conv", ["a", w(CHANNELS, CHANNELS, 3, 3)], ["b"], dilations=[2, 2], pads=[2, 2, 2, 2])]
    ),
    "strides of two": network(
        lambda w: [N("Conv", ["a", w(CHANNELS, CHANNELS, 3, 3)], ["b"], strides=[2, 2], pads=[1, 1, 1, 1])]
    ),
    "strides that differ": network(
        lambda w: [N("Conv", ["a", w(CHANNELS, CHANNELS, 2, 3)], ["b"], strides=[1, 2], pads=[0, 2, 1, 0])]
    ),
    "depthwise, two each": network(
        lambda w: [N("Conv", ["a", w(2 * CHANNELS, 1, 3, 3)], ["b"], group=CHANNELS)], channels=2 * CHANNELS
    ),
    "batch normalization": network(
        lambda w: [
            N("Relu", ["a"], ["r"]),
            N(
                "BatchNormalization",
                ["r", w(CHANNELS), w(CHANNELS), w(CHANNELS), w.add(np.arange(1, 9, dtype=F32))],
                ["b"],
            ),
        ]
    ),
    "sum with a row of channels": one("Add", np.arange(CHANNELS, dtype=F32).reshape(CHANNELS, 1, 1)),
    "product with a map": one("Mul", np.arange(SIZE * SIZE, dtype=F32).reshape(1, 1, SIZE, SIZE) / 9),
    "product with a number": one("Mul", F32(-0.5)),
    "difference": one("Sub", np.arange(SIZE, dtype=F32)),
    "quotient": one("Div", F32(3)),
    "largest": one("Max", F32(0.7)),
    "smallest": one("Min", np.full((1, CHANNELS, 1, 1), 0.9, F32)),
    "clip at one": one("Clip", F32(0), F32(1)),
    "clip at six": one("Clip", F32(0), F32(6)),
    "tanh": one("Tanh"),
    "sigmoid": one("Sigmoid"),
    "softmax of channels": one("Softmax", axis=1),
    "prelu": one("PRelu", np.linspace(-1, 1, CHANNELS, dtype=F32).reshape(CHANNELS, 1, 1)),
    "pad with zeros": one("Pad", np.array([0, 0, 1, 2, 0, 0, 0, 1])),
    "pad with ones": one("Pad", np.array([0, 0, 1, 0, 0, 0, 0, 1]), F32(1)),
    "slice of channels": one("Slice", [2], [2**31 - 1], [1], shape=CHANNELS - 2),
    "slice of rows": one("Slice", [-5], [-1], [2]),
    "turned there and back": moved(
        N("Transpose", ["a"], ["t"], perm=[0, 2, 3, 1]), N("Transpose", ["t"], ["b"], perm=[0, 3, 1, 2])
    ),
    "rows and columns": moved(N("Transpose", ["a"], ["b"], perm=[0, 1, 3, 2])),
    "joined with itself": network(lambda w: [N("Concat", ["a", "a"], ["b"], axis=1)], channels=2 * CHANNELS),
    "joined in rows": network(lambda w: [N("Concat", ["a", "a"], ["b"], axis=-2)]),
    "residual": network(
        lambda w: [
            N("Conv", ["a", w(CHANNELS, CHANNELS, 3, 3)], ["d"], pads=[1, 1, 1, 1]),
            N("Add", ["a", "d"], ["s"]),
            N("Relu", ["s"], ["b"]),
        ]
    ),
    "a map that two read": network(
        lambda w: [
            N("Conv", ["a", w(CHANNELS, CHANNELS, 1, 1)], ["d"]),
            N("Relu", ["d"], ["r"]),
            N("Mul", ["r", "d"], ["b"]),
        ]
    ),
    "squeeze and excitation": network(
        lambda w: [
            N("ReduceMean", ["a"], ["g"], axes=[2, 3], keepdims=1),
            N("Conv", ["g", w(CHANNELS, CHANNELS, 1, 1)], ["h"]),
            N("Sigmoid", ["h"], ["s"]),
            N("Mul", ["a", "s"], ["b"]),
        ]
    ),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_gives_what_it_gives_in_onnx_runtime(tmp_path, name):
    assert check(load(tmp_path, OPERATORS[name])) <= 1e-5


ENDS = {
    "mean without its axes": [N("ReduceMean", ["image"], ["scores"], axes=[2, 3], keepdims=0)],
    "mean over channels": [
        N("ReduceMean", ["image"], ["m"], axes=[1], keepdims=0),
        N("ReduceMax", ["m"], ["scores"], axes=[1], keepdims=0),
    ],
    "largest of all places": [N("GlobalMaxPool", ["image"], ["m"]), N("Squeeze", ["m", "axes"], ["scores"])],
    "opened and closed": [
        N("GlobalAveragePool", ["image"], ["m"]),
        N("Flatten", ["m"], ["f"]),
        N("Unsqueeze", ["f", "one"], ["u"]),
        N("Squeeze", ["u", "one"], ["scores"]),
    ],
}


@pytest.mark.parametrize("name", ENDS)
def test_rows_are_in_the_order_of_onnx(tmp_path, name):
    w = Weights()
    w.tensors += [
        onnx.numpy_helper.from_array(np.array([2, 3]), "axes"),
        onnx.numpy_helper.from_array(np.array([1]), "one"),
    ]
    assert check(load(tmp_path, model(ENDS[name], w, scores=None))) <= 1e-5


def test_a_model_without_pictures_keeps_the_order_of_its_axes(tmp_path):
    w = Weights()
    nodes = [
        N("Conv", ["image", w(4, 3, 3, 3)], ["c"], pads=[1, 1, 1, 1]),
        N("Sigmoid", ["c"], ["s"]),
        N("MatMul", ["more", w(5, 6)], ["product"]),
    ]
    more = [onnx.helper.make_tensor_value_info("more", onnx.TensorProto.FLOAT, (1, 5))]
    net = model(nodes, w, extra=more, scores=None)
    net.graph.output[0].name = "s"
    net.graph.output.append(onnx.helper.make_tensor_value_info("product", onnx.TensorProto.FLOAT, (1, 6)))
    source = load(tmp_path, net, None)
    graph = read_graph(source.float32)
    assert [tensor.shape for tensor in graph.of(graph.inputs)] == [(1, 3, SIZE, SIZE), (1, 5)]
    assert [tensor.shape for tensor in graph.of(graph.outputs)] == [(1, 4, SIZE, SIZE), (1, 6)]
    assert check(source) <= 1e-5


def test_activations_are_inside_the_ops_in_front_of_them(tmp_path):
    source = load(tmp_path, OPERATORS["residual"])
    assert ops(source) == ["CONV_2D", "CONV_2D", "ADD", "MEAN", "RESHAPE", "FULLY_CONNECTED"]
    assert ops(load(tmp_path, OPERATORS["a map that two read"])).count("RELU") == 1


REFUSED = {
    "Selu": one("Selu"),
    "Elu": one("Elu"),
    "AveragePool with a border of its own that does not count": one(
        "AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=0
    ),
    "a pool that rounds up": one("AveragePool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    "Softmax of another axis than the last": one("Softmax", axis=2),
    "Clip without two constant bounds": one("Clip", F32(0)),
    "Slice with steps": one("Slice", [0], [8], [2], [2]),
    "Pad with other than a constant": one("Pad", np.array([0, 0, 1, 1, 0, 0, 1, 1]), mode="reflect"),
    "Pad that cuts": one("Pad", np.array([0, 0, -1, 0, 0, 0, 0, 0])),
    "Gemm or MatMul of other than rows": network(lambda w: [N("MatMul", ["a", w(SIZE, SIZE)], ["b"])]),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_has_no_translation_is_named_with_the_way_out(tmp_path, said):
    with pytest.raises(UntranslatedError) as error:
        load(tmp_path, REFUSED[said])
    text = str(error.value)
    assert text.startswith(f"{tmp_path / 'net.onnx'}: write the network without it, or ")
    assert f"edgeready itself does not translate {said}" in text
    assert "\n" not in text


def test_a_flat_model_becomes_a_file_that_says_where_it_is_from(run_here, tmp_path):
    onnx.save(flat(), tmp_path / "net.onnx")
    random = np.random.default_rng(0)
    labels = np.arange(80) % CLASSES
    images = (random.integers(0, 60, (80, SIZE, SIZE)) + 40 * labels[:, None, None]).astype(np.uint8)
    np.savez(tmp_path / "data.npz", x_train=images[:60], y_train=labels[:60], x_test=images[60:], y_test=labels[60:])
    code, out, err = run_here("convert", "net.onnx", "--data", "data.npz", "-o", "net.tflite", "--json")
    assert code in (0, 1), err  # an untrained network may be no better than a guess
    document = json.loads(out)
    held = document["source_check"]
    assert held["runtime"].startswith("onnxruntime ")
    assert held["difference"] <= 1e-5 * held["largest_value"]
    assert document["engine"] == "litert"
    assert document["protections"]
    file = read_model_file(tmp_path / "net.tflite")
    assert check_graph(file.graph).ready
    assert file.manifest.provenance["source_check"] == held
    assert {"onnx", "onnxsim", "onnxruntime"} <= set(file.manifest.provenance["versions"])
