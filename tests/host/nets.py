"""Networks that tests hand in as FILE.py:FUNCTION; imported in TensorFlow's own process only."""

import keras

layers = keras.layers


def _classifier(input_shape, classes, *middle, head="softmax"):
    image = keras.Input(input_shape)
    x = image if len(input_shape) == 3 else layers.Reshape((*input_shape, 1))(image)
    for layer in (layers.Conv2D(4, 3), *middle, layers.Flatten()):
        x = layer(x)
    return keras.Model(image, layers.Dense(classes, activation=head)(x))


def plain(input_shape, classes):
    return _classifier(input_shape, classes, layers.BatchNormalization(), layers.ReLU())


def fixed():
    return _classifier((12, 12), 3, layers.ReLU())


def elu(input_shape, classes):
    return _classifier(input_shape, classes, layers.ELU(), layers.Conv2D(4, 3))


def leaky(input_shape, classes):
    return _classifier(input_shape, classes, layers.LeakyReLU(negative_slope=0.2), layers.Conv2D(4, 3))


def layer_normalization(input_shape, classes):
    return _classifier(input_shape, classes, layers.LayerNormalization(), layers.Conv2D(4, 3))


class _Unsaved(layers.Layer):
    """A layer whose arguments Keras cannot write down."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, image):
        return self.function(image)


def not_saved(input_shape, classes):
    inner = [keras.Input(input_shape), layers.Flatten(), layers.Dense(classes)]
    return keras.Sequential([*inner, _Unsaved(lambda scores: scores + 1)])


def lstm(input_shape, classes):
    return keras.Sequential([keras.Input(input_shape), layers.LSTM(8), layers.Dense(classes)])


def feature_map(input_shape, classes):
    return keras.Sequential([keras.Input((*input_shape, 1)), layers.Conv2D(classes, 3)])


def regression(input_shape):
    return _classifier(input_shape, 1, head=None)


def seven(input_shape):
    return _classifier(input_shape, 7)


def two_inputs(input_shape, classes):
    one, two = keras.Input(input_shape), keras.Input(input_shape)
    return keras.Model([one, two], layers.Dense(classes)(layers.Flatten()(layers.Add()([one, two]))))


def two_outputs(input_shape, classes):
    image = keras.Input(input_shape)
    flat = layers.Flatten()(image)
    return keras.Model(image, [layers.Dense(classes)(flat), layers.Dense(classes)(flat)])


def other_size(classes):
    return _classifier((30, 30), classes)


def any_size(classes):
    image = keras.Input((None, None, 1))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(image))
    return keras.Model(image, layers.Dense(classes)(x))


def raises(input_shape, classes):
    raise ValueError("this network\nis not finished")


def leaves(input_shape, classes):
    raise SystemExit(0)


def nonsense(input_shape, classes):
    return "a model"


def nothing(input_shape, classes):
    pass


def unbuilt(classes):
    return keras.Sequential([layers.Flatten(), layers.Dense(classes)])


class Own(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.flat, self.dense = layers.Flatten(), layers.Dense(classes)

    def call(self, x):
        return self.dense(self.flat(x))


def subclassed(input_shape, classes):
    model = Own(classes)
    model(keras.ops.zeros((1, *input_shape)))
    return model


def wants_more(input_shape, classes, width, depth=2):
    return None


def softmax_layer(input_shape, classes):
    return keras.Sequential([_classifier(input_shape, classes, head=None), layers.Softmax()])


def softmax_activation(input_shape, classes):
    return keras.Sequential([_classifier(input_shape, classes, head=None), layers.Activation("softmax")])


def softmax_function(input_shape, classes):
    inner = _classifier(input_shape, classes, head=None)
    return keras.Model(inner.inputs, keras.ops.softmax(inner.outputs[0]))


def softmax_nested(input_shape, classes):
    return keras.Sequential([keras.Input(input_shape), _classifier(input_shape, classes)])


def softmax_in_a_row(input_shape, classes):
    inner = _classifier(input_shape, classes)
    return keras.Sequential([*inner.layers, layers.Reshape((1, 1, classes))])


def sigmoid(input_shape):
    return keras.Sequential([_classifier(input_shape, 1, head=None), layers.Activation("sigmoid")])


def one_logit(input_shape):
    return _classifier(input_shape, 1, head=None)


def logits(input_shape, classes):
    return _classifier(input_shape, classes, head=None)


not_a_function = 3


class _Of(layers.Layer):
    """A layer that computes `function`."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


def arctan2(input_shape, classes):
    return _classifier(input_shape, classes, _Of(lambda x: keras.ops.arctan2(x, x + 2.0)), layers.Conv2D(4, 3))


def error_function(input_shape, classes):
    return _classifier(input_shape, classes, _Of(keras.ops.erf), layers.Conv2D(4, 3))


def wide(input_shape, classes):
    return _classifier(input_shape, classes, layers.ReLU(), layers.Flatten(), layers.Dense(64, activation="relu"))


def vanishes(input_shape, classes):
    """Activations that fall to nothing, as in a deep network that was never trained."""
    tiny = keras.initializers.RandomNormal(stddev=1e-6, seed=1)
    middle = [layers.Conv2D(4, 1, activation="relu", kernel_initializer=tiny, use_bias=False) for _ in range(3)]
    return _classifier(input_shape, classes, *middle)


def two_arms():
    """Two inputs of different shapes, two outputs that are no scores, half of a layer that nothing reads."""
    keras.utils.set_random_seed(4)
    image, numbers = keras.Input((9, 7, 2), name="image"), keras.Input((5,), name="numbers")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(6, 3, activation="relu")(image))
    half = keras.ops.split(layers.Dense(12, activation="relu")(numbers), 2, axis=-1)[1]
    x = layers.Concatenate()([x, half])
    return keras.Model([image, numbers], [layers.Dense(3, name="place")(x), layers.Dense(1, name="size")(x)])


class _Tied(layers.Layer):
    """A 1x1 convolution whose weights are multiplied by its result, too."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(1, 1, shape[-1], shape[-1]))

    def call(self, x):
        maps = keras.ops.conv(x, self.kernel)
        return maps * keras.ops.transpose(self.kernel, (3, 0, 1, 2))


def tied():
    keras.utils.set_random_seed(4)
    image = keras.Input((1, 1, 4))
    return keras.Model(image, layers.Flatten()(_Tied()(image)))
