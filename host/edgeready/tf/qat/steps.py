"""The steps in which the converter computes a folded layer: one for each op that has a tensor of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import keras
import tensorflow as tf

from edgeready.tf.qat.calls import Calls, refuse
from edgeready.tf.qat.fake_quantization import weights_on_grid
from edgeready.tf.qat.folding import WEIGHTED

layers = keras.layers
Compute = Callable[..., Any]  # tensors in, tensor out


class Grid(Enum):
    """Where the grid of a step's result comes from."""

    OWN = "the range of its own values"
    SAME = "that of what it takes"
    JOINED = "one range for all that it takes and gives: its own"
    FIXED = "the format"


@dataclass(frozen=True, eq=False)
class Step:
    """One op: `exact` in floats, `quantized` with its weights on their grid.

    `absorbs`: a ReLU that alone takes its result becomes a part of it. `ends` is the range of a FIXED grid.
    """

    exact: Compute
    quantized: Compute
    takes: tuple[int, ...]
    gives: int
    grid: Grid = Grid.OWN
    absorbs: bool = False
    is_relu: bool = False
    ends: tuple[float, float] | None = None
    layer: Any = None

    def then(self, relu: Step) -> Step:
        """This step with the activation `relu` in it."""
        return replace(
            self,
            exact=lambda *values: relu.exact(self.exact(*values)),
            quantized=lambda *values: relu.exact(self.quantized(*values)),
            gives=relu.gives,
        )


_MOVING = (
    *(layers.MaxPooling2D, layers.AveragePooling2D, layers.GlobalMaxPooling2D, layers.Flatten, layers.Reshape),
    *(layers.ZeroPadding2D, layers.Cropping2D, layers.UpSampling2D, layers.Permute),
)
_ONLY_IN_TRAINING = (
    *(layers.Dropout, layers.SpatialDropout2D, layers.GaussianNoise, layers.GaussianDropout),
    *(layers.ActivityRegularization, layers.Identity),
)
_SIGMOID, _TANH = (0.0, 255 / 256), (-1.0, 127 / 128)
_FIXED = {
    "softmax": (tf.nn.softmax, _SIGMOID),
    "sigmoid": (tf.sigmoid, _SIGMOID),
    "tanh": (tf.tanh, _TANH),
}
_RELUS = {"relu": tf.nn.relu, "relu6": tf.nn.relu6}
_KNOWN = ", ".join((*_RELUS, *_FIXED, "silu", "leaky_relu"))


def steps_of(calls: Calls) -> tuple[Step, ...]:
    """The steps of the calls of a folded model, with each ReLU in the step that the converter puts it into.

    Raises ConversionError for a layer whose grid is not known.
    """
    counter = iter(range(-1, -1_000_000, -1))  # tensors inside a layer have negative numbers
    steps = [step for call in calls.calls for step in _expanded(call.layer, call.takes, call.gives, counter)]
    uses = calls.uses
    uses.update(number for step in steps for number in step.takes if number < 0)
    merged: dict[int, Step] = {}
    for step in steps:
        maker = merged.get(step.takes[0])
        if step.is_relu and maker is not None and maker.absorbs and uses[maker.gives] == 1:
            del merged[maker.gives]
            step = replace(maker.then(step), absorbs=False)
        merged[step.gives] = step
    return tuple(merged.values())


def _expanded(layer: Any, takes: tuple[int, ...], gives: int, counter: Any) -> list[Step]:
    if isinstance(layer, WEIGHTED):
        name = _activation(layer)
        if name == "linear":
            return [_weighted(layer, takes, gives)]
        inner = next(counter)
        return [_weighted(layer, takes, inner), *_activated(layer, name, (inner,), gives, counter)]
    if isinstance(layer, layers.Activation):
        return _activated(layer, _activation(layer), takes, gives, counter)
    if isinstance(layer, layers.ReLU):
        return _activated(layer, _kind_of_relu(layer), takes, gives, counter)
    if isinstance(layer, layers.Softmax):
        return _activated(layer, "softmax", takes, gives, counter)
    if isinstance(layer, layers.LeakyReLU):
        return [_plain(layer, takes, gives)]
    return [_unweighted(layer, takes, gives)]


