"""Bias correction: the mean of each output channel is that of the float model again."""

from __future__ import annotations

import numpy as np
import pytest
from layer_pairs import float_model, integer_model, samples, weights

from edgeready.quantization.activations import trace_activations
from edgeready.quantization.bias_correction import correct_biases
from edgeready.quantization.samples import Samples
from edgeready_device.tflite.graph import read_graph

KERNEL, DENSE = weights()
IMAGES = np.concatenate([sample[0] for sample in samples(32)])


def bias(model, name):
    tensor = next(tensor for tensor in read_graph(model).tensors if tensor.name == name)
    return tensor.values() * np.asarray(tensor.scales)


def mean_scores(model):
    """The real mean score of each class, before the last QUANTIZE."""
    graph = read_graph(model)
    index = next(op.outputs[0] for op in graph.ops if op.name == "FULLY_CONNECTED")
    tensor = graph.tensors[index]
    feed = IMAGES if graph.tensors[graph.inputs[0]].dtype == "float32" else np.rint(255 * IMAGES).astype(np.uint8)

    class Raw(Samples):
        def _prepared(self, rows):
            return rows

    values = np.array([each[index].ravel() for each in trace_activations(model, Raw((feed,)), [index])], np.float64)
    if tensor.scales:
        values = (values - tensor.zero_points[0]) * tensor.scales[0]
    return values.mean(axis=0)


def test_a_shift_of_the_dense_weights_is_taken_back_in_the_mean():
    model, shifted = float_model(KERNEL, DENSE), integer_model(KERNEL, DENSE + 0.2, conv_scale=0.01, head_scale=0.01)
    before, after = (mean_scores(each) for each in (shifted, correct_biases(model, shifted, Samples((IMAGES,)))))
    wanted = mean_scores(model)
    assert np.abs(before - wanted).min() > 0.2
    assert np.abs(after - wanted).max() < 0.01  # a step of the scores


def test_the_correction_of_a_convolution_is_the_mean_under_each_weight_padding_included():
    model, shifted = float_model(KERNEL, DENSE), integer_model(KERNEL + 0.05, DENSE)
    found = bias(correct_biases(model, shifted, Samples((IMAGES,))), "net_1/conv_1/bias")
    scales = np.abs(KERNEL + 0.05).max(axis=(1, 2, 3)) / 127
    rounded = np.rint((KERNEL + 0.05) / scales[:, None, None, None]).astype(np.float32) * scales[:, None, None, None]
    padded = np.pad(IMAGES[..., 0], [(0, 0), (1, 1), (1, 1)])
    shift = sum(
        (rounded - KERNEL)[:, row, column, 0] * padded[:, row : row + 8, column : column + 8].mean()
        for row in range(3)
        for column in range(3)
    )
    assert found == pytest.approx(-shift, abs=1e-4)


def test_only_biases_change():
    model, integer = float_model(KERNEL, DENSE), integer_model(KERNEL + 0.05, DENSE)
    changed = correct_biases(model, integer, Samples((IMAGES,)))
    assert len(changed) == len(integer)
    for one, two in zip(read_graph(integer).tensors, read_graph(changed).tensors, strict=True):
        if one.constant and one.dtype != "int32":
            assert np.array_equal(one.values(), two.values()), one.name


def test_without_rounding_there_is_nothing_to_correct():
    exact = np.rint(KERNEL / 0.01).clip(-127, 127).astype(np.float32)
    exact[:, 0, 0, 0] = 127  # so that the scale of each channel is one step
    dense = np.rint(DENSE / 0.01).clip(-127, 127).astype(np.float32)
    dense[0, 0] = 127
    model, integer = float_model(exact, dense), integer_model(exact, dense)
    changed = correct_biases(model, integer, Samples((IMAGES,)))
    assert np.abs(bias(changed, "net_1/conv_1/bias")).max() < 1e-3
