"""Writes the network that shows a blocker and the network after the remedy, for each remedy, in one process.

The files are NAME.before.tflite and NAME.after.tflite in the folder given; proposals.json has what
`edgeready.tf.rewrites` proposes for the layers of the first network. Both networks are converted in the same way,
without the rewrites of `edgeready convert`, unless the remedy is about the conversion.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import edgeready.tf  # noqa: F401  # isort: skip  (first: it decides what Keras loads)
import keras
import numpy as np
import tensorflow as tf

from edgeready.config.build import SourceConfig
from edgeready.quantization.samples import Samples
from edgeready.tf import convert, quantize, rewrites
from edgeready.tf.quantize import TensorFlowQuantizer
from edgeready_device.normalization import Normalization

layers, ops = keras.layers, keras.ops
FOLDER = Path(sys.argv[1])
SHAPE = (8, 8, 4)
UNIT = Normalization()
PROPOSALS: list[str] = []
rows = np.linspace(-1, 1, 8, dtype=np.float32)
COORDINATES = np.stack(np.broadcast_arrays(rows[:, None], rows[None]), -1)[None]
SLOPES = np.linspace(0.1, 0.3, 8, dtype=np.float32)


class Compute(layers.Layer):
    """A layer that computes `function`."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


def network(*body, shape=SHAPE, batch=1, head=True):
    """A convolution, the layers or functions of `body`, and with `head` a dense layer."""
    keras.utils.set_random_seed(5)
    image = keras.Input(shape, batch_size=batch)
    x = conv()(image)
    for part in body:
        layer = part if isinstance(part, layers.Layer) else Compute(part)
        x = layer(x)
        PROPOSALS.append(rewrites.proposal(layer))
    return keras.Model(image, layers.Dense(3)(layers.Flatten()(x)) if head else x)


def conv(filters=8, **options):
    return layers.Conv2D(filters, 3, padding="same", **options)


def frames(model):
    return np.random.default_rng(0).integers(0, 256, (4, *model.inputs[0].shape[1:]), dtype=np.uint8)


def to_float32(model, **options):
    return convert.to_float32(convert.freeze(model), SourceConfig(**options))


quantize.check_coverage = lambda *details: None  # which ops a file has is asked here, not how near its answers are


def integer(model):
    """The uint8 file of `model` with a batch of 1: the conversion of edgeready."""
    quantizer = TensorFlowQuantizer()
    return quantizer.quantize(quantizer.calibrate(to_float32(model), Samples((frames(model),), UNIT)), "uint8")


def sixteen(model):
    """The file of `model` with 16-bit activations."""
    return TensorFlowQuantizer().quantize_16x8(to_float32(model), Samples((frames(model),), UNIT))


