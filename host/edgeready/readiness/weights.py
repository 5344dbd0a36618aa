"""Rules on the layers that have weights: convolutions, dense layers, PReLU, LSTM."""

from __future__ import annotations

from collections.abc import Iterator

from edgeready.readiness.place import BIAS, WEIGHTS, Place, count_elements, tensor_text
from edgeready.readiness.rule import Reason, rule

# 32x32x1024 to 64x64x512 was refused (edgetpu #684). Against it, compiler 15 mapped a result of 300x300x32, which is
# 2,880,000 elements: the size of the weights may decide in place of that of the result.
TRANSPOSE_CONV_REFUSED = 64 * 64 * 512
# 5x900 was mapped and 5x1000 refused (edgetpu #598); the limit lies between.
LSTM_MAPPED = 5 * 900


@rule(*sorted({*WEIGHTS, *BIAS}))
def constant_weights(place: Place) -> Iterator[Reason]:
    """Weights and biases are constants in the file."""
    for table in (WEIGHTS, BIAS):
        tensor = place.input(table.get(place.op.name, -1))
        if tensor is not None and not tensor.constant:
            yield Reason(
                f"{place.op.name} takes {tensor_text(tensor)} as weights, which is no constant",
                "freeze the model before the conversion (tf.lite.TFLiteConverter.from_keras_model does)",
            )
            return


# No observation known of a refusal: public compiled models map layers of 1,000 and 1,024 scales.
@rule("FULLY_CONNECTED")
def dense_per_axis(place: Place) -> Iterator[Reason]:
    """The weights of a dense layer share one scale."""
    weights = place.input(1)
    if weights is not None and weights.per_axis:
        yield Reason(
            f"{tensor_text(weights)} has {len(weights.scales)} scales, one per output; the compiler of 2021 is older "
            "than that form",
            "converter._experimental_disable_per_channel_quantization_for_dense_layers = True, or use "
            "`edgeready convert`",
        )


@rule("FULLY_CONNECTED")
def dense_format(place: Place) -> Iterator[Reason]:
    """The weights of a dense layer are stored in the default order."""
    weights_format = int(place.op.option(1, "b"))
    if weights_format:
        yield Reason(
            f"FULLY_CONNECTED has the weights format {weights_format}, not 0", "convert again without shuffling"
        )


@rule("CONV_2D")
def grouped_convolution(place: Place) -> Iterator[Reason]:
    """A convolution sees all channels of its input: groups are 1."""
    image, weights = place.input(0), place.input(1)
    if image is None or weights is None or len(weights.shape) != 4 or len(image.shape) != 4:
        return
    if image.shape[3] != weights.shape[3]:
        yield Reason(
            f"{tensor_text(image)} has {image.shape[3]} channels, the weights {tensor_text(weights)} are for "
            f"{weights.shape[3]}",
            "use Conv2D with groups=1",
        )


@rule("DEPTHWISE_CONV_2D")
def depthwise_dilation(place: Place) -> Iterator[Reason]:
    """A depthwise convolution is dilated alike in height and width."""
    height, width = int(place.op.option(6, "i", 1)), int(place.op.option(5, "i", 1))
    if height != width:
        yield Reason(
            f"the dilation is {height} in height and {width} in width",
            f"DepthwiseConv2D(..., dilation_rate={min(height, width)})",
        )


@rule("TRANSPOSE_CONV")
def transpose_conv_size(place: Place) -> Iterator[Reason]:
    """The result of a transposed convolution has less than 64x64x512 elements."""
    for tensor in place.outputs[:1]:
        count = count_elements(tensor.shape)
        if count >= TRANSPOSE_CONV_REFUSED:
            yield Reason(
                f"{tensor_text(tensor)} has {count:,} elements; {TRANSPOSE_CONV_REFUSED:,} were refused",
                "use fewer filters, or UpSampling2D(interpolation='bilinear') and Conv2D instead of Conv2DTranspose",
            )


@rule("PRELU")
def prelu_alpha(place: Place) -> Iterator[Reason]:
    """PReLU has one slope per channel."""
    alpha = place.input(1)
    if alpha is not None and any(size > 1 for size in alpha.shape[:-1]):
        yield Reason(
            f"the slopes {tensor_text(alpha)} differ from pixel to pixel",
            "keras.layers.PReLU(shared_axes=[1, 2]), and train again",
        )


@rule("UNIDIRECTIONAL_SEQUENCE_LSTM")
def lstm_size(place: Place) -> Iterator[Reason]:
    """The input sequence of an LSTM has at most 5x900 elements."""
    sequence = place.input(0)
    if sequence is not None and (count := count_elements(sequence.shape)) > LSTM_MAPPED:
        yield Reason(
            f"{tensor_text(sequence)} has {count:,} elements; 4,500 were mapped, 5,000 refused",
            "shorten the sequence or use fewer features",
        )


RULES = (
    constant_weights,
    dense_per_axis,
    dense_format,
    grouped_convolution,
    depthwise_dilation,
    transpose_conv_size,
    prelu_alpha,
    lstm_size,
)
