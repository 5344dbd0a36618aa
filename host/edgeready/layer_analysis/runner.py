"""Runs a float32 model and its integer model side by side, whole and layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import DatasetError
from edgeready.layer_analysis.measures import Values, params_of, real
from edgeready.layer_analysis.rewiring import Probe, add_errors, isolate_ops, tap_tensors
from edgeready.quantization.matching import LayerMatch
from edgeready_device.quantization import quantize
from edgeready_device.runtime.failure import run_model
from edgeready_device.runtime.runtime import Interpreter, Runtime, open_interpreter
from edgeready_device.tflite.graph import Graph

Sample = Sequence[NDArray[np.float32]]
Trace = Mapping[int, Values]  # float32 values by tensor index


class LayerRunner:
    """Two models and their rewired copies, opened; LiteRT's default kernels run them all.

    What recurrent models remember in variable tensors is set back before each run.
    """

    def __init__(self, match: LayerMatch, float32: bytes, integer: bytes, runtime: Runtime) -> None:
        self.match = match
        self._runtime = runtime
        ours = [index for pair in match.pairs for index in pair.float32.outputs]
        theirs = [index for pair in match.pairs for index in pair.integer.outputs]
        self._ours = sorted({*ours, *match.float32.outputs})
        self._theirs = sorted({*theirs, *match.integer.outputs})
        self._float_op = {pair.integer.index: pair.float32 for pair in match.pairs}
        positions = self._input_positions()
        float_positions = {self._float_op[number].index: places for number, places in positions.items()}
        self._integer_ops = isolate_ops(integer, positions)
        self._float_ops = isolate_ops(float32, float_positions)
        self._with_errors = add_errors(float32, sorted(set(ours)))
        self._float32 = _open(tap_tensors(float32, self._ours), runtime)
        self._integer = _open(tap_tensors(integer, self._theirs), runtime)
        self._integer_alone, self._float_alone = _open(self._integer_ops, runtime), _open(self._float_ops, runtime)
        self._disturbed = _open(self._with_errors, runtime)

    def float_values(self, sample: Sample) -> Trace:
        """Returns every value of the float32 model."""
        graph = self.match.float32
        inputs = dict(zip(graph.inputs, _reshape(graph, sample)))
        _set_inputs(self._float32, inputs)
        self._run(self._float32)
        return {**inputs, **{index: self._float32.get_tensor(index) for index in self._ours}}

    def integer_values(self, sample: Sample) -> Trace:
        """Returns every value of the whole integer model, dequantized."""
        graph = self.match.integer
        inputs = zip(graph.inputs, _reshape(graph, sample))
        _set_inputs(self._integer, {index: _quantize(graph, index, values) for index, values in inputs})
        self._run(self._integer)
        return {index: real(self._integer.get_tensor(index), graph.tensors[index]) for index in self._theirs}

    def own_errors(self, trace: Trace) -> dict[int, tuple[Values, Values]]:
        """Returns by integer tensor the results of the float32 op and of the integer op on the same inputs.

        The inputs are the float32 values, rounded to the grid of the integer op: that rounding is the error of the op
        that computed them.
        """
        graph = self.match.integer
        for (number, position), place in self._integer_ops.inputs.items():
            index = graph.ops[number].inputs[position]
            tensor, values = graph.tensors[index], _quantize(graph, index, trace[self._source(index)])
            self._integer_alone.set_tensor(place, values.reshape(tensor.shape))
            ours = self._float_op[number]
            shape = self.match.float32.tensors[ours.inputs[position]].shape
            float_place = self._float_ops.inputs[ours.index, position]
            self._float_alone.set_tensor(float_place, real(values, tensor).reshape(shape))
        self._run(self._integer_alone)
        self._run(self._float_alone)
        results = {}
        for number in {number for number, _ in self._integer_ops.inputs}:
            for float_index, index in zip(self._float_op[number].outputs, graph.ops[number].outputs):
                rounded = real(self._integer_alone.get_tensor(index), graph.tensors[index])
                results[index] = (self._float_alone.get_tensor(float_index), rounded)
        return results

    def outputs_with_errors(self, sample: Sample, errors: Sequence[Trace]) -> Iterator[list[Values]]:
        """Yields the outputs of the float32 model for each of `errors`, added to the tensors that they name."""
        graph = self.match.float32
        _set_inputs(self._disturbed, dict(zip(graph.inputs, _reshape(graph, sample))))
        for index in self._with_errors.inputs:
            self._clear_error(index)
        for error in errors:
            _set_inputs(self._disturbed, {self._with_errors.inputs[index]: values for index, values in error.items()})
            self._run(self._disturbed)
            yield [self._disturbed.get_tensor(index) for index in graph.outputs]
            for index in error:
                self._clear_error(index)

    def _run(self, interpreter: Interpreter) -> None:
        """Runs a model from its initial state, so that a sample's values do not depend on the samples before it."""
        interpreter.reset_all_variables()
        run_model(interpreter, self._runtime)

    def _clear_error(self, index: int) -> None:
        shape = self.match.float32.tensors[index].shape
        self._disturbed.set_tensor(self._with_errors.inputs[index], np.zeros(shape, np.float32))

    def _source(self, index: int) -> int:
        source = self.match.source(index)
        if source is None:
            raise LookupError(f"tensor {index} has no float32 values")
        return source

    def _input_positions(self) -> dict[int, list[int]]:
        """Returns the integer ops whose inputs are constants or have float32 values, and the places of these."""
        graph = self.match.integer
        positions = {}
        for pair in self.match.pairs:
            inputs, ours = pair.integer.inputs, pair.float32.inputs
            places = [n for n, index in enumerate(inputs) if index >= 0 and not graph.tensors[index].constant]
            same = len(inputs) == len(ours) and all(self.match.source(inputs[n]) == ours[n] for n in places)
            if places and same and not any(graph.tensors[inputs[n]].variable for n in places):
                positions[pair.integer.index] = places
        return positions


def _open(probe: Probe, runtime: Runtime) -> Interpreter:
    return open_interpreter(runtime, probe.model)


def _set_inputs(interpreter: Interpreter, values: Mapping[int, NDArray[Any]]) -> None:
    for index, array in values.items():
        interpreter.set_tensor(index, array)


def _quantize(graph: Graph, index: int, values: Values) -> NDArray[Any]:
    tensor = graph.tensors[index]
    params = params_of(tensor)
    return values.astype(tensor.dtype) if params is None else quantize(values, params, tensor.dtype)


def _reshape(graph: Graph, sample: Sample) -> list[Values]:
    """Returns the sample in the shapes of the model's inputs: a grey image may lack the axis of its one channel."""
    inputs = graph.of(graph.inputs)
    if len(sample) != len(inputs) or any(array.size != tensor.elements for array, tensor in zip(sample, inputs)):
        raise DatasetError(
            f"the samples are {[list(array.shape) for array in sample]}, the model takes "
            f"{[list(tensor.shape) for tensor in inputs]}: give the data that the model was made for"
        )
    return [np.asarray(array, np.float32).reshape(tensor.shape) for array, tensor in zip(sample, inputs)]
