"""What a model costs, and how much of it each blocker holds back."""

from __future__ import annotations

import numpy as np
import pytest
from readiness_models import conv, dense, depthwise, i8, ints, lstm, transpose_conv, unary, weights
from tflite_models import O, T, conv_classifier, one_op, tflite

from edgeready.readiness import ReadinessReport, check_graph
from edgeready.readiness.cost import CACHE_BYTES, Cost, FloatEnd
from edgeready_device.tflite.graph import read_graph


def report_on(data: bytes) -> ReadinessReport:
    return check_graph(read_graph(data))


def cost_of(data: bytes) -> Cost:
    found = report_on(data).cost
    assert found is not None
    return found


def chain(*names: str, source: str = "int8", **more: int) -> bytes:
    """Ops of one input and output in a row, each on [1, 4]."""
    tensors = [T("t0", (1, 4), source, 0.1), *(T(f"t{i + 1}", (1, 4), "int8", 0.1) for i in range(len(names)))]
    ops = [O(name, [f"t{i}"], [f"t{i + 1}"], more.get(name, 1)) for i, name in enumerate(names)]
    return tflite(tensors=tensors, ops=ops, inputs=["t0"], outputs=[f"t{len(names)}"])


@pytest.mark.parametrize(
    ("data", "macs"),
    [
        (conv(i8("x", 1, 8, 8, 3), weights("w", 4, 3, 3, 3), i8("y", 1, 6, 6, 4)), 6 * 6 * 4 * 3 * 3 * 3),
        (depthwise(1, 1), 5 * 5 * 2 * 3 * 3),
        (dense(weights("w", 4, 8)), 4 * 8),
        (transpose_conv(5), 32 * 32 * 8 * 5 * 2 * 2),
        (lstm(5, 6), 5 * 4 * 6),
        (one_op("BATCH_MATMUL", [i8("x", 1, 3, 7), i8("z", 1, 7, 5)], [i8("y", 1, 3, 5)]), 3 * 5 * 7),
        (one_op("CONV_3D", [i8("x", 1, 3, 3, 3, 2), weights("w", 2, 2, 2, 2, 6)], [i8("y", 1, 2, 2, 2, 6)]), 768),
        (unary("RELU", i8("x", 1, 4), i8("y", 1, 4)), 0),
    ],
    ids=["conv", "depthwise", "dense", "transpose conv", "lstm", "matrices", "3d", "relu"],
)
def test_multiply_accumulates_are_counted_from_the_shapes(data: bytes, macs: int) -> None:
    assert cost_of(data).macs == macs


@pytest.mark.parametrize("name", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "CONV_3D"])
def test_an_op_without_weights_counts_nothing(name: str) -> None:
    assert cost_of(one_op(name, [i8("x", 1, 4)], [i8("y", 1, 4)])).macs == 0
    assert cost_of(one_op(name, [], [i8("y", 1, 4)])).macs == 0
    assert cost_of(one_op(name, [i8("x", 1, 4), i8("s"), i8("z")], [i8("y", 1, 4)])).macs == 0


def test_sizes_that_no_memory_holds_are_counted_in_bounded_numbers() -> None:
    huge = i8("y", *[2**31 - 1] * 8)
    assert cost_of(conv(i8("x", 1, 8, 8, 3), T("w", (9, 2**30, 2**30, 3), "int8", 0.1), huge)).macs == 2**62


def test_parameters_are_counted_once_and_shapes_are_none() -> None:
    kernel = weights("w", 4, 4)
    tensors = [i8("x", 1, 4), kernel, i8("a", 1, 4), i8("b", 1, 4), ints("shape", 4, 1), i8("y", 4, 1)]
    ops = [O("FULLY_CONNECTED", ["x", "w"], ["a"]), O("FULLY_CONNECTED", ["a", "w"], ["b"])]
    ops.append(O("RESHAPE", ["b", "shape"], ["y"]))
    found = cost_of(tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["y"]))
    assert found.parameter_bytes == 16
    assert [op.parameter_bytes for op in found.ops] == [16, 16, 0]


def test_what_the_cache_does_not_hold_is_streamed() -> None:
    kernel = T("w", data=np.zeros((8192, 1024), np.int8), scale=0.1)
    found = cost_of(one_op("FULLY_CONNECTED", [i8("x", 1, 1024), kernel], [i8("y", 1, 8192)], version=4))
    assert (found.cached_bytes, found.streamed_bytes) == (CACHE_BYTES, round(8192 * 1024 * 1.1) - CACHE_BYTES)


def test_a_ready_model_is_one_partition_with_all_of_the_work() -> None:
    found = cost_of(conv_classifier())
    assert (found.edgetpu_partitions, found.cpu_partitions) == (1, 0)
    assert found.edgetpu_macs == found.macs == 8 * 8 * 4 * 9 + 64 * 3
    assert found.edgetpu_share == 1.0
    assert found.streamed_bytes == 0


