"""Cross-layer equalization: the same float results, and channels of like size."""

from __future__ import annotations

import numpy as np
import pytest
from float_nets import CHANNELS, LINEAR, RELU, RELU6, blocks, residual, samples
from tflite_models import T, one_op

from edgeready.errors import ModelFileError
from edgeready.quantization.activations import trace_activations
from edgeready.quantization.channels import find_channel_groups
from edgeready.quantization.equalization import equalize_channels
from edgeready.quantization.samples import Samples
from edgeready_device.tflite.graph import read_graph

BADLY = (64.0, 1.0, 1 / 64, 8.0)


def tensor(model, name):
    return next(tensor for tensor in read_graph(model).tensors if tensor.name == name)


def results(model, samples):
    graph = read_graph(model)
    return np.array([values[graph.outputs[0]].ravel() for values in trace_activations(model, samples, graph.outputs)])


def sizes(model, name, samples):
    index = tensor(model, name).index
    seen = np.array([values[index] for values in trace_activations(model, samples, [index])])
    return np.abs(seen).reshape(-1, CHANNELS).max(axis=0)


@pytest.mark.parametrize("pool", ["MAX_POOL_2D", "AVERAGE_POOL_2D"])
def test_the_float_results_stay_the_same(pool):
    model = blocks(scales=BADLY, pool=pool)
    changed = equalize_channels(model, samples())
    assert changed != model
    assert len(changed) == len(model)
    other = samples(seed=9)
    before, after = results(model, other), results(changed, other)
    assert np.abs(before - after).max() <= 1e-5 * np.abs(before).max()


@pytest.mark.parametrize(("activation", "biases"), [(RELU, 2.0), (LINEAR, 2.0), (LINEAR, -2.0)])
def test_the_channels_of_a_tensor_come_to_like_sizes(activation, biases):
    model = blocks(scales=BADLY, activation=activation, biases=biases)
    before, after = (sizes(each, "first", samples()) for each in (model, equalize_channels(model, samples())))
    assert before.max() / before.min() > 1000
    assert after.max() / after.min() == pytest.approx(1, rel=1e-4)  # the depthwise reader has a scale per channel


def test_a_dense_reader_is_weighed_against_the_tensor():
    model = equalize_channels(blocks(), samples())
    seen = sizes(model, "last", samples())
    read = np.abs(tensor(model, "dense/weights").values()).reshape(-1, CHANNELS).max(axis=0)
    assert seen / seen.max() == pytest.approx(read / read.max(), rel=1e-4)


def test_scaling_that_was_put_in_comes_out_again():
    plain, scaled = (equalize_channels(blocks(scales=scales), samples()) for scales in (None, BADLY))
    for name in ("depthwise/weights", "last/weights"):
        one, two = (np.array(tensor(model, name).values()) for model in (plain, scaled))
        assert np.abs(one / np.abs(one).max() - two / np.abs(two).max()).max() < 1e-5


def test_the_groups_are_the_tensors_between_two_layers():
    graph = read_graph(blocks())
    groups = find_channel_groups(graph)
    assert [[graph.tensors[index].name for index in group.tensors] for group in groups] == [
        ["first"],
        ["depthwise", "pool"],
        ["last", "flat"],
    ]
    assert [group.count for group in groups] == [CHANNELS] * 3


def test_branches_that_are_added_share_their_factors():
    model = residual(scales=BADLY)
    graph = read_graph(model)
    (group,) = find_channel_groups(graph)
    assert [graph.tensors[index].name for index in group.tensors] == ["one", "other", "sum"]
    assert len(group.writers) == 2
    before, after = results(model, samples()), results(equalize_channels(model, samples()), samples())
    assert np.abs(before - after).max() <= 1e-5 * np.abs(before).max()


def test_weights_that_two_layers_share_are_left_alone():
    model = residual(shared=True)
    assert find_channel_groups(read_graph(model)) == []
    assert equalize_channels(model, samples()) == model


def test_a_relu6_is_not_homogeneous_and_is_left_alone():
    model = blocks(activation=RELU6)
    assert find_channel_groups(read_graph(model)) == []
    assert equalize_channels(model, samples()) == model


def test_an_addition_with_a_relu6_ties_no_branches():
    assert find_channel_groups(read_graph(residual(activation=RELU6))) == []
    assert len(find_channel_groups(read_graph(residual(activation=RELU)))) == 1


def test_a_tensor_that_the_caller_gets_keeps_its_values():
    groups = find_channel_groups(read_graph(blocks(outputs=("scores", "first"))))
    assert len(groups) == 2
    first = tensor(blocks(), "first").index
    assert not any(first in group.tensors for group in groups)


def test_zero_biases_that_the_file_holds_once_are_no_hindrance():
    groups = find_channel_groups(read_graph(residual()))  # both convolutions have the same bias tensor, of zeros
    assert len(groups) == 1


def test_a_channel_that_is_always_zero_stays_finite():
    model = blocks(scales=(1e-30, 1.0, 1.0, 1.0))
    changed = equalize_channels(model, samples())
    for each in read_graph(changed).tensors:
        if each.constant and each.dtype == "float32":
            assert np.isfinite(each.values()).all(), each.name


def test_a_model_that_litert_does_not_run_is_told_in_one_sentence():
    custom = one_op("CUSTOM", [T("x", (1, 4), "float32")], [T("y", (1, 4), "float32")], custom_code="Mystery")
    with pytest.raises(ModelFileError, match=r"LiteRT does not run the float32 model: .*Mystery"):
        next(trace_activations(custom, Samples((np.zeros((1, 4), np.float32),)), [0]))


def test_black_images_show_nothing_and_change_nothing_but_by_the_biases():
    black = Samples((np.zeros((2, 6, 6, 1), np.float32),))
    model = blocks(biases=0.0)
    assert equalize_channels(model, black) == model