def tensorflow(model, *, calibrated=True, ends=tf.uint8, one_scale=True):
    """The file of `model` by TensorFlow's own converter, set up as in its guide but for `one_scale` a dense layer."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter._experimental_disable_per_channel_quantization_for_dense_layers = one_scale
    if calibrated:
        as_they_are = model.inputs[0].dtype == "uint8"
        images = frames(model) if as_they_are else UNIT.apply(frames(model))
        converter.representative_dataset = lambda: ([image[None]] for image in images)
        converter.inference_input_type = converter.inference_output_type = ends
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return converter.convert()


def saved_model(functions, keys, *, calibrated, model=None):
    """The file of a SavedModel with `functions` by name, of which those named in `keys` are converted."""
    folder = str(FOLDER / f"saved {len(list(FOLDER.iterdir()))}")
    module = tf.Module()
    module.functions, module.model = functions, model
    tf.saved_model.save(module, folder, functions)
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=keys)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if calibrated:
        images = np.random.default_rng(0).random((4, 1, *SHAPE), np.float32)
        converter.representative_dataset = lambda: ((keys[0], {"image": image}) for image in images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    return converter.convert()


def function_of(call):
    return tf.function(call, input_signature=[tf.TensorSpec((1, *SHAPE), name="image")])


def signatures(*keys):
    """The file of a SavedModel with two signatures, of which those named in `keys` are converted."""
    weights = np.ones((3, 3, 4, 4), np.float32)
    functions = {
        "first": function_of(lambda image: tf.nn.conv2d(image, weights, 1, "SAME")),
        "second": function_of(lambda image: tf.nn.conv2d(image, -weights, 1, "SAME")),
    }
    return saved_model(functions, list(keys), calibrated=len(keys) == 1)


def with_variables():
    model = network(head=False)
    functions = {"first": function_of(lambda image: model(image))}
    return saved_model(
        {**functions, "second": functions["first"]}, ["first", "second"], calibrated=False, model=model
    )


def fixed_batch_with_copied_weights():
    source, copy = network(batch=None), network(batch=1)
    copy.set_weights(source.get_weights())
    return tensorflow(copy)


def grouped(x):
    """A convolution in two groups, each an ordinary one."""
    return layers.Concatenate()([conv(4)(x[:, :, :, :4]), conv(4)(x[:, :, :, 4:])])


def network_with_groups():
    keras.utils.set_random_seed(5)
    image = keras.Input(SHAPE, batch_size=1)
    return keras.Model(image, layers.Dense(3)(layers.Flatten()(grouped(conv()(image)))))


def network_on_bytes(dtype):
    keras.utils.set_random_seed(5)
    image = keras.Input(SHAPE, batch_size=1, dtype=dtype)
    return keras.Model(image, layers.Dense(3)(layers.Flatten()(conv()(layers.Rescaling(1 / 255)(image)))))


def cube(x):
    return tf.reshape(x, (8, 8, 8))


def attention(x):
    tokens = tf.reshape(x, (1, 64, 8))
    return tf.matmul(tokens, tf.matmul(tokens, tokens, transpose_a=True))


def crop_by_content(x):
    start = tf.cast(tf.reduce_max(x) > 0.5, tf.int32)
    return tf.slice(x, tf.stack([0, start, start, 0]), [1, 4, 4, 8])


def add_coordinates(x):
    zeros = tf.concat([x, tf.zeros((1, 8, 8, 2))], -1)
    return zeros + np.concatenate([np.zeros((1, 8, 8, 8), np.float32), COORDINATES], -1)


def mean(x):
    return tf.reduce_mean(x, (1, 2), keepdims=True)


def pool_pyramid(x):
    enlarged = tf.image.resize(mean(x), x.shape[1:3])
    return tf.concat([tf.nn.relu(x), enlarged], -1)


def add_halves(x, axis):
    first, second = ops.split(x, 2, axis=axis)
    return first + second


def positive(x):
    return tf.nn.relu(x) + 1.0


def times_root(x):
    y = positive(x)
    return y * tf.math.rsqrt(y)


def tutorial():
    """The network of TensorFlow's first tutorial, with a fixed batch."""
    keras.utils.set_random_seed(5)
    body = [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.2), layers.Dense(10)]
    return keras.Sequential([keras.Input((28, 28), batch_size=1), *body])


def loop(x):
    return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.nn.relu(y) * 0.5), (0, x))[1]


def loop_in_python(x):
    for _ in range(3):
        x = tf.nn.relu(x) * 0.5
    return x


def branch(x):
    return tf.cond(tf.reduce_max(x) > 0, lambda: tf.nn.relu(x), lambda: x * 2.0)


def parts(body):
    return body if isinstance(body, (list, tuple)) else [body]


def pair(before, after, **options):
    """Two bodies of a network, in the conversion of edgeready."""
    return (
        lambda: integer(network(*parts(before), **options)),
        lambda: integer(network(*parts(after), **options)),
    )


def without(*layer):
    """A network that ends with `layer`, and the network without it."""
    scores = [layers.Flatten(), layers.Dense(5)]
    return pair([*scores, *layer], scores, head=False)


def unconverted(before, after):
    """A network that the integer conversion cannot take, and the integer file after the remedy."""
    return (lambda: tensorflow(network(*parts(before)), calibrated=False), lambda: integer(network(*parts(after))))


