"""Rules on the layers that have weights: convolutions, dense layers, PReLU, LSTM."""

from __future__ import annotations

from collections.abc import Iterator

from edgeready.readiness.evidence import (
    FILE,
    LOG,
    UNDATED,
    V15,
    V16,
    Evidence,
    Observation,
    report_number,
)
from edgeready.readiness.place import BIAS, WEIGHTS, Place, count_elements, tensor_text
from edgeready.readiness.rule import Reason, rule

_TRANSPOSE_CONV = Evidence(
    # Compiler 15 mapped a result of 2,880,000 elements, more than the 2,097,152 of the refused one: the size of the
    # result does not decide. The weights of what was mapped are on no record. Chosen: a quarter of the refused
    # weights, the next layer of a U-Net, of whose four transposed convolutions three were mapped (edgetpu #686).
    mapped=Observation(
        what="a result of [1, 300, 300, 32] (taken as up to 524,288 weights)",
        compiler=V15,
        source=LOG,
        size=524_288,
    ),
    refused=Observation(
        what="2x2x512x1024, 2,097,152 weights,", compiler=UNDATED, source=report_number(684), size=2_097_152
    ),
)
_LSTM = Evidence(
    mapped=Observation(what="a sequence of 5x900", compiler=UNDATED, source=report_number(598), size=5 * 900),
    refused=Observation(what="one of 5x1000", compiler=UNDATED, source=report_number(598), size=5 * 1000),
)


@rule(
    *sorted({*WEIGHTS, *BIAS}),
    evidence=Evidence(
        mapped=Observation(what="FULLY_CONNECTED with weights that are no constant", compiler=UNDATED, source=FILE),
        refused=Observation(
            what="FULLY_CONNECTED with weights fed by the caller", compiler="2.0", source=report_number(25)
        ),
        documented="model parameters are constant at compile time",
    ),
)
def constant_weights(place: Place) -> Iterator[Reason]:
    """Weights and biases are constants in the file; of FULLY_CONNECTED only the bias needs to be."""
    for table in (WEIGHTS, BIAS):
        tensor = place.input(table.get(place.op.name, -1))
        if tensor is not None and not tensor.constant:
            yield Reason(
                f"{place.op.name} takes {tensor_text(tensor)} as weights, which is no constant",
                "use a layer with weights of its own (Conv2D); freeze variables before the conversion "
                "(tf.lite.TFLiteConverter.from_keras_model does)",
            )
            return


@rule(
    "FULLY_CONNECTED",
    effect="notes",
    evidence=Evidence(
        mapped=Observation(
            what="weights [1024, 1024] with 1,024 scales and [1000, 1280] with 1,000", compiler=V16, source=FILE
        )
    ),
)
def dense_per_axis(place: Place) -> Iterator[Reason]:
    """A dense layer with a scale for each output is mapped; whether the chip computes it well is not known."""
    weights = place.input(1)
    if weights is not None and weights.per_axis:
        yield Reason(
            f"{tensor_text(weights)} has {len(weights.scales)} scales, one per output: such layers were mapped, "
            "whether the chip computes them well is not known",
            "for one scale set converter._experimental_disable_per_channel_quantization_for_dense_layers = True, or "
            "use `edgeready convert`",
        )


@rule("FULLY_CONNECTED", effect="doubts", evidence=Evidence(documented="only the default format of weights"))
def dense_format(place: Place) -> Iterator[Reason]:
    """The weights of a dense layer are stored in the default order."""
    weights_format = int(place.op.option(1, "b"))
    if weights_format:
        yield Reason(f"FULLY_CONNECTED has the weights format {weights_format}, not 0", "try it without shuffling")


@rule(
    "CONV_2D",
    evidence=Evidence(
        refused=Observation(
            what="a convolution in groups, as CONV_2D of version 6", compiler=V16, source=report_number(631)
        )
    ),
)
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


@rule(
    "DEPTHWISE_CONV_2D",
    effect="doubts",
    evidence=Evidence(
        mapped=Observation(what="dilations of (2, 2)", compiler=UNDATED, source=FILE),
        documented="dilations in height and width are equal",
    ),
)
def depthwise_dilation(place: Place) -> Iterator[Reason]:
    """A depthwise convolution is dilated alike in height and width."""
    height, width = int(place.op.option(6, "i", 1)), int(place.op.option(5, "i", 1))
    if height != width:
        yield Reason(
            f"the dilation is {height} in height and {width} in width",
            f"DepthwiseConv2D(..., dilation_rate={min(height, width)})",
        )


@rule("TRANSPOSE_CONV", evidence=_TRANSPOSE_CONV)
def transpose_conv_size(place: Place) -> Iterator[Reason]:
    """A transposed convolution has less than 2,097,152 weights; the size of its result does not decide."""
    weights = place.input(1)
    count = 0 if weights is None else count_elements(weights.shape)
    if weights is not None and (outlook := _TRANSPOSE_CONV.judge(count)) != "mapped":
        yield Reason(
            f"{tensor_text(weights)} has {count:,} weights; {_TRANSPOSE_CONV.limits_text()}",
            "use fewer filters or a smaller kernel",
            uncertain=outlook == "uncertain",
        )


@rule(
    "PRELU",
    effect="doubts",
    evidence=Evidence(
        mapped=Observation(what="19 PRELU, one slope per channel", compiler=UNDATED, source=FILE),
        documented="alpha is one-dimensional",
    ),
)
def prelu_alpha(place: Place) -> Iterator[Reason]:
    """PReLU has one slope per channel."""
    alpha = place.input(1)
    if alpha is not None and any(size > 1 for size in alpha.shape[:-1]):
        yield Reason(
            f"the slopes {tensor_text(alpha)} differ from pixel to pixel",
            "keras.layers.PReLU(shared_axes=[1, 2]), and train again",
        )


@rule("UNIDIRECTIONAL_SEQUENCE_LSTM", evidence=_LSTM)
def lstm_size(place: Place) -> Iterator[Reason]:
    """The input sequence of an LSTM has less than 5x1000 elements."""
    sequence = place.input(0)
    count = 0 if sequence is None else count_elements(sequence.shape)
    if sequence is not None and (outlook := _LSTM.judge(count)) != "mapped":
        yield Reason(
            f"{tensor_text(sequence)} has {count:,} elements; {_LSTM.limits_text()}",
            "shorten the sequence or use fewer features",
            uncertain=outlook == "uncertain",
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
