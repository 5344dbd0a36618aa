"""The steps in which the converter computes a folded layer: one for each op with a tensor of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from itertools import count
from typing import Any

import keras
import tensorflow as tf

from edgeready.tf.qat.calls import Calls, refuse
from edgeready.tf.qat.fake_quantization import round_weights
from edgeready.tf.qat.folding import WEIGHTED

layers = keras.layers
Compute = Callable[..., Any]  # tensors in, tensor out


class Grid(Enum):
    """The source of the grid of a step's result."""

    OWN = "the range of its own values"
    SAME = "the grid of its input"
    JOINED = "the range of its own values, which its inputs share"
    FIXED = "the format"


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One op: `exact` computes it in floats, `quantized` with its weights on their grid.

    A step that `absorbs` takes in a ReLU that is the only user of its result. `ends` is the range of a FIXED grid.
    """

    exact: Compute
    quantized: Compute
    inputs: tuple[int, ...]
    output: int
    grid: Grid = Grid.OWN
    absorbs: bool = False
    is_relu: bool = False
    ends: tuple[float, float] | None = None
    layer: Any = None

    def then(self, relu: Step) -> Step:
        """Returns this step with the activation `relu` in it."""
        return replace(
            self,
            exact=lambda *values: relu.exact(self.exact(*values)),
            quantized=lambda *values: relu.exact(self.quantized(*values)),
            output=relu.output,
        )


_MOVING = (
    *(layers.MaxPooling2D, layers.AveragePooling2D, layers.GlobalMaxPooling2D, layers.Flatten, layers.Reshape),
    *(layers.ZeroPadding2D, layers.Cropping2D, layers.UpSampling2D, layers.Permute),
)
_ONLY_IN_TRAINING = (
    *(layers.Dropout, layers.SpatialDropout2D, layers.GaussianNoise, layers.GaussianDropout),
    *(layers.ActivityRegularization, layers.Identity),
)
_SIGMOID, _TANH = (0.0, 255 / 256), (-1.0, 127 / 128)  # the format sets them: scales of 1/256 and 1/128
_FIXED = {
    "softmax": (tf.nn.softmax, _SIGMOID),
    "sigmoid": (tf.sigmoid, _SIGMOID),
    "tanh": (tf.tanh, _TANH),
}
_RELUS = {"relu": tf.nn.relu, "relu6": tf.nn.relu6}
_KNOWN = ", ".join((*_RELUS, *_FIXED, "silu", "leaky_relu"))


def expand_calls(calls: Calls) -> tuple[Step, ...]:
    """Returns the steps of the calls of a folded model, with each ReLU in the step that the converter puts it into.

    Raises ConversionError for a layer whose grid is not known.
    """
    counter = count(-1, -1)  # tensors inside a layer have negative numbers
    steps = [step for call in calls.calls for step in _expand(call.layer, call.inputs, call.output, counter)]
    uses = calls.uses
    uses.update(number for step in steps for number in step.inputs if number < 0)
    merged: dict[int, Step] = {}
    for step in steps:
        maker = merged.get(step.inputs[0])
        if step.is_relu and maker is not None and maker.absorbs and uses[maker.output] == 1:
            del merged[maker.output]
            step = replace(maker.then(step), absorbs=False)
        merged[step.output] = step
    return tuple(merged.values())


def _expand(layer: Any, inputs: tuple[int, ...], output: int, counter: Iterator[int]) -> list[Step]:
    if isinstance(layer, WEIGHTED):
        name = _activation(layer)
        if name == "linear":
            return [_linear_step(layer, inputs, output)]
        inner = next(counter)
        activation = _activation_steps(layer, name, (inner,), output, counter=counter)
        return [_linear_step(layer, inputs, inner), *activation]
    if isinstance(layer, layers.LeakyReLU):
        return [_plain_step(layer, inputs, output)]
    if isinstance(layer, layers.Activation):
        name = _activation(layer)
    elif isinstance(layer, layers.ReLU):
        name = _kind_of_relu(layer)
    elif isinstance(layer, layers.Softmax):
        name = "softmax"
    else:
        return [_other_step(layer, inputs, output)]
    return _activation_steps(layer, name, inputs, output, counter=counter)


def _other_step(layer: Any, inputs: tuple[int, ...], output: int) -> Step:
    if isinstance(layer, (layers.Add, layers.Multiply)) and len(inputs) == 2:
        step = _plain_step(layer, inputs, output)
        return replace(step, exact=_of_list(layer), quantized=_of_list(layer), absorbs=True)
    if isinstance(layer, layers.Concatenate):
        return replace(
            _plain_step(layer, inputs, output, grid=Grid.JOINED), exact=_of_list(layer), quantized=_of_list(layer)
        )
    if isinstance(layer, layers.GlobalAveragePooling2D):
        return _plain_step(layer, inputs, output)
    if isinstance(layer, (*_MOVING, *_ONLY_IN_TRAINING)):
        return _plain_step(layer, inputs, output, grid=Grid.SAME)
    refuse(layer, "its grid is not known", "leave it out, or use mapped layers (convolution, pooling, Add, ReLU)")


def _activation_steps(
    layer: Any, name: str, inputs: tuple[int, ...], output: int, *, counter: Iterator[int]
) -> list[Step]:
    """Returns the activation `name` as one op or, for x * sigmoid(x), as two."""

    def step(function: Compute, operands: tuple[int, ...], result: int, **fields: Any) -> Step:
        return Step(exact=function, quantized=function, inputs=operands, output=result, layer=layer, **fields)

    if name in _RELUS:
        return [step(_RELUS[name], inputs, output, is_relu=True)]
    if name in _FIXED:
        function, ends = _FIXED[name]
        return [step(function, inputs, output, grid=Grid.FIXED, ends=ends)]
    if name == "silu":
        inner = next(counter)
        gate = step(tf.sigmoid, inputs, inner, grid=Grid.FIXED, ends=_SIGMOID)
        return [gate, step(tf.multiply, (*inputs, inner), output)]
    if name in ("linear", "leaky_relu"):
        grid = Grid.SAME if name == "linear" else Grid.OWN
        return [step(keras.activations.get(name), inputs, output, grid=grid)]
    return refuse(layer, f"the grid of its activation {name} is not known", f"use {_KNOWN}")


def _plain_step(layer: Any, inputs: tuple[int, ...], output: int, grid: Grid = Grid.OWN) -> Step:
    return Step(exact=layer, quantized=layer, inputs=inputs, output=output, grid=grid, layer=layer)


def _of_list(layer: Any) -> Compute:
    return lambda *values: layer(list(values))


def _linear_step(layer: Any, inputs: tuple[int, ...], output: int) -> Step:
    def compute(kernel: Any, value: Any) -> Any:
        result = _LINEAR[type(layer)](layer, kernel, value)
        return result + layer.bias if layer.use_bias else result

    if type(layer) not in _LINEAR:
        refuse(layer, "it is a layer of your own", "use the layer of Keras that it comes from")
    if getattr(layer, "groups", 1) != 1:
        refuse(layer, "it convolves in groups", "use Conv2D without groups, or DepthwiseConv2D")
    return Step(
        exact=lambda value: compute(layer.kernel, value),
        quantized=lambda value: compute(_quantized_kernel(layer), value),
        inputs=inputs,
        output=output,
        absorbs=not isinstance(layer, layers.Conv2DTranspose),
        layer=layer,
    )


def _quantized_kernel(layer: Any) -> Any:
    """Returns the kernel on its grid, with a scale per output channel, or one scale for a dense layer."""
    if isinstance(layer, layers.Dense):
        return round_weights(layer.kernel, None)
    if isinstance(layer, layers.DepthwiseConv2D):
        shape = layer.kernel.shape
        return tf.reshape(round_weights(tf.reshape(layer.kernel, (*shape[:2], -1)), 2), shape)
    return round_weights(layer.kernel, 2 if isinstance(layer, layers.Conv2DTranspose) else 3)


def _activation(layer: Any) -> str:
    return str(getattr(layer.activation, "__name__", layer.activation))


def _kind_of_relu(layer: Any) -> str:
    if layer.negative_slope or layer.threshold or layer.max_value not in (None, 6.0):
        refuse(layer, "it is neither ReLU nor ReLU6", "use ReLU() or ReLU(6.0)")
    return "relu" if layer.max_value is None else "relu6"


def _convolve(layer: Any, kernel: Any, value: Any) -> Any:
    return keras.ops.conv(value, kernel, layer.strides, padding=layer.padding, dilation_rate=layer.dilation_rate)


def _convolve_depthwise(layer: Any, kernel: Any, value: Any) -> Any:
    return keras.ops.depthwise_conv(
        value, kernel, layer.strides, padding=layer.padding, dilation_rate=layer.dilation_rate
    )


def _convolve_transposed(layer: Any, kernel: Any, value: Any) -> Any:
    return keras.ops.conv_transpose(
        value,
        kernel,
        layer.strides,
        padding=layer.padding,
        output_padding=layer.output_padding,
        dilation_rate=layer.dilation_rate,
    )


_LINEAR: dict[type, Compute] = {
    layers.Conv2D: _convolve,
    layers.DepthwiseConv2D: _convolve_depthwise,
    layers.Conv2DTranspose: _convolve_transposed,
    layers.Dense: lambda layer, kernel, value: tf.tensordot(value, kernel, 1),
}
