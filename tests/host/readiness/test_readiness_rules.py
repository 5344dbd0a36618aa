"""Each rule lets through what it should, and refuses what it should."""

from __future__ import annotations

import numpy as np
import pytest
from readiness_cases import CASES
from readiness_models import dense, i8, mean, resize, strided_slice, transpose, unary, weights
from tflite_models import O, T, conv_classifier, one_op, tflite

from edgeready.readiness import ReadinessReport, check_graph, rule_sentences
from edgeready.readiness.check import RULES
from edgeready_device.tflite.graph import read_graph


def check(data: bytes, runtime: int = 14) -> ReadinessReport:
    return check_graph(read_graph(data), runtime=runtime)


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_lets_through_what_the_compiler_maps(rule: str) -> None:
    for data in CASES[rule].accepted:
        report = check(data)
        assert report.blockers == ()
        assert report.ready is True
        assert [op.rule for op in report.ops] == [""] * len(report.ops)


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_names_itself_as_the_only_blocker_where_it_is_broken(rule: str) -> None:
    for data, op in CASES[rule].refused:
        report = check(data)
        assert [(blocker.rule, blocker.op) for blocker in report.blockers] == [(rule, op)]
        assert report.ready is False
        assert "" not in (report.blockers[0].detail, report.blockers[0].remedy)


@pytest.mark.parametrize("rule", [name for name in CASES if CASES[name].doubted])
def test_an_op_between_what_was_mapped_and_what_was_refused_is_uncertain(rule: str) -> None:
    for data in CASES[rule].doubted:
        report = check(data)
        assert report.blockers == ()
        assert [(risk.rule, risk.op, risk.uncertain) for risk in report.risks] == [(rule, 0, True)]
        assert (report.ready, report.verdict) == (False, "probably ready")
        assert [(op.target, op.rule, op.uncertain) for op in report.ops] == [("edgetpu", rule, True)]
        assert "" not in (report.risks[0].detail, report.risks[0].remedy)


@pytest.mark.parametrize("rule", [name for name in CASES if CASES[name].noted])
def test_what_no_observation_speaks_about_is_a_note_and_decides_nothing(rule: str) -> None:
    for data in CASES[rule].noted:
        with_note, report = check(CASES[rule].accepted[0]), check(data)
        assert report.ready is True
        assert len(report.notes) == len(with_note.notes) + 1


def test_every_rule_has_a_file_that_passes_and_one_that_does_not() -> None:
    assert set(CASES) == set(rule_sentences())
    assert [rule for rule in CASES if not CASES[rule].accepted] == []
    bare = [name for name, case in CASES.items() if not (case.refused or case.doubted or case.noted)]
    assert bare == ["old-runtime"]  # it needs a runtime, see below


def test_every_rule_is_one_sentence() -> None:
    for rule, sentence in rule_sentences().items():
        assert sentence.endswith("."), rule
        assert sentence[0].isupper() or sentence.split()[0] == "edgetpu_compiler", rule


@pytest.mark.parametrize(("runtime", "rules"), [(14, []), (13, ["old-runtime"]), (12, ["old-runtime"])])
def test_a_transpose_needs_runtime_14(runtime: int, rules: list[str]) -> None:
    assert [blocker.rule for blocker in check(transpose(2), runtime).blockers] == rules


@pytest.mark.parametrize(("runtime", "rules"), [(13, []), (12, ["mean-channels"])])
def test_whether_a_mean_over_channels_needs_runtime_13_is_uncertain(runtime: int, rules: list[str]) -> None:
    report = check(mean(i8("x", 1, 8, 8, 4), i8("y", 1, 8, 8), 3), runtime)
    assert [risk.rule for risk in report.risks] == rules
    assert report.blockers == ()


def test_a_constant_of_zeros_may_have_only_one_companion() -> None:
    constant = T("c", data=np.zeros((1, 4), np.int8), scale=0.1)
    data = one_op("CONCATENATION", [i8("a", 1, 4), i8("b", 1, 4), constant], [i8("y", 1, 12)], version=2)
    assert [blocker.rule for blocker in check(data).blockers] == ["concatenated-constant"]


def test_a_constant_of_which_one_value_is_not_zero_is_refused() -> None:
    constant = T("c", data=np.array([[0, 0, 0, 1]], np.int8), scale=0.1)
    data = one_op("CONCATENATION", [i8("a", 1, 4), constant], [i8("y", 1, 8)], version=2)
    assert [blocker.rule for blocker in check(data).blockers] == ["concatenated-constant"]


def test_the_rules_that_stop_the_compiler_are_these() -> None:
    assert [rule.name for rule in RULES if rule.fatal] == [
        "already-compiled",
        "custom-op",
        "open-batch",
        "computed-shape",
        "unknown-op",
        "op-too-new",
    ]


def test_a_constant_of_real_zeros_lies_at_the_zero_point() -> None:
    constant = T("c", data=np.full((1, 4), -5, np.int8), scale=0.1, zero_point=-5)
    data = one_op("CONCATENATION", [i8("a", 1, 4), constant], [i8("y", 1, 8)], version=2)
    assert check(data).ready is True


