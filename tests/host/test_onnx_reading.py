"""ONNX models are read as graphs of plain operators with the same results, or refused with what to do."""

# ruff: noqa: E402  (imports stand behind the test for what is installed)

from __future__ import annotations

import sys

import numpy as np
import pytest

pytest.importorskip("onnxsim", reason="the extra `onnx` is not installed (it needs CPython 3.11)")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")

import onnx
import onnx_nets
from onnx import TensorProto, helper
from onnx_nets import CLASSES, NETS, SIZE, N, Weights, frame_of, model

from edgeready.config.build import SourceConfig
from edgeready.errors import MissingExtraError, ModelSourceError
from edgeready.jobs.run import model_files
from edgeready.onnx_file import check_onnx_installed
from edgeready.onnx_file.inputs import input_values, sizes_of
from edgeready.onnx_file.reading import read_onnx
from edgeready.onnx_file.reference import OnnxReference


def read(path, net, frame=(SIZE, SIZE, 3), **settings):
    onnx.save(net, path)
    return read_onnx(path, SourceConfig(**settings), frame)


def plain_outputs(found, picture):
    """What the plain graph gives for a picture (1, height, width[, channels])."""
    session = onnxruntime.InferenceSession(found.plain.SerializeToString(), providers=["CPUExecutionProvider"])
    (value,) = input_values(found.plain)
    first = picture[..., None] if picture.ndim == 3 else picture
    fed = first.transpose(0, 3, 1, 2).reshape(sizes_of(value))
    return session.run(None, {value.name: np.ascontiguousarray(fed)})[0]


@pytest.mark.parametrize("name", NETS)
def test_the_plain_graph_gives_what_the_model_gives(tmp_path, name):
    frame = frame_of(name)
    found = read(tmp_path / "net.onnx", NETS[name], frame)
    reference = OnnxReference(found)
    for seed in range(3):
        picture = np.random.default_rng(seed).integers(0, 9, (1, *frame)).astype(np.float32)
        (expected,) = reference([picture])
        assert expected.shape == (1, CLASSES)
        np.testing.assert_allclose(plain_outputs(found, picture), expected, atol=1e-5 * abs(expected).max())
    assert list(found.rewrites) == onnx_nets.REWRITTEN.get(name, [])
    ops = {node.op_type for node in found.plain.graph.node}
    assert not ops & {
        "HardSwish",
        "HardSigmoid",
        "LeakyRelu",
        "Split",
        "LogSoftmax",
        "Erf",
        "Gelu",
        "Abs",
        "Neg",
        "Pow",
    }
    assert [sizes_of(value)[0] for value in input_values(found.plain)] == [1]


def test_a_depthwise_convolution_stays_one(tmp_path):
    found = read(tmp_path / "net.onnx", NETS["depthwise"])
    assert [node.op_type for node in found.plain.graph.node].count("Conv") == 2


@pytest.mark.parametrize(
    ("sizes", "frame", "kind", "fixed"),
    [
        (("N", 3, "H", "W"), (5, 7, 3), "channels first", (1, 3, 5, 7)),
        ((None, 3, 224, 224), (5, 7, 3), "channels first", (1, 3, 224, 224)),
        (("N", "H", "W", 3), (5, 7, 3), "channels last", (1, 5, 7, 3)),
        (("N", 1, "H", "W"), (5, 7), "channels first", (1, 1, 5, 7)),
        (("N", 28, 28), (28, 28), "plain", (1, 28, 28)),
        (("N", "F"), None, None, None),
    ],
)
def test_open_sizes_become_those_of_the_pictures(tmp_path, sizes, frame, kind, fixed):
    net = model([N("Relu", ["image"], ["scores"])], Weights(), image=sizes, scores=None)
    if frame is None:
        with pytest.raises(ModelSourceError, match=r"has the open shape .*: give --input-shape, as in 1x28x28x1"):
            read(tmp_path / "net.onnx", net, frame)
        return
    picture = read(tmp_path / "net.onnx", net, frame).picture
    assert (picture.kind, picture.shape) == (kind, fixed)


def test_the_shape_that_is_said_counts(tmp_path):
    net = model([N("Relu", ["image"], ["scores"])], Weights(), image=("N", 3, "H", "W"), scores=None)
    assert read(tmp_path / "net.onnx", net, shapes=((3, 6, 4),)).picture.shape == (1, 3, 6, 4)
    with pytest.raises(ModelSourceError, match=r"--input-shape is \[1, 6, 4\].*: they differ"):
        read(tmp_path / "net.onnx", net, shapes=((1, 6, 4),))


def test_weights_in_a_file_beside_the_model_are_read(tmp_path):
    net = onnx.ModelProto()
    net.CopyFrom(NETS["plain"])  # onnx.save moves the weights out of the model that it is given
    onnx.save(net, tmp_path / "net.onnx", save_as_external_data=True, location="net.onnx.data", size_threshold=0)
    assert model_files(tmp_path / "net.onnx") == [tmp_path / "net.onnx", tmp_path / "net.onnx.data"]
    assert read_onnx(tmp_path / "net.onnx", SourceConfig(), (SIZE, SIZE, 3)).name == "net"


def test_a_link_beside_the_model_is_no_part_of_it(tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "net.onnx").write_bytes(b"")
    (tmp_path / "net.onnx.data").symlink_to(tmp_path / "secret")
    (tmp_path / "net2.onnx").write_bytes(b"")
    assert model_files(tmp_path / "net.onnx") == [tmp_path / "net.onnx"]


