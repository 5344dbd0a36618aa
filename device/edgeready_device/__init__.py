"""Runs one quantized .tflite image classifier on the device; needs only the TFLite runtime and numpy.

>>> model = Model.load("model.tflite")
>>> model.classify(frame)[0].label

Stable are the names in `__all__`, their public members, and `edgeready_device.testing`.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgeready_device.benchmarking.benchmark import benchmark
    from edgeready_device.detection.boxes import Box, Detection
    from edgeready_device.detection.contract import HeadDescription
    from edgeready_device.detection.detector import Detector
    from edgeready_device.evaluation import evaluate
    from edgeready_device.images.frames import fit_frame
    from edgeready_device.isolation.child import freeze_support
    from edgeready_device.model import Model
    from edgeready_device.model_file.contract import Description
    from edgeready_device.normalization import Normalization
    from edgeready_device.postprocess import Prediction
    from edgeready_device.profiling.profile import profile
    from edgeready_device.session import Session
    from edgeready_device.verification import verify
    from edgeready_device.watching.objects import watch_objects
    from edgeready_device.watching.watch import watch

__version__ = Path(__file__).with_name("VERSION").read_text("ascii").strip()  # both builds read this file
__all__ = [
    "Box",
    "Description",
    "Detection",
    "Detector",
    "HeadDescription",
    "Model",
    "Normalization",
    "Prediction",
    "Session",
    "__version__",
    "benchmark",
    "evaluate",
    "fit_frame",
    "freeze_support",
    "profile",
    "verify",
    "watch",
    "watch_objects",
]

# numpy is slow to load, and `edgeready-device --help` needs none: a name is fetched when it is first asked for.
_HOMES = {
    "Box": "detection.boxes",
    "Description": "model_file.contract",
    "Detection": "detection.boxes",
    "Detector": "detection.detector",
    "HeadDescription": "detection.contract",
    "Model": "model",
    "Normalization": "normalization",
    "Prediction": "postprocess",
    "Session": "session",
    "benchmark": "benchmarking.benchmark",
    "evaluate": "evaluation",
    "fit_frame": "images.frames",
    "freeze_support": "isolation.child",
    "profile": "profiling.profile",
    "verify": "verification",
    "watch": "watching.watch",
    "watch_objects": "watching.objects",
}


def __getattr__(name: str) -> Any:
    """The member `name` of the package (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
