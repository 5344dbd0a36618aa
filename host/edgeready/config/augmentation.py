"""What is done to training images so that a network sees more of them than there are, and when that is sound."""

from __future__ import annotations

from edgeready.config.networks import SCALABLE_NETWORKS

AUGMENTATIONS = ("none", "shift", "shift-flip")
SHIFT = 16
"""Images are shifted by at most one part in SHIFT of their size, in each direction."""

_AUGMENTED_NETWORKS = frozenset(SCALABLE_NETWORKS)
_ALIKE_IN_A_MIRROR = frozenset({"cifar10", "fashion-mnist"})


def recommend_augmentation(network: str, data: str) -> str:
    """The augmentation for a network and a data set by name when the user names none.

    Only networks large enough to learn their training images by heart are given any. A mirrored digit is no digit
    and nobody knows what a user's own classes mean, so images are flipped for sets that are known to bear it.
    """
    if network not in _AUGMENTED_NETWORKS:
        return "none"
    return "shift-flip" if data in _ALIKE_IN_A_MIRROR else "shift"
