"""Runs one quantized .tflite image classifier on the device; needs only the TFLite runtime and numpy.

>>> model = Model.load("model.tflite")
>>> model.classify(frame)[0].label
"""

from __future__ import annotations

from edgeready_device.model import Model
from edgeready_device.postprocess import Prediction

__version__ = "0.1.0"
__all__ = ["Model", "Prediction", "__version__"]
