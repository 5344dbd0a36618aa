"""Modes by name and by target, and what the manual says of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tflite_models import O, T, conv_classifier, one_op, tflite

from edgeready.config.build import OutputConfig, SourceConfig
from edgeready.config.modes import MODES, TARGETS, choose_mode, mode_named
from edgeready.errors import ConversionError, UsageError
from edgeready.jobs.converter_log import refusal
from edgeready.proof.conformance import check_convertible, prove
from edgeready_device.tflite.graph import read_graph

MANUAL = (Path(__file__).parents[2] / "docs" / "quantization.md").read_text("utf-8")
FLOAT_X, FLOAT_Y = T("x", (1, 4), "float32"), T("y", (1, 4), "float32")
INNER = T("inner", (1, 4), "int8", 0.1)


@pytest.mark.parametrize("name", ["int4", "int4x8"])
def test_int4_is_refused_in_one_sentence(name):
    with pytest.raises(ConversionError) as caught:
        mode_named(name)
    assert str(caught.value) == (
        f"the mode {name} is not made: TensorFlow's converter does not write {name} weights after training, and no "
        "Edge TPU and no tflite-runtime reads them; use uint8"
    )


def test_an_unknown_mode_lists_every_mode():
    with pytest.raises(UsageError) as caught:
        mode_named("int9")
    assert str(caught.value) == (
        "the mode 'int9' is unknown: choose float32, dynamic, float16, int8-float-io, int8-float-fallback, int8, "
        "uint8, int16x8"
    )


def test_an_unknown_target_lists_every_target():
    with pytest.raises(UsageError, match=r"^the target 'npu' is unknown: choose edgetpu, cpu, gpu, mcu$"):
        choose_mode(None, "npu")


@pytest.mark.parametrize(
    ("mode", "target", "chosen"),
    [
        (None, None, "uint8"),
        (None, "edgetpu", "uint8"),
        (None, "cpu", "uint8"),
        (None, "gpu", "float16"),
        (None, "mcu", "int8"),
        ("int16x8", None, "int16x8"),
        ("int16x8", "mcu", "int16x8"),
    ],
)
def test_the_target_picks_the_mode_and_a_mode_goes_before_it(mode, target, chosen):
    assert choose_mode(mode, target).name == chosen


@pytest.mark.parametrize(("mode", "target"), [("float16", "edgetpu"), ("int16x8", "gpu"), ("dynamic", "mcu")])
def test_a_mode_that_the_target_does_not_run_is_refused(mode, target):
    with pytest.raises(UsageError) as caught:
        choose_mode(mode, target)
    assert str(caught.value) == (
        f"a {mode} file does not run on the target {target}: leave --mode out for {TARGETS[target]}"
    )


def test_what_a_target_picks_runs_there_whole():
    assert {target: MODES[mode].runs_on(target) for target, mode in TARGETS.items()} == dict.fromkeys(TARGETS, "yes")


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({}, True),
        ({"mode": "int8"}, True),
        ({"target": "edgetpu"}, True),
        ({"target": "cpu"}, False),
        ({"mode": "float32"}, False),
        ({"mode": "int8-float-io"}, False),
        ({"allow_cpu_ops": True}, False),
    ],
)
def test_every_op_has_to_be_mapped_only_where_the_file_is_for_an_edge_tpu(settings, asked):
    assert OutputConfig(**settings).for_edgetpu is asked


def test_a_wrong_mode_is_said_when_the_build_is_asked_for():
    with pytest.raises(UsageError, match="the mode 'uint9' is unknown"):
        OutputConfig(mode="uint9")


@pytest.mark.parametrize("mode", MODES.values(), ids=str)
def test_the_manual_has_a_row_of_each_mode_as_the_code_has_it(mode):
    row = f"| `{mode.name}` | {mode.summary} | {mode.ends} | {mode.cpu} | {mode.edgetpu} | {mode.gpu} | {mode.mcu} |"
    assert row in MANUAL
    assert not mode.note or f"- `{mode.name}`: {mode.note}" in MANUAL


# What a file must hold


def refused(data: bytes, mode: str) -> str:
    with pytest.raises(ConversionError) as caught:
        prove(read_graph(data), MODES[mode])
    return str(caught.value)


def test_a_float32_graph_is_proved_as_float32_and_as_nothing_else():
    data = one_op("RELU", [FLOAT_X], [FLOAT_Y])
    prove(read_graph(data), MODES["float32"])
    for mode in ("dynamic", "float16", "int8-float-fallback"):
        assert refused(data, mode).startswith(f"nothing became {MODES[mode].weights}, so the file would be float32")


def test_a_float_tensor_inside_is_no_bridge_to_float_ends():
    bridged = tflite(
        tensors=[FLOAT_X, INNER, FLOAT_Y],
        ops=[O("QUANTIZE", ["x"], ["inner"]), O("DEQUANTIZE", ["inner"], ["y"])],
        inputs=["x"],
        outputs=["y"],
    )
    prove(read_graph(bridged), MODES["int8-float-io"])
    inside = tflite(
        tensors=[FLOAT_X, INNER, FLOAT_Y],
        ops=[O("QUANTIZE", ["x"], ["inner"]), O("ELU", ["inner"], ["y"])],
        inputs=["x"],
        outputs=["y"],
    )
    assert refused(inside, "int8-float-io") == (
        "op 1 ELU stays float32 (tensor 'y' [1, 4]): it has no 8-bit form; use ReLU or ReLU6 in its place, or write "
        "--mode int8-float-fallback"
    )
    prove(read_graph(inside), MODES["int8-float-fallback"])


@pytest.mark.parametrize("mode", ["int8", "int16x8"])
def test_other_ends_than_the_modes_are_named(mode):
    ends = MODES[mode].ends
    assert refused(conv_classifier(), mode) == (
        f"the end 'image' is uint8, not quantized {ends}: the converter ignored what was asked for; report this model"
    )


def test_a_uint8_tensor_inside_an_int8_file_is_refused():
    ends = [T(name, (1, 4), "int8", 0.1) for name in "xy"]
    data = tflite(
        tensors=[ends[0], T("inner", (1, 4), "uint8", 0.1), ends[1]],
        ops=[O("QUANTIZE", ["x"], ["inner"]), O("QUANTIZE", ["inner"], ["y"])],
        inputs=["x"],
        outputs=["y"],
    )
    assert refused(data, "int8").startswith("op 0 QUANTIZE stays uint8 (tensor 'inner' [1, 4])")


@pytest.mark.parametrize("mode", ["uint8", "int16x8", "int8-float-fallback"])
def test_a_custom_op_has_no_integer_form(mode):
    graph = read_graph(
        tflite(
            tensors=[FLOAT_X, FLOAT_Y],
            ops=[O("CUSTOM", ["x"], ["y"], custom_code="Mine")],
            inputs=["x"],
            outputs=["y"],
        )
    )
    with pytest.raises(ConversionError) as caught:
        check_convertible(graph, MODES[mode])
    assert str(caught.value) == (
        "op 0 Mine is a custom op and has no integer form: leave it out of the model, or write --mode float32, "
        "dynamic or float16"
    )
    check_convertible(graph, MODES["float16"])


def test_an_op_that_tflite_lacks_altogether_is_named_once_with_both_ways_out():
    log = "error: 'tf.Erf' op is neither a custom op nor a flex op\nSome ops:\n\ttf.Erf(tensor<1xf32>) -> (x)\n"
    assert str(refusal(1, log, "converting")) == (
        "TFLite has no tf.Erf: replace the layer (Conv2D, DepthwiseConv2D, Dense, ReLU, pooling, "
        "Add are safe), or let them in with --select-tf-ops, which no pip runtime runs"
    )


# Options


def test_an_input_shape_without_sizes_is_refused():
    with pytest.raises(UsageError) as caught:
        SourceConfig(shapes=((28, 0),))
    assert str(caught.value) == "the input shape is [28, 0]: write sizes from 1, as in 28x28x1"