def activation(name, instead):
    after = [layers.Activation(instead)] if instead else []
    return pair(layers.Activation(name), after)


CONVERSION = {
    "a scale for each output": (lambda: tensorflow(tutorial(), one_scale=False), lambda: tensorflow(tutorial())),
    "open batch": (lambda: tensorflow(network(batch=None)), fixed_batch_with_copied_weights),
    "open batch, converted": (lambda: tensorflow(network(batch=None)), lambda: integer(network(batch=None))),
    "dilated with an open batch": (
        lambda: tensorflow(network(conv(dilation_rate=2), batch=None)),
        lambda: tensorflow(network(conv(dilation_rate=2), batch=1)),
    ),
    "batch of four": (
        lambda: tensorflow(network(batch=4, head=False)),
        lambda: tensorflow(network(batch=1, head=False)),
    ),
    "dynamic range": (lambda: tensorflow(network(), calibrated=False), lambda: tensorflow(network())),
    "dynamic range, converted": (lambda: tensorflow(network(), calibrated=False), lambda: integer(network())),
    "16-bit activations": (lambda: sixteen(network()), lambda: tensorflow(network())),
    "float ends": (lambda: tensorflow(network(), ends=tf.float32), lambda: tensorflow(network())),
    "cast inside": pair(lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32), layers.ReLU()),
    "bytes": (lambda: tensorflow(network_on_bytes("uint8")), lambda: tensorflow(network_on_bytes("float32"))),
    "recurrent layer": unconverted(
        [layers.Reshape((8, 64)), layers.LSTM(4)], [layers.Reshape((8, 64)), layers.Conv1D(4, 3)]
    ),
    "loop": unconverted(loop, loop_in_python),
    "branch": unconverted(branch, layers.ReLU()),
    "variables": (with_variables, lambda: integer(network(head=False))),
    "two signatures": (lambda: signatures("first", "second"), lambda: signatures("first")),
    "no layers": (
        lambda: integer(keras.Sequential([keras.Input(SHAPE, batch_size=1), layers.Dropout(0.5)])),
        lambda: integer(network()),
    ),
    "tensorflow's own op": (
        lambda: to_float32(network(tf.math.erf), select_tf_ops=True),
        lambda: integer(network(tf.tanh)),
    ),
    "custom op": (
        lambda: to_float32(network(conv(), tf.math.erf, head=False), custom_ops=True),
        lambda: integer(network(conv(), head=False)),
    ),
}

ACTIVATIONS = {
    "leaky relu": pair(layers.LeakyReLU(0.2), layers.ReLU()),
    "leaky relu, prelu": pair(layers.LeakyReLU(0.2), layers.PReLU(shared_axes=[1, 2])),
    "elu layer": pair(layers.ELU(), layers.ReLU()),
    "elu": activation("elu", "relu"),
    "hard swish": activation("hard_silu", "relu6"),
    "hard swish, swish": activation("hard_silu", "silu"),
    "gelu": activation("gelu", "silu"),
    "gelu, relu6": activation("gelu", "relu6"),
    "selu": activation("selu", "relu"),
    "celu": activation("celu", "relu"),
    "softplus": activation("softplus", "relu"),
    "softsign": activation("softsign", "tanh"),
    "mish": activation("mish", "silu"),
    "exponential": without(layers.Activation("exponential")),
    "exponential, sigmoid": activation("exponential", "sigmoid"),
    "exponential, softmax": activation("exponential", "softmax"),
    "layer normalization": pair(layers.LayerNormalization(), layers.BatchNormalization()),
    "group normalization": pair(layers.GroupNormalization(4), layers.BatchNormalization()),
    "prelu per pixel": pair(layers.PReLU(), layers.PReLU(shared_axes=[1, 2])),
    "prelu written out": pair(lambda x: tf.nn.relu(x) - SLOPES * tf.nn.relu(-x), layers.PReLU(shared_axes=[1, 2])),
    "negation": pair(lambda x: -x, layers.Rescaling(-1.0)),
}