def test_a_dense_layer_with_a_scale_per_class_is_mapped_with_a_note_that_names_the_tensor_and_the_switch() -> None:
    report = check(conv_classifier(dense_per_axis=True))
    assert (report.verdict, report.mapped, report.blockers, report.risks) == ("ready", 7, (), ())
    assert report.notes[-1] == (
        "'dense/weights' int8 [3, 64] has 3 scales, one per output: such layers were mapped, whether the chip "
        "computes them well is not known; for one scale set "
        "converter._experimental_disable_per_channel_quantization_for_dense_layers = True, or use `edgeready convert`"
    )


def test_a_note_on_several_ops_is_one_line_with_their_number() -> None:
    tensors = [i8("x", 1, 4), i8("a", 1, 4), i8("b", 1, 4), i8("c", 1, 4)]
    kernels = [weights(f"w{number}", 4, 4, scale=[0.1, 0.2, 0.3, 0.4]) for number in range(3)]
    ops = [O("FULLY_CONNECTED", [a, f"w{i}"], [b], 4) for i, (a, b) in enumerate(("xa", "ab", "bc"))]
    report = check(tflite(tensors=[*tensors, *kernels], ops=ops, inputs=["x"], outputs=["c"]))
    [note] = [note for note in report.notes if "scales" in note]
    assert note.startswith("'w0' int8 [4, 4] has 4 scales, one per output")
    assert " (and 2 more); " in note


def test_a_batch_of_eight_is_named_once_with_the_fixed_batch_as_remedy() -> None:
    tensors = [i8(name, 8, 4, 4, 2) for name in ("image", "a", "b")]
    ops = [O("RELU", ["image"], ["a"]), O("RELU", ["a"], ["b"])]
    report = check(tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["b"]))
    [blocker] = report.blockers
    assert blocker.detail == "'image' int8 [8, 4, 4, 2] has a batch of 8, not 1"
    assert "keras.Input(shape, batch_size=1)" in blocker.remedy
    assert [op.rule for op in report.ops] == ["rank", "downstream"]


def test_leaky_relu_is_to_be_replaced_by_relu() -> None:
    [blocker] = check(unary("LEAKY_RELU", i8("x", 1, 4), i8("leaky", 1, 4))).blockers
    assert blocker.detail == "the Edge TPU has no LEAKY_RELU (it makes 'leaky' int8 [1, 4])"
    assert blocker.remedy.startswith("use keras.layers.ReLU() in place of LeakyReLU")


def test_a_dynamic_range_model_is_told_apart_from_a_float_one() -> None:
    hybrid, plain = (data for data, _ in reversed(CASES["not-quantized"].refused))
    assert check(hybrid).blockers[0].detail == (
        "1 op computes in float32: only its weights are 8-bit (dynamic-range quantization)"
    )
    assert check(plain).blockers[0].detail == "1 op computes in float32: it is not quantized"


@pytest.mark.parametrize(
    ("before", "after", "remedy"),
    [
        (32, 96, "enlarge by 2"),
        (64, 32, "shrink by 2 with AveragePooling2D(2)"),
        (64, 48, "shrink by 2 with AveragePooling2D(2)"),
        (1, 33, "add or multiply the one pixel as it is"),
    ],
)
def test_the_remedy_of_a_resize_goes_the_way_that_the_resize_goes(before: int, after: int, remedy: str) -> None:
    [finding] = (*check(resize(before, after)).blockers, *check(resize(before, after)).risks)
    assert (finding.rule, finding.remedy.startswith(remedy)) == ("resize-factor", True)


@pytest.mark.parametrize(("side", "pool"), [(182, 4), (512, 6), (2048, 23)])
def test_the_mean_that_is_left_after_the_proposed_pooling_is_one_that_was_mapped(side: int, pool: int) -> None:
    [finding] = check(mean(i8("x", 1, side, side, 3), i8("y", 1, 3), 1, 2)).blockers
    assert finding.remedy == f"put AveragePooling2D({pool}) ahead of GlobalAveragePooling2D"
    assert check(mean(i8("x", 1, side // pool, side // pool, 3), i8("y", 1, 3), 1, 2)).ready


def test_a_mean_over_too_many_channels_is_not_to_be_pooled() -> None:
    [finding] = check(mean(i8("x", 1, 8, 8, 40_000), i8("y", 1, 8, 8), 3)).blockers
    assert finding.remedy == "try a smaller image, or the mean over fewer channels"


@pytest.mark.parametrize(
    ("stride", "words"), [(2, "MaxPooling2D(1, strides=2)"), (3, "MaxPooling2D(1, strides=3)"), (-1, "try to turn")]
)
def test_the_remedy_of_a_slice_takes_the_strides_of_the_slice(stride: int, words: str) -> None:
    [finding] = check(strided_slice(stride)).blockers
    assert words in finding.remedy


def test_a_cast_behind_other_ops_is_not_to_be_cured_at_the_input() -> None:
    tensors = [i8("x", 1, 4), i8("a", 1, 4), T("y", (1, 4), "float32")]
    ops = [O("RELU", ["x"], ["a"]), O("CAST", ["a"], ["y"])]
    [finding] = check(tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["y"])).blockers
    assert finding.remedy == "take it out of the model"


@pytest.mark.parametrize(("scales", "words"), [(1, "give Dense a 2-D input"), (4, "try one scale: ")])
def test_a_dense_layer_that_is_too_new_for_its_scales_is_to_have_one(scales: int, words: str) -> None:
    [finding] = check(dense(weights("w", 4, 8, scale=[0.1] * scales), version=12)).blockers
    assert (finding.rule, finding.remedy.startswith(words)) == ("op-too-new", True)
