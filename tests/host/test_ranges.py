"""Ranges in a calibrated .tflite: read, overwritten in place, and chosen so that outliers do not stretch them."""

from __future__ import annotations

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from float_nets import SIZE, UNIT_STRIDE, blocks, samples
from tflite_models import G, O, T, tflite

from edgeready.config.method import Method, QatConfig
from edgeready.errors import DatasetError, ModelFileError, UsageError
from edgeready.layer_analysis.diagnosis import diagnose
from edgeready.quantization.activations import trace_activations
from edgeready.quantization.clipping import BINS, Histogram, clip_ranges, fit_least_error, fit_percentile
from edgeready.quantization.ranges import Range, group_by_range, read_ranges, replace_ranges
from edgeready.quantization.samples import Samples
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.tflite.graph import read_graph


def calibrated(model, samples):
    """`model` with the least and largest value of each activation, as TensorFlow's calibrator leaves them."""
    graph = read_graph(model)
    inner = [tensor.index for tensor in graph.tensors if not tensor.constant]
    seen = list(trace_activations(model, samples, inner))
    unpacked = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    for index in inner:
        quantization = schema.QuantizationParametersT()
        quantization.min = [min(float(values[index].min()) for values in seen)]
        quantization.max = [max(float(values[index].max()) for values in seen)]
        unpacked.subgraphs[0].tensors[index].quantization = quantization
    builder = flatbuffers.Builder(1024)
    builder.Finish(unpacked.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.fixture(scope="module")
def model():
    return calibrated(blocks(), samples())


def index_of(model, name):
    return next(tensor.index for tensor in read_graph(model).tensors if tensor.name == name)


def test_every_activation_has_a_range_and_no_constant_has_one(model):
    names = {read_graph(model).tensors[index].name for index in read_ranges(model)}
    assert names == {"image", "first", "depthwise", "pool", "last", "flat", "scores"}


def test_a_range_is_overwritten_in_place_and_nothing_else_changes(model):
    index = index_of(model, "first")
    changed = replace_ranges(model, {index: Range(-1.5, 2.5)})
    assert len(changed) == len(model)
    assert read_ranges(changed) == {**read_ranges(model), index: Range(-1.5, 2.5)}
    assert sum(a != b for a, b in zip(model, changed)) <= 8


def test_a_model_without_ranges_has_none():
    assert read_ranges(blocks()) == {}
    assert replace_ranges(blocks(), {0: Range(0, 1)}) == blocks()


def test_tensors_that_only_move_values_share_a_range(model):
    graph = read_graph(model)
    groups = group_by_range(graph, read_ranges(model))
    named = sorted(sorted(graph.tensors[index].name for index in group) for group in groups)
    assert named == [["depthwise", "pool"], ["first"], ["flat", "last"], ["image"], ["scores"]]


@pytest.mark.parametrize("how", ["percentile", "mse"])
def test_the_ends_keep_their_ranges_and_shared_ranges_stay_shared(model, how):
    found = clip_ranges(model, read_ranges(model), samples(), how)
    names = {read_graph(model).tensors[index].name for index in found}
    assert names == {"first", "depthwise", "pool", "last", "flat"}
    assert found[index_of(model, "depthwise")] == found[index_of(model, "pool")]
    for index, chosen in found.items():
        whole = read_ranges(model)[index].with_zero
        assert whole.low - 1e-6 <= chosen.low <= 0 <= chosen.high <= whole.high + 1e-6


def histogram(values, zeros=0):
    low, high = float(values.min()), float(values.max())
    return Histogram(Range(low, high), np.histogram(values, BINS, (low, high))[0], zeros)


def test_a_single_outlier_among_many_values_does_not_stretch_the_range():
    values = np.random.default_rng(0).normal(0, 1, 100_000)
    values[0] = 300.0
    chosen = fit_percentile(histogram(values))
    assert chosen.high < 5
    assert chosen.low < -2.5


def test_an_even_spread_is_not_clipped():
    values = np.linspace(-1, 1, 200_001)
    assert fit_least_error(histogram(values)) == Range(-1.0, 1.0)
    chosen = fit_percentile(histogram(values))
    assert (chosen.low, chosen.high) == pytest.approx((-1, 1), abs=2e-3)


def test_the_least_error_is_no_greater_than_that_of_the_whole_range():
    values = np.random.default_rng(2).laplace(0, 1, 500_000)
    chosen, whole = fit_least_error(histogram(values)), Range(float(values.min()), float(values.max()))

    def error(range_):
        step = range_.width / 255
        return np.mean((np.clip(np.rint(values / step) * step, range_.low, range_.high) - values) ** 2)

    assert chosen.width < 0.9 * whole.width
    assert error(chosen) < 0.95 * error(whole)


def test_zero_is_in_every_range_even_where_no_value_is_near_it():
    values = np.linspace(5, 6, 1000)
    assert fit_percentile(histogram(values)).low == 0.0
    assert fit_least_error(histogram(values)).low == 0.0


def test_the_zeros_of_a_relu_count_among_the_values():
    values = np.concatenate([np.linspace(0.1, 1, 1000), [50.0]])
    assert fit_percentile(histogram(values)).high == 50.0  # one in a thousand is more than is cut off
    assert 1.0 <= fit_percentile(histogram(values, zeros=99_000)).high < 2.0  # one in a hundred thousand is not


def gated():
    """Convolution, sigmoid, convolution, reshape: the range of the sigmoid is fixed, that of the last two one."""
    maps, kernel = (1, SIZE, SIZE, 1), np.random.default_rng(1).normal(0, 1, (1, 3, 3, 1)).astype(np.float32)
    tensors = [
        T("image", maps, "float32"),
        T("weights", data=kernel),
        T("bias", data=np.zeros(1, np.float32)),
        T("inner", maps, "float32"),
        T("gate", maps, "float32"),
        T("last", maps, "float32"),
        T("shape", data=np.array([1, SIZE * SIZE], np.int32)),
        T("scores", (1, SIZE * SIZE), "float32"),
    ]
    ops = [
        O("CONV_2D", ["image", "weights", "bias"], ["inner"], options=UNIT_STRIDE),
        O("LOGISTIC", ["inner"], ["gate"]),
        O("CONV_2D", ["gate", "weights", "bias"], ["last"], options=UNIT_STRIDE),
        O("RESHAPE", ["last", "shape"], ["scores"]),
    ]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])