OPERATORS = {
    "largest score": without(lambda x: tf.argmax(x, -1)),
    "smallest score": without(lambda x: tf.argmin(x, -1)),
    "sorted scores": without(lambda x: tf.math.top_k(x, 2).values),
    "softmax of many": pair([layers.Flatten(), layers.Softmax()], layers.Flatten(), shape=(64, 40, 1), head=False),
    "division": pair(lambda x: x / positive(x), layers.Rescaling(1 / 3)),
    "division by a tensor": pair(
        lambda x: x / positive(x), lambda x: x * tf.math.rsqrt(positive(x)) * tf.math.rsqrt(positive(x))
    ),
    "root": pair(lambda x: tf.sqrt(positive(x)), times_root),
    "absolute value": pair(tf.abs, layers.ReLU()),
    "attention": pair(attention, conv()),
    "unstack": pair(
        lambda x: tf.add(*tf.unstack(x[:, :, :, :2], axis=3)), lambda x: x[:, :, :, 0:1] + x[:, :, :, 1:2]
    ),
    "gather": pair(lambda x: tf.gather(x, [1, 2, 3], axis=3), lambda x: x[:, :, :, 1:4]),
    "gather by index": pair(lambda x: tf.gather_nd(x, [[[0, 1], [0, 2]]]), lambda x: x[:, 1:3, :, :]),
    "unequal parts": pair(lambda x: tf.split(x, [3, 5], axis=3)[1], lambda x: x[:, :, :, 3:8]),
    "unequal parts, equal": pair(lambda x: tf.split(x, [3, 5], axis=3)[1], lambda x: add_halves(x, 3)),
    "depth to space": pair(lambda x: tf.nn.depth_to_space(x, 2), layers.Conv2DTranspose(2, 2, strides=2)),
    "depth to space, upsampling": pair(
        lambda x: tf.nn.depth_to_space(x, 2), layers.UpSampling2D(interpolation="bilinear")
    ),
    "reflected border": pair(
        lambda x: tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT"), layers.ZeroPadding2D()
    ),
    "border of ones": pair(
        lambda x: tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=1.0), layers.ZeroPadding2D()
    ),
    "broadcast": pair(lambda x: tf.concat([x, tf.broadcast_to(mean(x), (1, 8, 8, 8))], -1), lambda x: x + mean(x)),
    "groups": (lambda: integer(network(conv(groups=2))), lambda: integer(network(conv(groups=1)))),
    "groups, concatenated": (lambda: integer(network(conv(groups=2))), lambda: integer(network_with_groups())),
    "nearest upsampling": pair(layers.UpSampling2D(2), layers.UpSampling2D(2, interpolation="bilinear")),
    "dense on an image": pair(layers.Dense(5), [layers.Flatten(), layers.Dense(5)]),
    "dense on an image, pooled": pair(layers.Dense(5), [layers.GlobalAveragePooling2D(), layers.Dense(5)]),
    "five dimensions permuted": pair(
        [layers.Reshape((8, 2, 4, 8)), layers.Permute((3, 1, 2, 4))], layers.Permute((2, 1, 3))
    ),
    "five dimensions sliced": pair(lambda x: x[:, tf.newaxis, 0], lambda x: x[:, 0:1, 0:8, :]),
}

