"""Runs a float32 model and its integer twin side by side, as they are and layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.errors import DatasetError
from edgeready.layer_analysis.measures import Values, params_of, real
from edgeready.layer_analysis.rewiring import Probe, disturbed, isolated, tapped
from edgeready.quantization.matching import Twins
from edgeready_device.quantization import quantize
from edgeready_device.runtime.runtime import Interpreter, Runtime, open_interpreter
from edgeready_device.tflite.graph import Graph

Sample = Sequence[NDArray[np.float32]]
Traced = Mapping[int, Values]  # float32 values by tensor index


class Bench:
    """Two models and their probes, ready to be fed; LiteRT's default kernels run them all."""

    def __init__(self, twins: Twins, float32: bytes, integer: bytes, runtime: Runtime) -> None:
        self.twins = twins
        ours = [index for pair in twins.pairs for index in pair.float32.outputs]
        theirs = [index for pair in twins.pairs for index in pair.integer.outputs]
        self._ours = sorted({*ours, *twins.float32.outputs})
        self._theirs = sorted({*theirs, *twins.integer.outputs})
        self._float_op = {pair.integer.index: pair.float32 for pair in twins.pairs}
        feeds = self._feedable()
        self._alone = isolated(integer, feeds)
        self._exactly = isolated(float32, {self._float_op[number].index: feed for number, feed in feeds.items()})
        self._shaken = disturbed(float32, sorted(set(ours)))
        self._float32 = _open(tapped(float32, self._ours), runtime)
        self._integer = _open(tapped(integer, self._theirs), runtime)
        self._apart, self._exact = _open(self._alone, runtime), _open(self._exactly, runtime)
        self._disturbed = _open(self._shaken, runtime)

    def float_values(self, sample: Sample) -> Traced:
        """Every float32 value of the float32 model."""
        graph = self.twins.float32
        given = dict(zip(graph.inputs, _fitted(graph, sample)))
        _feed(self._float32, given)
        self._float32.invoke()
        return {**given, **{index: self._float32.get_tensor(index) for index in self._ours}}

    def integer_values(self, sample: Sample) -> Traced:
        """Every value of the integer model as a whole, dequantized."""
        graph = self.twins.integer
        _feed(self._integer, {i: _as(graph, i, values) for i, values in zip(graph.inputs, _fitted(graph, sample))})
        self._integer.invoke()
        return {index: real(self._integer.get_tensor(index), graph.tensors[index]) for index in self._theirs}

    def own_errors(self, traced: Traced) -> dict[int, tuple[Values, Values]]:
        """What each op gives by itself, by integer tensor: the float32 op and the integer one on the same inputs.

        The inputs are the float32 values, rounded to the integer op's grid: that rounding is the error of the op
        that made them.
        """
        graph = self.twins.integer
        for number, position in self._alone.taken:
            index = graph.ops[number].inputs[position]
            tensor, given = graph.tensors[index], _as(graph, index, traced[self._source(index)])
            self._apart.set_tensor(self._alone.taken[number, position], given.reshape(tensor.shape))
            ours = self._float_op[number]
            shape = self.twins.float32.tensors[ours.inputs[position]].shape
            self._exact.set_tensor(self._exactly.taken[ours.index, position], real(given, tensor).reshape(shape))
        self._apart.invoke()
        self._exact.invoke()
        found = {}
        for number in {number for number, _ in self._alone.taken}:
            for ours_index, index in zip(self._float_op[number].outputs, graph.ops[number].outputs):
                got = real(self._apart.get_tensor(index), graph.tensors[index])
                found[index] = (self._exact.get_tensor(ours_index), got)
        return found

    def disturbances(self, sample: Sample, errors: Sequence[Traced]) -> Iterator[list[Values]]:
        """The outputs of the float32 model for each of `errors`, which are added to the tensors that they name."""
        graph = self.twins.float32
        _feed(self._disturbed, dict(zip(graph.inputs, _fitted(graph, sample))))
        for index in self._shaken.taken:
            self._quiet(index)
        for error in errors:
            _feed(self._disturbed, {self._shaken.taken[index]: values for index, values in error.items()})
            self._disturbed.invoke()
            yield [self._disturbed.get_tensor(index) for index in graph.outputs]
            for index in error:
                self._quiet(index)

    def _quiet(self, index: int) -> None:
        shape = self.twins.float32.tensors[index].shape
        self._disturbed.set_tensor(self._shaken.taken[index], np.zeros(shape, np.float32))

    def _source(self, index: int) -> int:
        source = self.twins.source(index)
        if source is None:
            raise LookupError(f"tensor {index} has no float32 values")
        return source

    def _feedable(self) -> dict[int, list[int]]:
        """The integer ops whose inputs are constants or known, with the places of the latter."""
        graph, found = self.twins.integer, {}
        for pair in self.twins.pairs:
            inputs, ours = pair.integer.inputs, pair.float32.inputs
            fed = [n for n, index in enumerate(inputs) if index >= 0 and not graph.tensors[index].constant]
            known = len(inputs) == len(ours) and all(self.twins.source(inputs[n]) == ours[n] for n in fed)
            if fed and known and not any(graph.tensors[inputs[n]].variable for n in fed):
                found[pair.integer.index] = fed
        return found


def _open(probe: Probe, runtime: Runtime) -> Interpreter:
    return open_interpreter(runtime, probe.model)


def _feed(interpreter: Interpreter, values: Mapping[int, NDArray[Any]]) -> None:
    for index, array in values.items():
        interpreter.set_tensor(index, array)


def _as(graph: Graph, index: int, values: Values) -> NDArray[Any]:
    tensor = graph.tensors[index]
    params = params_of(tensor)
    return values.astype(tensor.dtype) if params is None else quantize(values, params, tensor.dtype)


def _fitted(graph: Graph, sample: Sample) -> list[Values]:
    """The sample in the shapes of the model's inputs: a grey image may lack the axis of its one channel."""
    wanted = graph.of(graph.inputs)
    if len(sample) != len(wanted) or any(one.size != tensor.elements for one, tensor in zip(sample, wanted)):
        raise DatasetError(
            f"the samples are {[list(one.shape) for one in sample]}, the model takes "
            f"{[list(tensor.shape) for tensor in wanted]}: give the data that the model was made for"
        )
    return [np.asarray(one, np.float32).reshape(tensor.shape) for one, tensor in zip(sample, wanted)]