def test_fixed_ranges_and_what_shares_one_with_an_end_are_not_clipped():
    model = calibrated(gated(), samples())
    found = clip_ranges(model, read_ranges(model), samples(), "percentile")
    assert [read_graph(model).tensors[index].name for index in found] == ["inner"]


@pytest.mark.parametrize("ends", [(float("nan"), 1.0), (0.0, float("inf")), (2.0, 1.0)])
def test_a_range_that_is_none_is_refused(ends):
    with pytest.raises(DatasetError, match="on the calibration data"):
        Range(*ends)


def test_a_method_that_nobody_knows_is_refused_with_those_that_are_known():
    with pytest.raises(UsageError, match="'entropy' is unknown: use min-max, percentile, mse"):
        Method(calibration="entropy")


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"learning_rate": 0.0}, {"learning_rate": float("nan")}, {"batch_size": 0}, {"seed": -1}]
)
def test_training_that_cannot_be_meant_is_refused(wrong):
    with pytest.raises(UsageError, match=r"is (0|0\.0|nan|-1)"):
        QatConfig(**wrong)


def test_traced_values_do_not_depend_on_the_samples_before():
    one = np.ones((1, 1), np.float32)
    tensors = [T("x", (1, 1), "float32"), T("w", data=one), T("b", data=one[0])]
    tensors += [T("state", (1, 1), "float32", variable=True), T("y", (1, 1), "float32")]
    rnn = tflite(tensors=tensors, ops=[O("RNN", ["x", "w", "w", "b", "state"], ["y"])], inputs=["x"], outputs=["y"])
    rows = np.arange(3, dtype=np.float32).reshape(3, 1)
    seen = [float(values[4][0, 0]) for values in trace_activations(rnn, Samples((rows,)), [4])]
    assert seen == [1.0, 2.0, 3.0]


def test_traced_values_do_not_depend_on_resource_variables_that_samples_before_left():
    tensors = [T("x", (1, 1), "float32"), T("handle", (), "resource")]
    tensors += [T("before", (1, 1), "float32"), T("y", (1, 1), "float32")]
    start = G(
        [T("handle", (), "resource"), T("start", data=np.full((1, 1), 9, np.float32))],
        [O("VAR_HANDLE", [], ["handle"]), O("ASSIGN_VARIABLE", ["handle", "start"], [])],
        inputs=[],
        outputs=[],
    )
    ops = [
        O("CALL_ONCE", [], [], 1, {"initSubgraphIndex": 1}),
        O("VAR_HANDLE", [], ["handle"]),
        O("READ_VARIABLE", ["handle"], ["before"]),
        O("ADD", ["x", "before"], ["y"]),
        O("ASSIGN_VARIABLE", ["handle", "y"], []),
    ]
    model = tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["y"], callees=[start])
    rows = np.arange(3, dtype=np.float32).reshape(3, 1)
    seen = [float(values[3][0, 0]) for values in trace_activations(model, Samples((rows,)), [3])]
    assert seen == [9.0, 10.0, 11.0]
    with pytest.raises(ModelFileError, match="exact: it keeps values from run to run outside of its tensors"):
        diagnose(TfliteModel(model), TfliteModel(model), [[rows[:1]]], names=("exact", "rounded"))