def _unweighted(layer: Any, takes: tuple[int, ...], gives: int) -> Step:
    if isinstance(layer, (layers.Add, layers.Multiply)) and len(takes) == 2:
        step = _plain(layer, takes, gives)
        return replace(step, exact=_of_list(layer), quantized=_of_list(layer), absorbs=True)
    if isinstance(layer, layers.Concatenate):
        return Step(_of_list(layer), _of_list(layer), takes, gives, Grid.JOINED, layer=layer)
    if isinstance(layer, layers.GlobalAveragePooling2D):
        return _plain(layer, takes, gives)
    if isinstance(layer, (*_MOVING, *_ONLY_IN_TRAINING)):
        return _plain(layer, takes, gives, Grid.SAME)
    refuse(layer, "its grid is not known", "leave it out, or use mapped layers (convolution, pooling, Add, ReLU)")


def _activated(layer: Any, name: str, takes: tuple[int, ...], gives: int, counter: Any) -> list[Step]:
    """The activation `name`, as one op or, for x * sigmoid(x), as two."""
    if name in _RELUS:
        return [Step(_RELUS[name], _RELUS[name], takes, gives, is_relu=True, layer=layer)]
    if name in _FIXED:
        function, ends = _FIXED[name]
        return [Step(function, function, takes, gives, Grid.FIXED, ends=ends, layer=layer)]
    if name == "silu":
        inner = next(counter)
        gate = Step(tf.sigmoid, tf.sigmoid, takes, inner, Grid.FIXED, ends=_SIGMOID, layer=layer)
        return [gate, Step(tf.multiply, tf.multiply, (*takes, inner), gives, layer=layer)]
    if name in ("linear", "leaky_relu"):
        function = keras.activations.get(name)
        return [Step(function, function, takes, gives, Grid.SAME if name == "linear" else Grid.OWN, layer=layer)]
    return refuse(layer, f"the grid of its activation {name} is not known", f"use {_KNOWN}")


def _plain(layer: Any, takes: tuple[int, ...], gives: int, grid: Grid = Grid.OWN) -> Step:
    return Step(layer, layer, takes, gives, grid, layer=layer)


def _of_list(layer: Any) -> Compute:
    return lambda *values: layer(list(values))


def _weighted(layer: Any, takes: tuple[int, ...], gives: int) -> Step:
    def computed(kernel: Any, value: Any) -> Any:
        given = _LINEAR[type(layer)](layer, kernel, value)
        return given + layer.bias if layer.use_bias else given

    if type(layer) not in _LINEAR:
        refuse(layer, "it is a layer of your own", "use the layer of Keras that it comes from")
    if getattr(layer, "groups", 1) != 1:
        refuse(layer, "it convolves in groups", "use Conv2D without groups, or DepthwiseConv2D")
    return Step(
        lambda value: computed(layer.kernel, value),
        lambda value: computed(_quantized_kernel(layer), value),
        takes,
        gives,
        absorbs=not isinstance(layer, layers.Conv2DTranspose),
        layer=layer,
    )


def _quantized_kernel(layer: Any) -> Any:
    """The kernel on its grid: a scale per output channel, for dense layers (as the Edge TPU has them) one."""
    if isinstance(layer, layers.Dense):
        return weights_on_grid(layer.kernel, None)
    if isinstance(layer, layers.DepthwiseConv2D):
        shape = layer.kernel.shape
        return tf.reshape(weights_on_grid(tf.reshape(layer.kernel, (*shape[:2], -1)), 2), shape)
    return weights_on_grid(layer.kernel, 2 if isinstance(layer, layers.Conv2DTranspose) else 3)


def _activation(layer: Any) -> str:
    return str(getattr(layer.activation, "__name__", layer.activation))


def _kind_of_relu(layer: Any) -> str:
    if layer.negative_slope or layer.threshold or layer.max_value not in (None, 6.0):
        refuse(layer, "it is neither ReLU nor ReLU6", "use ReLU() or ReLU(6.0)")
    return "relu" if layer.max_value is None else "relu6"


def _convolved(layer: Any, kernel: Any, value: Any) -> Any:
    return keras.ops.conv(value, kernel, layer.strides, layer.padding, dilation_rate=layer.dilation_rate)


def _depthwise(layer: Any, kernel: Any, value: Any) -> Any:
    return keras.ops.depthwise_conv(value, kernel, layer.strides, layer.padding, dilation_rate=layer.dilation_rate)


def _transposed(layer: Any, kernel: Any, value: Any) -> Any:
    return keras.ops.conv_transpose(
        value, kernel, layer.strides, layer.padding, layer.output_padding, dilation_rate=layer.dilation_rate
    )


_LINEAR: dict[type, Compute] = {
    layers.Conv2D: _convolved,
    layers.DepthwiseConv2D: _depthwise,
    layers.Conv2DTranspose: _transposed,
    layers.Dense: lambda layer, kernel, value: tf.tensordot(value, kernel, 1),
}
