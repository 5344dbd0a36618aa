"""Makes one uint8, integer-only, Edge-TPU ready .tflite file from an image classifier, and proves it."""

from edgeready_device import __version__ as __version__
