"""The networks by name, as far as they are known without TensorFlow."""

from __future__ import annotations

SMALL_NETWORKS = ("tutorial-cnn", "opengenus-cnn", "dropout-cnn", "cifar-cnn", "small-resnet")
"""The networks of our own, which are known to be ready in every mode that the Edge TPU runs."""
