"""The error of each layer: found where it was put in, told by the author's names, with a remedy."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import layer_pairs as pairs
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from tflite_models import conv_classifier

from edgeready.errors import DatasetError, ModelFileError
from edgeready.layer_analysis import LayerReport, diagnose
from edgeready.layer_analysis.layer_error import Damage, LayerError, Range, TensorError
from edgeready.layer_analysis.measures import Difference, Occupation, decibels
from edgeready.layer_analysis.remedies import CAUSES, find_cause
from edgeready.layer_analysis.rewiring import add_errors, isolate_ops, tap_tensors
from edgeready.quantization.layer_names import name_layers
from edgeready.quantization.matching import match_layers
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.quantization import QuantParams
from edgeready_device.tflite.graph import read_graph

KERNEL, DENSE = pairs.weights()
FLOAT = pairs.float_model(KERNEL, DENSE)
INTEGER = pairs.integer_model(KERNEL, DENSE)


def compare(float32: bytes, integer: bytes, samples: Sequence) -> LayerReport:
    return diagnose(TfliteModel(float32), TfliteModel(integer), samples)


def report(float32: bytes = FLOAT, integer: bytes = INTEGER) -> LayerReport:
    return compare(float32, integer, pairs.samples())


def by_name(found: LayerReport) -> dict[str, LayerError]:
    return {layer.layer: layer for layer in found.layers}


def outputs(model: bytes, inputs: dict[int, np.ndarray]) -> list[np.ndarray]:
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    for index, values in inputs.items():
        interpreter.set_tensor(index, values)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def test_layers_have_their_authors_names_in_the_order_of_the_file():
    assert [layer.layer for layer in report().layers] == ["conv", "pool", "flatten", "head"]


def test_a_sound_pair_needs_no_remedy_and_changes_no_answer():
    found = report()
    assert {layer.cause for layer in found.layers} == {""}
    assert (found.changed, found.images) == (0, 8)
    assert found.scores.sqnr_db > 40
    assert min(layer.total.sqnr_db for layer in found.layers) > 40


def test_a_layer_that_hands_values_on_has_no_error_of_its_own():
    found = by_name(report())
    for name in ("pool", "flatten"):
        assert found[name].own.sqnr_db == math.inf
        assert (found[name].damage.sqnr_db, found[name].share) == (math.inf, 0.0)
        assert found[name].total.sqnr_db < 50


def test_the_shares_of_all_layers_make_up_the_whole():
    assert sum(layer.share for layer in report().layers) == pytest.approx(1)


def test_a_grid_that_is_too_small_is_found_as_clipping_and_explains_all_of_the_damage():
    found = report(integer=pairs.integer_model(KERNEL, DENSE, conv_scale=0.0005))
    worst = found.worst_first()[0]
    assert (worst.layer, worst.cause) == ("conv", "clipped")
    assert worst.range.clipped == pytest.approx(0.019, abs=0.001)
    assert worst.damage.sqnr_db == pytest.approx(found.scores.sqnr_db, abs=0.1)
    assert "1.9 % of its values are beyond the calibrated range" in worst.remedy
    assert by_name(found)["head"].cause == "inherited"


def test_a_grid_that_is_far_too_wide_is_found():
    worst = report(integer=pairs.integer_model(KERNEL, DENSE, conv_scale=0.1)).worst_first()[0]
    assert (worst.layer, worst.cause) == ("conv", "constant")
    assert worst.remedy.startswith("its values span 3.6 steps of the grid")


def test_channels_of_very_different_sizes_are_found_in_the_values_and_in_the_weights_behind():
    kernel, dense = KERNEL.copy(), DENSE.reshape(3, 16, 4).copy()
    kernel[0] *= 60
    dense[:, :, 0] /= 60
    dense = dense.reshape(3, 64)
    found = by_name(
        report(pairs.float_model(kernel, dense), pairs.integer_model(kernel, dense, conv_scale=0.0015 * 60))
    )
    assert (found["conv"].cause, found["head"].cause) == ("channels", "weights")
    assert found["conv"].remedy.startswith("2 of 3 channels use fewer than 16 steps of the grid")
    assert "cross-layer equalization" in found["head"].remedy


def test_what_all_scores_have_in_common_counts_as_no_signal():
    dense = DENSE + 1.0  # every score grows by the sum of the inputs, which decides nothing
    found = report(pairs.float_model(KERNEL, dense), pairs.integer_model(KERNEL, dense, head_scale=0.1))
    assert by_name(found)["head"].total.sqnr_db > found.scores.sqnr_db + 10


def test_the_outputs_of_a_depthwise_convolution_are_its_channels():
    found = by_name(compare(*pairs.depthwise_pair(), pairs.samples()))
    assert (found["dw"].weights.channels, found["dw"].weights.per_tensor) == (4, False)
    assert found["dw"].own.sqnr_db > 30
    assert list(found) == ["dw", "mean"]


def test_the_report_as_json_has_the_worst_layer_first_and_null_where_there_is_no_number():
    found = report(integer=pairs.integer_model(KERNEL, DENSE, conv_scale=0.0005))
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["layers"][0]["layer"] == "conv"
    assert {layer["layer"]: layer["own"]["sqnr_db"] for layer in data["layers"]}["pool"] is None
    assert data["scores"]["sqnr_db"] == found.scores.sqnr_db


def test_ops_that_one_side_alone_has_do_not_keep_the_others_from_being_matched_by_name():
    other = pairs.float_model(KERNEL, DENSE, name="another/name")
    lone = conv_classifier(size=8, channels=1, classes=3)
    assert len(match_layers(read_graph(other), read_graph(INTEGER)).pairs) == 4  # the same ops: names do not matter
    with pytest.raises(
        ModelFileError, match=r"no layer of the float32 model \(4 ops\) is in the integer one \(5 ops\)"
    ):
        match_layers(read_graph(other), read_graph(lone))


def test_tapping_isolating_and_zero_disturbance_leave_every_value_as_it_is():
    image = pairs.samples(1)[0][0]
    scores = outputs(FLOAT, {0: image})[0]
    values = outputs(tap_tensors(FLOAT, [3, 4, 6, 9]).model, {0: image})
    assert np.array_equal(values[3], scores)
    alone = isolate_ops(FLOAT, {0: [0], 1: [0], 3: [0]})
    fed = {alone.inputs[0, 0]: image, alone.inputs[1, 0]: values[0], alone.inputs[3, 0]: values[2]}
    for got, wanted in zip(outputs(alone.model, fed), (values[0], values[1], values[3])):
        assert np.array_equal(got, wanted)
    shaken = add_errors(FLOAT, [3, 9])
    quiet = {shaken.inputs[3]: np.zeros_like(values[0]), shaken.inputs[9]: np.zeros_like(scores)}
    assert np.array_equal(outputs(shaken.model, {0: image, **quiet})[0], scores)
    loud = {**quiet, shaken.inputs[9]: np.ones_like(scores)}
    assert np.array_equal(outputs(shaken.model, {0: image, **loud})[0], scores + 1)


@pytest.mark.parametrize(
    ("float32", "integer", "message"),
    [
        (INTEGER, FLOAT, "the model given as the float32 one has quantized activations"),
        (FLOAT, FLOAT, "the model given as the integer one has no quantized activations"),
        (FLOAT, conv_classifier(size=16), r"takes \[\[1, 8, 8, 1\]\], the integer one \[\[1, 16, 16, 1\]\]"),
        (pairs.float_model(*pairs.weights(8)), INTEGER, "kernel' are others in the two files"),
        (b"no model", INTEGER, "this is no .tflite model"),
    ],
    ids=["swapped", "both float", "other size", "other training", "no model"],
)
def test_files_that_are_no_pair_are_refused_in_a_sentence(float32, integer, message):
    with pytest.raises(ModelFileError, match=message):
        compare(float32, integer, pairs.samples(1))


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([], "0 samples: give at least one"),
        (
            [[np.zeros((1, 9, 9, 1), np.float32)]],
            r"the samples are \[\[1, 9, 9, 1\]\], the model takes \[\[1, 8, 8, 1\]\]",
        ),
        ([[np.zeros((1, 8, 8, 1), np.float32)] * 2], "give the data that the model was made for"),
    ],
)
def test_samples_that_do_not_fit_are_refused(samples, message):
    with pytest.raises(DatasetError, match=message):
        compare(FLOAT, INTEGER, samples)


@pytest.mark.parametrize(
    ("tensors", "names"),
    [
        (["functional_1/relu_1/Relu;functional_1/bn_1/batchnorm/add_1;functional_1/stem_1/convolution"], ["stem"]),
        (["sequential_1/conv2d_1/Relu;x", "sequential_1/conv2d_1_2/Relu"], ["conv2d", "conv2d_1"]),
        (["model/conv2d_3/Relu", "model/dense/MatMul"], ["conv2d_3", "dense"]),
        (["functional_1/inner_1/dw_1/depthwise;functional_1/inner_1/dw_1/Squeeze1"], ["dw"]),
        (["m_1/one_1/dw_1/depthwise", "m_1/two_1/dw_1/depthwise", "m_1/two_1/pw_1/Add"], ["one/dw", "two/dw", "pw"]),
        (["m_1/dw_1/depthwise", "m_1/dw_1/Relu"], ["dw", "dw"]),
        (["Identity"], ["Identity"]),
        ([""], ["(no name)"]),
    ],
)
def test_a_layers_name_is_found_in_the_tensors_name(tensors, names):
    assert list(name_layers([name] for name in tensors)) == names


def test_a_result_named_after_the_output_takes_its_name_from_the_weights_or_else_from_the_op():
    names = name_layers([("Identity", "sequential_1/head_1/MatMul", "fully_connected"), ("Identity", "softmax")])
    assert names == ("head", "softmax")


def test_a_difference_is_counted_by_hand():
    tally = Difference(step=0.5)
    tally.add(np.array([3.0, -4.0], np.float32), np.array([3.5, -4.0], np.float32))
    tally.add(np.array([0.0], np.float32), np.array([-2.0], np.float32))
    error = tally.error()
    assert error.sqnr_db == pytest.approx(10 * math.log10(25 / 4.25))
    assert (error.bias, error.largest, error.bias_steps, error.largest_steps) == (-0.5, 2.0, -1.0, 4.0)


@pytest.mark.parametrize(
    ("signal", "noise", "value"), [(100, 1, 20), (1, 0, math.inf), (0, 0, math.inf), (0, 1, -math.inf)]
)
def test_decibels_have_an_answer_for_nothing(signal, noise, value):
    assert decibels(signal, noise) == value


def test_the_occupation_of_a_grid_is_counted_by_hand():
    grid = Occupation(QuantParams(1.0, -128), "int8")  # from 0 to 255
    grid.add(np.array([[0.0, 0.0], [255.4, 10.0], [256.0, 15.9]], np.float32))
    found = grid.range()
    assert found.clipped == pytest.approx(1 / 6)
    assert found.clipped_noise == pytest.approx(1 / (1 + 0.4**2 + 0.1**2), rel=1e-4)
    assert (found.levels, found.poor_channels, found.channels) == (256.0, 1, 2)
    assert Occupation(QuantParams(1.0, 0), "int8").range() is None


def grid(**changed) -> Range:
    full = {"clipped": 0.0, "clipped_noise": 0.0, "levels": 250.0, "usual_levels": 200.0}
    return Range(**{**full, "poor_channels": 0, "channels": 16, "rounding_db": 45.0, **changed})


def error(sqnr_db: float) -> TensorError:
    return TensorError(sqnr_db=sqnr_db, bias=0, largest=0)


def damage(sqnr_db: float, changed: int = 0) -> Damage:
    return Damage(sqnr_db=sqnr_db, changed=changed, images=8)


def layer(**changed) -> LayerError:
    fit = {
        "total": error(20.0),
        "own": error(20.0),
        "damage": damage(20.0, changed=1),
        "range": grid(),
        "weights": None,
        "share": 0.5,
    }
    names = {"layer": "conv", "op": 1, "kind": "CONV_2D", "tensor": "conv"}
    return LayerError(**{**names, **fit, **changed})


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({}, "rounding"),
        ({"range": grid(usual_levels=40.0, rounding_db=21.0)}, "outliers"),
        ({"range": grid(clipped=1e-4, clipped_noise=0.6, rounding_db=21.0)}, "clipped"),
        ({"range": grid(clipped=1e-2, clipped_noise=0.4, rounding_db=21.0)}, "rounding"),
        ({"kind": "SOFTMAX"}, "fixed"),
        ({"share": 0.04}, ""),
        ({"damage": damage(41.0)}, ""),
        ({"damage": None, "own": None}, "inherited"),
        (
            {
                "damage": damage(41.0),
                "own": error(24.0),
            },
            "inherited",
        ),
        (
            {
                "damage": damage(41.0),
                "own": error(21.0),
            },
            "",
        ),
    ],
)
def test_the_cause_is_named_by_the_first_thing_that_is_wrong(changed, cause):
    assert find_cause(layer(**changed))[0] == cause


def test_the_manual_has_the_sentence_of_each_cause():
    manual = (Path(__file__).parents[2] / "docs" / "comparison.md").read_text("utf-8")
    for name, explain in CAUSES.items():
        assert f"| `{name}` | {explain.__doc__} |" in manual
