"""Makes one uint8, integer-only, Edge-TPU ready .tflite file from an image classifier, and proves it."""

__version__ = "0.1.0"