def test_a_model_without_multiplications_has_no_share() -> None:
    assert cost_of(chain("RELU")).edgetpu_share is None


def test_float_ends_are_partitions_of_the_cpu_and_cost_conversions() -> None:
    tensors = [T("f", (1, 4), "float32"), i8("q", 1, 4), i8("r", 1, 4), T("g", (1, 4), "float32")]
    ops = [O("QUANTIZE", ["f"], ["q"]), O("RELU", ["q"], ["r"]), O("DEQUANTIZE", ["r"], ["g"])]
    found = cost_of(tflite(tensors=tensors, ops=ops, inputs=["f"], outputs=["g"]))
    assert found.float_ends == (
        FloatEnd(op=0, end="input", elements=4, extra_bytes=12),
        FloatEnd(op=2, end="output", elements=4, extra_bytes=12),
    )
    assert (found.edgetpu_partitions, found.cpu_partitions) == (1, 2)


def test_a_refused_op_in_the_middle_leaves_one_partition_each() -> None:
    found = cost_of(chain("RELU", "LEAKY_RELU", "RELU"))
    assert (found.edgetpu_partitions, found.cpu_partitions) == (1, 1)


def test_a_model_of_which_nothing_is_mapped_has_no_edge_tpu_partition() -> None:
    found = cost_of(chain("LEAKY_RELU"))
    assert (found.edgetpu_partitions, found.cpu_partitions) == (0, 1)


def test_two_blockers_in_a_row_have_their_work_behind_them_and_the_first_frees_what_lies_between() -> None:
    tensors = [i8("x", 1, 8), i8("a", 1, 8), weights("w", 4, 8), i8("b", 1, 4), i8("c", 1, 4), i8("d", 1, 4)]
    ops = [
        O("LEAKY_RELU", ["x"], ["a"]),
        O("FULLY_CONNECTED", ["a", "w"], ["b"]),
        O("ELU", ["b"], ["c"]),
        O("RELU", ["c"], ["d"]),
    ]
    first, second = report_on(tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["d"])).blockers
    assert first.impact.to_dict() == {
        "ops": 4,
        "macs": 32,
        "parameter_bytes": 32,
        "freed": {"ops": 2, "macs": 32, "parameter_bytes": 32},
    }
    assert second.impact.to_dict() == {
        "ops": 2,
        "macs": 0,
        "parameter_bytes": 0,
        "freed": {"ops": 0, "macs": 0, "parameter_bytes": 0},
    }


def test_a_blocker_that_stops_the_compiler_has_the_whole_model_behind_it_and_another_frees_nothing() -> None:
    blockers = report_on(chain("RELU", "GELU", "ELU")).blockers
    assert [(blocker.rule, blocker.impact.work.ops, blocker.impact.gain.ops) for blocker in blockers] == [
        ("unknown-op", 3, 2),
        ("unsupported-op", 1, 0),
    ]


def test_a_forgiven_op_at_the_entrance_holds_back_itself_only() -> None:
    [blocker] = report_on(chain("QUANTIZE", "RELU", source="float32")).blockers
    assert (blocker.rule, blocker.impact.work.ops, blocker.impact.gain.ops) == ("float-input", 1, 1)


def test_a_blocker_names_layer_tensor_shape_and_the_rules_sentence() -> None:
    made = T("net/act/LeakyRelu;net/act/other", (1, 4), "int8", 0.1)
    [blocker] = report_on(one_op("LEAKY_RELU", [i8("x", 1, 4)], [made])).blockers
    assert (blocker.layer, blocker.tensor, blocker.shape) == ("net/act", "net/act/LeakyRelu;net/act/other", (1, 4))
    assert blocker.sentence == "The op is in the Edge TPU's table of operations."


def test_a_blocker_of_the_whole_model_names_no_layer() -> None:
    [blocker] = report_on(tflite(tensors=[], ops=[], inputs=[], outputs=[])).blockers
    assert (blocker.rule, blocker.layer, blocker.tensor, blocker.shape) == ("no-ops", "", "", ())


def test_an_op_left_to_the_cpu_moves_elements_though_it_has_no_multiplications() -> None:
    """The tail of a DeepLab: the last resize has no multiply-accumulates and millions of elements."""
    kernel = weights("w", 21, 1, 1, 8)
    small, large = i8("small", 1, 33, 33, 21), i8("large", 1, 513, 513, 21)
    ops = [O("CONV_2D", ["x", "w"], ["small"], 3), O("RESIZE_BILINEAR", ["small", "size"], ["large"], 3)]
    tensors = [i8("x", 1, 33, 33, 8), kernel, small, ints("size", 513, 513), large]
    cost = cost_of(tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["large"]))
    assert cost.edgetpu_share == 1.0
    assert (cost.cpu_ops, cost.cpu_elements) == (1, 33 * 33 * 21 + 513 * 513 * 21)
    assert cost.elements == 33 * 33 * 8 + 33 * 33 * 21 + cost.cpu_elements