SHAPES = {
    "a large permutation": pair(layers.Permute((3, 1, 2)), layers.ReLU(), shape=(96, 96, 4)),
    "a batch inside": pair(
        [lambda x: tf.reshape(x, (4, 4, 4, 8)), conv(), lambda x: tf.reshape(x, (1, 8, 8, 8))],
        [lambda x: tf.reshape(x, (1, 16, 4, 8)), conv(), lambda x: tf.reshape(x, (1, 8, 8, 8))],
    ),
    "five dimensions": pair(
        [layers.Reshape((2, 4, 8, 8)), layers.TimeDistributed(layers.Conv2D(2, 3))], layers.Conv2D(2, 3)
    ),
    "five dimensions, enlarged": pair(
        lambda x: tf.reshape(tf.tile(tf.reshape(x, (1, 8, 1, 8, 8)), (1, 1, 2, 1, 1)), (1, 16, 8, 8)),
        layers.Conv2DTranspose(8, 2, strides=2),
    ),
    "computed shape": pair(crop_by_content, lambda x: tf.slice(x, [0, 1, 1, 0], [1, 4, 4, 8])),
    "computed weights": pair(
        lambda x: tf.nn.conv2d(x, tf.reshape(x[:, :3, :3, :8], (3, 3, 8, 1)), 1, "SAME"), conv(1)
    ),
    "dilation": pair(
        lambda x: tf.nn.depthwise_conv2d(x, tf.ones((3, 3, 8, 1)), (1, 1, 1, 1), "SAME", dilations=(2, 1)),
        layers.DepthwiseConv2D(3, dilation_rate=1),
    ),
    "activation in a pool": pair([layers.MaxPool2D(), layers.ReLU()], [layers.ReLU(), layers.MaxPool2D()]),
    "mean over the batch": pair(lambda x: tf.reduce_mean(cube(x), 0), layers.GlobalAveragePooling2D()),
    "mean over six channels": pair(
        [layers.Conv2D(6, 1), lambda x: tf.reduce_mean(x, 3)], [layers.Conv2D(8, 1), lambda x: tf.reduce_mean(x, 3)]
    ),
    "mean of a large image": pair(
        layers.GlobalAveragePooling2D(),
        [layers.AveragePooling2D(4), layers.GlobalAveragePooling2D()],
        shape=(192, 192, 1),
    ),
    "coordinates": pair(lambda x: tf.concat([x, COORDINATES], -1), add_coordinates),
    "coordinates, convolution": pair(lambda x: tf.concat([x, COORDINATES], -1), conv(10)),
    "padded batch": pair(lambda x: tf.pad(cube(x), [[0, 1], [0, 0], [0, 0]]), layers.ZeroPadding2D()),
    "stacked batch": pair(
        lambda x: tf.stack([x[0, :, :, 0], tf.nn.relu(x[0, :, :, 1])]),
        lambda x: ops.stack([x[:, :, :, 0], tf.nn.relu(x[:, :, :, 1])], axis=-1),
    ),
    "split batch": pair(lambda x: add_halves(cube(x), 0), lambda x: add_halves(x, -1)),
    "every other pixel": pair(lambda x: x[:, ::2, ::2, :], layers.MaxPooling2D(1, strides=2)),
    "a large resize": (
        lambda: integer(network(layers.UpSampling2D(2, interpolation="bilinear"), shape=(160, 160, 1), head=False)),
        lambda: integer(network(layers.UpSampling2D(2, interpolation="bilinear"), shape=(64, 64, 1), head=False)),
    ),
    "enlarged by three": pair(
        lambda x: tf.image.resize(x, (24, 24)), layers.UpSampling2D(2, interpolation="bilinear")
    ),
    "shrunk": pair(lambda x: tf.image.resize(x, (4, 4)), layers.AveragePooling2D(2)),
    "a large transposed convolution": pair(
        [layers.Conv2D(512, 8), layers.Conv2DTranspose(512, 3)],
        [layers.Conv2D(512, 8), layers.Conv2DTranspose(64, 2)],
    ),
    "pyramid": pair(pool_pyramid, lambda x: tf.nn.relu(x) + mean(x), shape=(33, 33, 4)),
}
PAIRS = {**CONVERSION, **ACTIVATIONS, **OPERATORS, **SHAPES}


def proposals(name, write):
    """What is proposed for the layers of a network that `write` writes."""
    PROPOSALS.clear()
    (FOLDER / f"{name}.before.tflite").write_bytes(write())
    return [text for text in PROPOSALS if text]


answers = {}
for name, (before, after) in PAIRS.items():
    answers[name] = proposals(name, before)
    (FOLDER / f"{name}.after.tflite").write_bytes(after())
(FOLDER / "proposals.json").write_text(json.dumps(answers), "utf-8")
