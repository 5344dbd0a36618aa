"""Transfer learning: a backbone of keras.applications under a new classification head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from edgeready.config.networks import check_width, network_name
from edgeready.errors import EdgereadyError, ModelSourceError, fit_reason
from edgeready.jobs.job import UNIT
from edgeready.tf.architectures import Shape, weights_file
from edgeready.tf.efficientnet_lite import LITE_NETWORKS, build_backbone
from edgeready.tf.pretrained import load_lite0
from edgeready_device.normalization import Normalization

_SYMMETRIC = Normalization((127.5,), (127.5,))
_LITE = Normalization((127.0,), (128.0,))
_RAW = Normalization((0.0,), (1.0,))
_DROPOUT = 0.2  # as in Keras' own guide to transfer learning
# The most of batch normalization in a network that starts from random weights. Chosen, as for our own networks:
# with the 0.999 of the MobileNets the statistics, and so every answer, follow the training after thousands of steps.
_MOST_MOMENTUM = 0.97
# ReLU in place of hard swish, no squeeze-and-excitation, 3x3 throughout; pixels come normalized, as everywhere here.
_MINIMALISTIC = {"minimalistic": True, "include_preprocessing": False}
_TORCH = Normalization((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


@dataclass(frozen=True)
class Application:
    """A backbone: its function in keras.applications, the normalization of its weights, and the least image size.

    Of an EfficientNet-Lite, which is none of theirs, `function` is the family's name for it. `options` go to the
    function.
    """

    function: str
    normalization: Normalization
    least_size: int = 32  # the limit of Keras without the top, larger for some networks
    options: Mapping[str, Any] = field(default_factory=dict)


APPLICATIONS: dict[str, Application] = {
    "mobilenet": Application("MobileNet", _SYMMETRIC),
    "mobilenet-v2": Application("MobileNetV2", _SYMMETRIC),
    "mobilenet-v3-small-minimalistic": Application("MobileNetV3Small", _SYMMETRIC, options=_MINIMALISTIC),
    "mobilenet-v3-large-minimalistic": Application("MobileNetV3Large", _SYMMETRIC, options=_MINIMALISTIC),
    "resnet50-v2": Application("ResNet50V2", _SYMMETRIC),
    "densenet121": Application("DenseNet121", _TORCH),
    "inception-v3": Application("InceptionV3", _SYMMETRIC, 75),
    "xception": Application("Xception", _SYMMETRIC, 71),
    "efficientnet-b0": Application("EfficientNetB0", _RAW),
    "efficientnet-lite0": Application("EfficientNet-Lite0", _LITE),
    "efficientnet-lite1": Application("EfficientNet-Lite1", _LITE),
    "efficientnet-lite2": Application("EfficientNet-Lite2", _LITE),
}


def build_application(
    name: str, shape: Shape, classes: int, weights: str | None, *, alpha: float | None = None
) -> keras.Model:
    """Returns the backbone `name` in the width `alpha` with a dropout and a dense softmax head for `classes`.

    `weights` is None (random, and the whole network trains), "imagenet" (Keras downloads them) or a local weights
    file; with weights the backbone is frozen and only the head trains.

    Raises ModelSourceError when the images are too small or the weights do not load, UsageError for a width that the
    network does not have.
    """
    check_width(name, alpha, weights)
    entry = APPLICATIONS[name]
    _check_images(name, shape)
    kind = f"{', minimalistic,' if entry.options else ''}{'' if alpha is None else f' of the width {alpha:g}'}"
    source = weights if weights in (None, "imagenet") else str(weights_file(str(weights)))
    try:
        backbone = _backbone(name, shape, source, alpha)
    except EdgereadyError:
        raise
    except (ValueError, OSError, KeyError) as error:
        raise ModelSourceError(
            fit_reason(
                f"the weights {weights!r} do not load into {name} (",
                error,
                f"): give the weights of a {entry.function}{kind} without its top",
            )
        ) from error
    except Exception as error:
        if weights != "imagenet":
            raise
        # Keras raises a bare Exception when a download fails
        raise ModelSourceError(
            fit_reason(
                f"the imagenet weights of {name} cannot be downloaded (",
                error,
                "): give a local file with --weights FILE",
            )
        ) from error
    backbone.trainable = weights is None
    if weights is None:
        _settle_sooner(backbone)
    frame = keras.Input(shape)
    features = keras.layers.Dropout(_DROPOUT)(backbone(frame, training=None if weights is None else False))
    scores = keras.layers.Dense(classes, activation="softmax")(features)
    return keras.Model(frame, scores, name=network_name(name, alpha))


def _settle_sooner(backbone: keras.Model) -> None:
    """Lets batch normalization forget the statistics of random weights within some hundred steps."""
    for layer in backbone._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = min(layer.momentum, _MOST_MOMENTUM)


def _check_images(name: str, shape: Shape) -> None:
    least = APPLICATIONS[name].least_size
    if len(shape) != 3 or shape[2] != 3:
        raise ModelSourceError(f"{name} takes RGB images, these have the shape {list(shape)}: give --channels 3")
    if min(shape[:2]) < least:
        raise ModelSourceError(
            f"{name} needs images of at least {least}x{least} pixels, these are "
            f"{shape[0]}x{shape[1]}: give a larger --image-size"
        )


def _backbone(name: str, shape: Shape, source: str | None, alpha: float | None) -> keras.Model:
    if name not in LITE_NETWORKS:
        entry = APPLICATIONS[name]
        options = dict(entry.options) if alpha is None else {**entry.options, "alpha": alpha}
        return getattr(keras.applications, entry.function)(
            input_shape=shape, include_top=False, weights=source, pooling="avg", **options
        )
    backbone = build_backbone(name, shape)
    if source == "imagenet":
        if name != "efficientnet-lite0":
            raise ModelSourceError(
                f"there are no imagenet weights for {name} here: take efficientnet-lite0, or give --weights FILE"
            )
        load_lite0(backbone)
    elif source is not None:
        backbone.load_weights(source)
    return backbone


def normalization_of(name: str) -> Normalization:
    """Returns the normalization of the backbone `name`; [0, 1] for any other name."""
    return APPLICATIONS[name].normalization if name in APPLICATIONS else UNIT
