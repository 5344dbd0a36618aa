"""What a refused op does to the ops around it, and what is said about it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tflite_models import O, T, conv_classifier, one_op, rgb_classifier, tflite

from edgeready.readiness import ReadinessReport, check_graph
from edgeready_device.tflite.graph import read_graph


def check(data: bytes) -> ReadinessReport:
    return check_graph(read_graph(data))


def chain(*names: str, first: T | None = None) -> bytes:
    """A chain of one-input ops on int8 [1, 4], from `first` where it is given."""
    tensors = [first or T("t0", (1, 4), "int8", 0.1)]
    ops = []
    for index, name in enumerate(names):
        kind = "float32" if name == "DEQUANTIZE" else "int8"
        tensors.append(T(f"t{index + 1}", (1, 4), kind, 0.1))
        ops.append(O(name, [tensors[-2].name], [tensors[-1].name], 2 if name == "DEQUANTIZE" else 1))
    return tflite(tensors=tensors, ops=ops, inputs=[tensors[0].name], outputs=[tensors[-1].name])


def targets(report: ReadinessReport) -> list[str]:
    return [op.target for op in report.ops]


@pytest.mark.parametrize("data", [conv_classifier(), rgb_classifier(), conv_classifier(open_batch=True)])
def test_a_clean_classifier_is_ready_with_every_op_mapped(data: bytes) -> None:
    report = check(data)
    assert report.ready is True
    assert targets(report) == ["edgetpu"] * 7
    assert report.mapped == 7


def test_everything_below_a_refused_op_stays_on_the_cpu_and_names_it() -> None:
    report = check(chain("RELU", "LEAKY_RELU", "RELU", "RELU6"))
    assert targets(report) == ["edgetpu", "cpu", "cpu", "cpu"]
    assert [op.rule for op in report.ops] == ["", "unsupported-op", "downstream", "downstream"]
    assert report.ops[3].detail == (
        "acceptable, but it depends on op 1 LEAKY_RELU 't2', which stays on the CPU (unsupported-op)"
    )
    assert report.ops[3].remedy == "clear unsupported-op at op 1 first"
    assert [blocker.op for blocker in report.blockers] == [1]


def test_a_branch_beside_a_refused_op_is_mapped() -> None:
    tensors = [T(name, (1, 4), "int8", 0.1) for name in ("x", "left", "right", "sum")]
    ops = [O("LEAKY_RELU", ["x"], ["left"]), O("RELU", ["x"], ["right"]), O("ADD", ["left", "right"], ["sum"], 2)]
    report = check(tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["sum"]))
    assert targets(report) == ["cpu", "edgetpu", "cpu"]


def test_each_op_that_is_refused_by_itself_is_a_blocker_even_below_another() -> None:
    report = check(chain("LEAKY_RELU", "RELU", "HARD_SWISH"))
    assert [(blocker.rule, blocker.op) for blocker in report.blockers] == [
        ("unsupported-op", 0),
        ("unsupported-op", 2),
    ]


def test_float_ends_stay_on_the_cpu_and_what_lies_between_is_mapped() -> None:
    report = check(chain("QUANTIZE", "RELU", "DEQUANTIZE", first=T("x", (1, 4), "float32")))
    assert targets(report) == ["cpu", "edgetpu", "cpu"]
    assert [blocker.rule for blocker in report.blockers] == ["float-input", "float-output"]
    assert [blocker.detail for blocker in report.blockers] == [
        "'x' float32 [1, 4] is quantized on the CPU at each inference",
        "'t3' float32 [1, 4] is dequantized on the CPU at each inference",
    ]
    assert report.blockers[0].remedy == "converter.inference_input_type = tf.uint8, or use `edgeready convert`"
    assert report.ready is False
    assert [note.split(":")[0] for note in report.notes] == [
        "1 of 3 ops run on the Edge TPU, the others on the CPU",
        "float input",
        "float output",
    ]


def test_a_cast_at_the_entrance_keeps_back_nothing() -> None:
    tensors = [T("x", (1, 4), "uint8"), T("f", (1, 4), "float32"), *(T(n, (1, 4), "int8", 0.1) for n in ("q", "y"))]
    ops = [O("CAST", ["x"], ["f"]), O("QUANTIZE", ["f"], ["q"]), O("RELU", ["q"], ["y"])]
    report = check(tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["y"]))
    assert targets(report) == ["cpu", "cpu", "edgetpu"]
    assert [op.rule for op in report.ops] == ["cast", "float-input", ""]


def test_a_cast_in_the_middle_keeps_back_what_follows() -> None:
    report = check(chain("RELU", "CAST", "RELU"))
    assert targets(report) == ["edgetpu", "cpu", "cpu"]


def test_a_quantize_behind_a_cast_in_the_middle_is_no_float_input() -> None:
    tensors = [T("x", (1, 4), "int8", 0.1), T("a", (1, 4), "int8", 0.1), T("b", (1, 4), "float32")]
    ops = [O("RELU", ["x"], ["a"]), O("CAST", ["a"], ["b"]), O("QUANTIZE", ["b"], ["y"])]
    report = check(tflite(tensors=[*tensors, T("y", (1, 4), "int8", 0.1)], ops=ops, inputs=["x"], outputs=["y"]))
    assert [blocker.rule for blocker in report.blockers] == ["cast"]
    assert [op.rule for op in report.ops] == ["", "cast", "downstream"]
    assert not any(note.startswith("float input") for note in report.notes)


def test_a_quantize_that_makes_16_bits_at_the_entrance_is_not_forgiven_to_its_reader() -> None:
    wide = T("w", (1, 4), "int16", 0.1)
    small = [T(name, (1, 4), "int8", 0.1) for name in ("y", "z")]
    ops = [O("QUANTIZE", ["x"], ["w"]), O("RELU", ["w"], ["y"]), O("RELU", ["y"], ["z"])]
    data = tflite(tensors=[T("x", (1, 4), "float32"), wide, *small], ops=ops, inputs=["x"], outputs=["z"])
    assert [op.rule for op in check(data).ops] == ["float-input", "data-type", "downstream"]


def test_an_op_left_in_float_is_the_blocker_and_not_the_dequantize_for_it() -> None:
    kinds = {"x": "int8", "r": "int8", "f": "float32", "e": "float32", "y": "int8"}
    tensors = [T(name, (1, 4), kind, 0.1) for name, kind in kinds.items()]
    ops = [
        O("RELU", ["x"], ["r"]),
        O("DEQUANTIZE", ["r"], ["f"], 2),
        O("ELU", ["f"], ["e"]),
        O("QUANTIZE", ["e"], ["y"]),
    ]
    report = check(tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["y"]))
    assert [op.rule for op in report.ops] == ["", "float-island", "unsupported-op", "downstream"]
    assert [(blocker.rule, blocker.op) for blocker in report.blockers] == [("unsupported-op", 2)]


def test_an_open_batch_is_named_once_however_many_layers_suffer_from_it() -> None:
    image = T("image", (1, 2, 2, 2), "int8", 0.1, signature=(-1, 2, 2, 2))
    tensors = [image, T("zero", data=np.array([0], np.int32)), T("one", data=np.array([1], np.int32))]
    tensors.append(T("rest", data=np.array(8, np.int32)))
    ops = []
    for name in ("a", "b"):
        tensors += [
            T(f"{name}/shape", (4,), "int32"),
            T(f"{name}/batch", (), "int32"),
            T(f"{name}/to", (2,), "int32"),
        ]
        tensors.append(T(name, (1, 8), "int8", 0.1))
        ops += [
            O("SHAPE", ["image"], [f"{name}/shape"]),
            O("STRIDED_SLICE", [f"{name}/shape", "zero", "one", "one"], [f"{name}/batch"]),
            O("PACK", [f"{name}/batch", "rest"], [f"{name}/to"]),
            O("RESHAPE", ["image", f"{name}/to"], [name]),
        ]
    tensors.append(T("relu", (1, 8), "int8", 0.1))
    ops.append(O("RELU", ["image"], ["relu"]))
    report = check(tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["a", "b", "relu"]))
    [blocker] = report.blockers
    assert (blocker.rule, blocker.op) == ("open-batch", 0)
    assert blocker.detail == (
        "the batch of input 'image' is open (shape_signature [-1, 2, 2, 2]), so the file computes shapes at run time "
        "on int32 tensors (SHAPE, STRIDED_SLICE, PACK ahead of RESHAPE)"
    )
    assert "batch_size=1" in blocker.remedy
    assert targets(report) == ["cpu"] * 9
    assert report.ops[8].rule == "not-compiled"


def test_a_real_blocker_below_an_open_batch_is_named_too() -> None:
    tensors = [T("x", (1, 8), "int8", 0.1, signature=(-1, 8)), T("s", (2,), "int32"), T("r", (1, 8), "int8", 0.1)]
    tensors.append(T("best", (1,), "int64"))
    tensors.append(T("axis", data=np.array(1, np.int32)))
    ops = [O("SHAPE", ["x"], ["s"]), O("RESHAPE", ["x", "s"], ["r"]), O("ARG_MAX", ["r", "axis"], ["best"])]
    report = check(tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["best"]))
    assert [(blocker.rule, blocker.op) for blocker in report.blockers] == [("open-batch", 0), ("unsupported-op", 2)]


def test_a_shape_computed_from_a_fixed_batch_is_named_at_the_op_that_takes_it() -> None:
    tensors = [T("x", (1, 8), "int8", 0.1), T("s", (2,), "int32"), T("r", (1, 8), "int8", 0.1)]
    ops = [O("SHAPE", ["x"], ["s"]), O("RESHAPE", ["x", "s"], ["r"])]
    report = check(tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["r"]))
    assert [(blocker.rule, blocker.op) for blocker in report.blockers] == [
        ("computed-shape", 1),
        ("unsupported-op", 0),
    ]
    assert report.blockers[0].detail == (
        "RESHAPE takes 's' int32 [2], which comes from op 0 SHAPE 's': its result's size is not known beforehand"
    )


def test_a_shape_that_the_caller_feeds_is_named_even_with_an_open_batch() -> None:
    tensors = [T("x", (1, 8), "int8", 0.1, signature=(-1, 8)), T("s", (2,), "int32"), T("r", (1, 8), "int8", 0.1)]
    report = check(tflite(tensors=tensors, ops=[O("RESHAPE", ["x", "s"], ["r"])], inputs=["x", "s"], outputs=["r"]))
    assert [blocker.rule for blocker in report.blockers] == ["computed-shape"]
    assert "which is fed by the caller" in report.blockers[0].detail


def test_an_lstm_may_keep_16_bit_state_beside_its_8_bit_sequence() -> None:
    tensors = [T("x", (1, 5, 4), "int8", 0.1), T("state", (1, 8), "int16", 0.1)]
    data = one_op("UNIDIRECTIONAL_SEQUENCE_LSTM", [tensors[0], None, tensors[1]], [T("y", (1, 5, 8), "int8", 0.1)])
    assert check(data).ready is True


def test_an_op_that_the_compiler_cannot_read_keeps_the_whole_model_off() -> None:
    report = check(chain("RELU", "GELU", "LEAKY_RELU"))
    assert targets(report) == ["cpu", "cpu", "cpu"]
    assert [op.rule for op in report.ops] == ["not-compiled", "unknown-op", "unsupported-op"]
    assert [blocker.rule for blocker in report.blockers] == ["unknown-op", "unsupported-op"]
    assert report.ops[0].detail == "the compiler maps no op of this file (unknown-op at op 1 GELU 't2')"


def test_the_fatal_blocker_comes_first() -> None:
    report = check(chain("LEAKY_RELU", "GELU"))
    assert [blocker.rule for blocker in report.blockers] == ["unknown-op", "unsupported-op"]


def test_a_model_of_several_subgraphs_is_judged_by_the_first_with_a_note() -> None:
    report = check(one_op("RELU", [T("x", (1, 4), "int8", 0.1)], [T("y", (1, 4), "int8", 0.1)], subgraphs=3))
    assert (targets(report), report.verdict) == (["edgetpu"], "ready")
    assert report.notes[0].startswith("the file has 3 subgraphs: only the first was judged, and no compiled file")


def test_a_compiled_file_is_recognized_as_such() -> None:
    image = T("x", (1, 4), "uint8", 0.1)
    report = check(one_op("CUSTOM", [image], [replace(image, name="y")], custom_code="edgetpu-custom-op"))
    [blocker] = report.blockers
    assert blocker.rule == "already-compiled"
    assert "needs no further compilation" in blocker.remedy
    assert report.to_dict()["ops"][0]["custom_code"] == "edgetpu-custom-op"


def test_a_float_model_has_one_blocker_for_all_its_types() -> None:
    tensors = [T(name, (1, 4), "float32") for name in ("x", "a", "b")]
    ops = [O("RELU", ["x"], ["a"]), O("RELU", ["a"], ["b"])]
    report = check(tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["b"]))
    assert [blocker.rule for blocker in report.blockers] == ["not-quantized"]
    assert [op.rule for op in report.ops] == ["not-compiled", "not-compiled"]


def test_blockers_stand_in_the_order_of_the_graph_and_a_merged_one_at_its_first_op() -> None:
    """The order of a YOLOv10: an ADD of version 4 early and late, and another refused op between them."""
    tensors = [T(f"t{i}", (1, 4), "int8", 0.1) for i in range(5)]
    ops = [
        O("RELU", ["t0"], ["t1"]),
        O("ADD", ["t1", "t1"], ["t2"], 4),
        O("BATCH_MATMUL", ["t2", "t2"], ["t3"]),
        O("ADD", ["t3", "t3"], ["t4"], 4),
    ]
    report = check(tflite(tensors=tensors, ops=ops, inputs=["t0"], outputs=["t4"]))
    assert [(blocker.rule, blocker.op) for blocker in report.blockers] == [("op-version", 1), ("unsupported-op", 2)]
    assert [blocker.impact.work.ops for blocker in report.blockers] == [3, 2]
    assert [op.rule for op in report.ops] == ["", "op-version", "unsupported-op", "op-version"]


def test_an_op_below_two_refused_ones_names_the_first() -> None:
    tensors = [T(name, (1, 4), "int8", 0.1) for name in "xabz"]
    ops = [O("ELU", ["x"], ["a"]), O("ELU", ["x"], ["b"]), O("ADD", ["b", "a"], ["z"], 2)]
    report = check(tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["z"]))
    assert report.ops[2].rule == "downstream"
    assert "depends on op 0 ELU 'a'" in report.ops[2].detail


def test_names_that_are_cut_alike_do_not_merge_findings() -> None:
    """Twelve different ops whose results have names of the same first 80 characters."""
    names = [f"{'StatefulPartitionedCall/detector/' * 4}{i}" for i in range(12)]
    tensors = [T("x", (1, 4), "int8", 0.1), *(T(name, (1, 4), "int8", 0.1) for name in names)]
    ops = [O("HARD_SWISH", ["x"], [name]) for name in names]
    report = check(tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=names))
    assert len({blocker.detail for blocker in report.blockers}) == 1
    assert [blocker.op for blocker in report.blockers] == list(range(12))
    assert [blocker.tensor for blocker in report.blockers] == names
    assert [blocker.impact.work.ops for blocker in report.blockers] == [1] * 12


def test_one_long_name_still_merges_the_findings_about_it() -> None:
    name = "detector/" * 20
    tensors = [T(name, (8, 4, 4, 2), "int8", 0.1), *(T(n, (8, 4, 4, 2), "int8", 0.1) for n in "ab")]
    ops = [O("RELU", [name], ["a"]), O("RELU", [name], ["b"])]
    report = check(tflite(tensors=tensors, ops=ops, inputs=[name], outputs=["a", "b"]))
    assert [(blocker.rule, blocker.op) for blocker in report.blockers] == [("rank", 0)]
    assert report.blockers[0].impact.work.ops == 2


def uncertain_chain(*names: str) -> bytes:
    """A SOFTMAX over 16,385 values, which is uncertain, and one-input ops after it."""
    tensors = [T(f"t{i}", (1, 16385), "int8", 0.1) for i in range(len(names) + 2)]
    ops = [O("SOFTMAX", ["t0"], ["t1"]), *(O(name, [f"t{i}"], [f"t{i + 1}"]) for i, name in enumerate(names, 1))]
    return tflite(tensors=tensors, ops=ops, inputs=["t0"], outputs=[tensors[-1].name])


def test_an_uncertain_op_counts_as_mapped_and_so_does_what_follows() -> None:
    report = check(uncertain_chain("RELU"))
    assert (report.verdict, report.ready, report.mapped, report.uncertain) == ("probably ready", False, 2, 1)
    assert [op.uncertain for op in report.ops] == [True, False]
    [risk] = report.to_dict()["risks"]
    assert risk["behind"] == {"ops": 2, "macs": 0, "parameter_bytes": 0}
    assert risk["evidence"]["mapped"]["size"] == 16_384
    assert risk["evidence"]["refused"] is None
    assert risk["evidence"]["documented"] == "at most 16,000 elements"


def test_a_refused_op_makes_a_model_with_an_uncertain_one_not_ready() -> None:
    report = check(uncertain_chain("ELU"))
    assert (report.verdict, report.mapped, report.uncertain) == ("not ready", 1, 1)
    assert [blocker.rule for blocker in report.blockers] == ["unsupported-op"]
    assert [risk.rule for risk in report.risks] == ["softmax-size"]


def test_what_stops_the_compiler_leaves_no_op_uncertain() -> None:
    report = check(uncertain_chain("GELU"))
    assert [(op.rule, op.uncertain) for op in report.ops] == [("not-compiled", False), ("unknown-op", False)]


def test_a_finding_that_refuses_counts_before_one_that_is_uncertain() -> None:
    """A result of 256 pixels is uncertain by its few elements, and enlarging by 33 is refused."""
    size = T("size", data=np.array([264, 264], np.int32))
    operands = [T("x", (1, 8, 8, 1), "int8", 0.1), size]
    report = check(one_op("RESIZE_BILINEAR", operands, [T("y", (1, 264, 264, 1), "int8", 0.1)], version=3))
    assert [(op.rule, op.target) for op in report.ops] == [("resize-factor", "cpu")]
    assert report.risks == ()


@pytest.mark.parametrize(
    ("name", "runtimes"),
    [
        ("QUANTIZE", {11: "not ready", 12: "ready", 13: "ready"}),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", {11: "not ready", 12: "ready"}),
        ("REDUCE_MAX", {11: "not ready", 12: "ready"}),
        ("RSQRT", {13: "not ready", 14: "ready"}),
    ],
)
def test_a_runtime_that_compiled_files_ask_for_has_the_ops_that_they_hold(
    name: str, runtimes: dict[int, str]
) -> None:
    """Stamps of public compiled files: 12 beside a mapped QUANTIZE, LSTM and REDUCE_MAX."""
    operands = [T("x", (1, 5, 4, 4), "int8", 0.1)]
    if name == "REDUCE_MAX":
        operands.append(T("axes", data=np.array([1, 2], np.int32)))
    graph = read_graph(one_op(name, operands, [T("y", (1, 5, 4, 4), "int8", 0.1)]))
    assert {runtime: check_graph(graph, runtime=runtime).verdict for runtime in runtimes} == runtimes
