"""The normalization of pixels that a network was trained with: as numbers, as --mean and --std, as a named preset."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeready_device.errors import ModelFileError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COLORS = ("rgb", "bgr")  # the orders of three channels


@dataclass(frozen=True)
class Normalization:
    """What training did to a pixel p of 0 to 255: (p - mean) / std, one value or one per channel."""

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (255.0,)

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or not self.mean:
            raise ModelFileError(f"the normalization has {len(self.mean)} means and {len(self.std)} deviations")
        for value in (*self.mean, *self.std):
            if not math.isfinite(value):
                raise ModelFileError(f"the normalization holds {value}: it must hold finite numbers")
        if any(std == 0 for std in self.std):
            raise ModelFileError("the normalization divides by a standard deviation of 0")

    @property
    def ranges(self) -> tuple[tuple[float, float], ...]:
        """What the pixels 0 to 255 become, as the least and the greatest value of each channel."""
        ends = [((0 - mean) / std, (255 - mean) / std) for mean, std in zip(self.mean, self.std)]
        return tuple((min(pair), max(pair)) for pair in ends)

    def apply(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Frames (..., channels) as the float32 values that the network was trained on, same shape."""
        import numpy as np  # noqa: PLC0415 - the host's options hold a Normalization and load without numpy

        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        values = frames.astype(np.float32, order="C")  # so that lines below are no copy
        if len(mean) > 1 and values.ndim > 1 and values.shape[-1] == len(mean):
            # Whole lines of pixels at once: numpy is slow where the innermost loop has three steps.
            repeats = values.shape[-2]
            lines = values.reshape(-1, repeats * len(mean))
            mean, std = np.tile(mean, repeats), np.tile(std, repeats)
        else:
            lines = values
        np.subtract(lines, mean, out=lines)
        np.divide(lines, std, out=lines)
        return values


@dataclass(frozen=True)
class Preset:
    """How a known family of networks takes its pictures, and where that is written (`source`).

    What is None is not part of the family's convention. The normalization is per channel in the order in which the
    network takes them: `color` "bgr" means blue first.
    """

    normalization: Normalization
    source: str
    color: str | None = None
    resize: str | None = None
    crop: float | None = None


UNIT = Normalization((0.0,), (255.0,))
SIGNED_UNIT = Normalization((127.5,), (127.5,))
RAW = Normalization((0.0,), (1.0,))
# The statistics of ImageNet, 0.485 0.456 0.406 and 0.229 0.224 0.225, in pixel units.
_IMAGENET = Normalization((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
_IMAGENET_MEANS_BGR = Normalization((103.939, 116.779, 123.68), (1.0, 1.0, 1.0))

PRESETS: Mapping[str, Preset] = {
    "raw": Preset(RAW, "pixels as they are, 0 to 255: networks that normalize in their first layer"),
    "unit": Preset(UNIT, "0 to 1: pixel / 255, as most tutorials train"),
    "signed-unit": Preset(SIGNED_UNIT, "-1 to 1: pixel / 127.5 - 1"),
    "teachable-machine": Preset(
        SIGNED_UNIT, "the Python snippet that Teachable Machine exports beside model_unquant.tflite", resize="crop"
    ),
    "keras-mobilenet": Preset(
        SIGNED_UNIT,
        'keras.applications with mode "tf": MobileNet, MobileNetV2, InceptionV3, InceptionResNetV2, Xception, '
        "NASNet, ResNet50V2 and its larger ones",
        color="rgb",
    ),
    "keras-resnet": Preset(
        _IMAGENET_MEANS_BGR,
        'keras.applications with mode "caffe": ResNet50, ResNet101, ResNet152, VGG16, VGG19',
        color="bgr",
    ),
    "keras-densenet": Preset(_IMAGENET, 'keras.applications with mode "torch": DenseNet', color="rgb"),
    "keras-efficientnet": Preset(
        RAW,
        "keras.applications whose first layers normalize: EfficientNet, EfficientNetV2, MobileNetV3, ConvNeXt",
        color="rgb",
    ),
    "torchvision": Preset(
        _IMAGENET,
        "the transforms of torchvision's ImageNet weights: the centre 224 of 256 pixels, statistics of ImageNet",
        color="rgb",
        resize="crop",
        crop=0.875,
    ),
}


def preset_named(name: str) -> Preset:
    """The Preset called `name`; raises UsageError for another name."""
    if name not in PRESETS:
        raise UsageError(f"the preset is {name!r}: choose {', '.join(PRESETS)}")
    return PRESETS[name]


def parse_normalization(mean: str | None, std: str | None) -> Normalization | None:
    """The Normalization of --mean and --std, each a number or one per channel with commas; None without both.

    Raises UsageError for texts that hold no such numbers.
    """
    return normalization_of(
        None if mean is None else parse_numbers("--mean", mean), None if std is None else parse_numbers("--std", std)
    )


def normalization_of(mean: Sequence[float] | None, std: Sequence[float] | None) -> Normalization | None:
    """The Normalization of `mean` (default 0) and `std` (default 255), one number each or one per channel.

    None when neither is set. Raises UsageError for a deviation of 0 and for numbers of channels that differ.
    """
    if mean is None and std is None:
        return None
    means, stds = tuple(mean or (0.0,)), tuple(std or (255.0,))
    if 0 in stds:
        raise UsageError("--std is 0: nothing can be divided by it; use 255 for values from 0 to 1")
    channels = max(len(means), len(stds))
    means, stds = (values * channels if len(values) == 1 else values for values in (means, stds))
    if len(means) != len(stds):
        raise UsageError(f"--mean has {len(means)} numbers, --std {len(stds)}: give one of each a channel")
    return Normalization(means, stds)


def parse_numbers(option: str, text: str) -> tuple[float, ...]:
    """The finite numbers of `text`, separated by commas; raises UsageError, which names `option`."""
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"{option} is {text!r}: write 127.5, or one number a channel: 123.7,116.3,103.5") from error
    if not all(map(math.isfinite, values)):
        raise UsageError(f"{option} is {text!r}: write finite numbers")
    return values
