"""One step of integer quantization for TensorFlow's child process: observe a float32 .tflite, or make it integer."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from edgeready.config.method import Method
from edgeready.jobs.job import SETTINGS, method_of
from edgeready.quantization.samples import Feeds, load_feeds

KIND = "quantize"
_GIVEN, _CALIBRATED, _QUANTIZED = "given.tflite", "calibrated.tflite", "quantized.tflite"


@dataclass(frozen=True, eq=False)
class QuantizeJob:
    """`model` to be made integer in `mode`, with ranges from `feeds`; without `feeds` it has its ranges already.

    `observe_only` stops after the ranges. `method` needs `feeds`.
    """

    model: bytes = field(repr=False)
    mode: str
    feeds: Feeds | None = None
    observe_only: bool = False
    method: Method = field(default_factory=Method)

    def save(self, folder: Path) -> None:
        """Writes the job into `folder`."""
        (folder / _GIVEN).write_bytes(self.model)
        if self.feeds is not None:
            self.feeds.save(folder)
        settings = {
            "kind": KIND,
            "mode": self.mode,
            "feeds": self.feeds is not None,
            "observe_only": self.observe_only,
            "method": asdict(self.method),
        }
        (folder / SETTINGS).write_text(json.dumps(settings), "utf-8")


def load_quantize_job(folder: Path) -> QuantizeJob:
    """The QuantizeJob in `folder`."""
    settings = json.loads((folder / SETTINGS).read_text("utf-8"))
    feeds = load_feeds(folder) if settings["feeds"] else None
    method = method_of(settings["method"])
    return QuantizeJob((folder / _GIVEN).read_bytes(), settings["mode"], feeds, settings["observe_only"], method)


@dataclass(frozen=True)
class Quantized:
    """`calibrated` is the float32 model with its ranges, `model` the integer one; empty where not asked for."""

    calibrated: bytes = field(default=b"", repr=False)
    model: bytes = field(default=b"", repr=False)

    def save(self, folder: Path) -> None:
        """Writes both into `folder`."""
        (folder / _CALIBRATED).write_bytes(self.calibrated)
        (folder / _QUANTIZED).write_bytes(self.model)


def load_quantized(folder: Path) -> Quantized:
    """What the child process left in `folder`."""
    return Quantized((folder / _CALIBRATED).read_bytes(), (folder / _QUANTIZED).read_bytes())