def outside(tmp_path, location):
    """A model whose weights are said to be in the file `location`."""
    net = onnx.ModelProto()
    net.CopyFrom(NETS["plain"])
    (tmp_path / "secret").write_bytes(bytes(10_000))
    tensor = net.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    path = tmp_path / "folder" / "net.onnx"
    path.parent.mkdir()
    path.write_bytes(net.SerializeToString())
    return path


@pytest.mark.parametrize("location", ["../secret", "{folder}/secret", "missing.data", "../../../etc/passwd", ""])
def test_weights_outside_of_the_folder_are_not_read(tmp_path, location):
    path = outside(tmp_path, location.format(folder=tmp_path))
    with pytest.raises(ModelSourceError, match="export it again, as one file: ONNX does not read it"):
        read_onnx(path, SourceConfig(), (SIZE, SIZE, 3))


def scale_of(w):
    w.add(np.float32(0.1))
    w.add(np.uint8(3))
    return w


def others_operator(domain):
    net = model([N("Magic", ["image"], ["scores"], domain=domain)], Weights(), image=("N", CLASSES))
    net.opset_import.append(helper.make_opsetid(domain, 1))
    return net


def weights_of(*shape):
    w = Weights()
    w(*shape)
    return w


BROKEN = {
    "integers already": (
        lambda: model(
            [N("QuantizeLinear", ["image", "w0", "w1"], ["q"]), N("DequantizeLinear", ["q", "w0", "w1"], ["scores"])],
            scale_of(Weights()),
            image=("N", CLASSES),
        ),
        "give the float32 model that it was made from: it is quantized already (QuantizeLinear)",
    ),
    "an operator of others": (
        lambda: others_operator("com.example"),
        "export it with ONNX' own operators: Magic is one of 'com.example'",
    ),
    "no operator": (lambda: model([], Weights(), image=("N", CLASSES)), "export"),
    "an unknown operator": (
        lambda: model([N("Magic", ["image"], ["scores"])], Weights(), image=("N", CLASSES)),
        "export it again, as one file: ONNX does not read it (No Op registered for Magic",
    ),
    "shapes that contradict": (
        lambda: model([N("Gemm", ["image", "w0"], ["scores"])], weights_of(5, CLASSES), image=("N", CLASSES)),
        "export it again: its shapes contradict",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_float_network_is_refused_with_what_to_do(tmp_path, name):
    net, said = BROKEN[name]
    path = tmp_path / "net.onnx"
    path.write_bytes(net().SerializeToString())
    with pytest.raises(ModelSourceError) as error:
        read_onnx(path, SourceConfig(), None)
    assert str(error.value).startswith(f"{path}: {said}")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 350


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08", bytes(100), b"\xff" * 64])
def test_what_is_no_onnx_file_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(ModelSourceError) as error:
        read_onnx(tmp_path / "net.onnx", SourceConfig(), None)
    assert str(error.value).startswith(f"{tmp_path / 'net.onnx'}: export ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_is_refused(tmp_path, cut):
    data = NETS["plain"].SerializeToString()
    (tmp_path / "net.onnx").write_bytes(data[: int(cut * len(data))])
    with pytest.raises(ModelSourceError, match=r"net\.onnx: export "):
        read_onnx(tmp_path / "net.onnx", SourceConfig(), (SIZE, SIZE, 3))


def test_a_constant_of_any_size_is_not_made(tmp_path):
    """4 TB of ones, which a graph asks for in a few bytes."""
    w = Weights()
    shape = w.add(np.array([1 << 20, 1 << 20], np.int64))
    nodes = [
        N("ConstantOfShape", [shape], ["big"], value=helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])),
        N("ReduceSum", ["big"], ["sum"], keepdims=1),
        N("Add", ["image", "sum"], ["scores"]),
    ]
    found = read(tmp_path / "net.onnx", model(nodes, w, image=("N", CLASSES)), None)
    assert found.plain.ByteSize() < 10_000


def test_what_reads_onnx_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("edgeready.onnx_file.find_spec", lambda name: None if name == "onnxsim" else object())
    with pytest.raises(MissingExtraError, match=r"pip install .*: an ONNX model needs onnxsim$"):
        check_onnx_installed()


def test_reading_loads_no_tensorflow():
    assert "tensorflow" not in sys.modules


def test_a_model_that_is_no_classifier_keeps_its_log_softmax(tmp_path):
    found = read(tmp_path / "net.onnx", NETS["with a log-softmax"], None, shapes=((1, 3, SIZE, SIZE),))
    assert "LogSoftmax" in {node.op_type for node in found.plain.graph.node}
    assert found.rewrites == ()


def test_a_log_softmax_that_another_operator_reads_stays(tmp_path):
    end = [N("LogSoftmax", ["dense"], ["scores"], axis=1), N("Exp", ["scores"], ["shares"])]
    net = onnx.ModelProto()
    net.CopyFrom(onnx_nets.network(onnx_nets.plain, end=end))
    net.graph.output.append(helper.make_tensor_value_info("shares", TensorProto.FLOAT, ("N", CLASSES)))
    found = read(tmp_path / "net.onnx", net)
    assert "LogSoftmax" in {node.op_type for node in found.plain.graph.node}
