"""What the parent process and TensorFlow's child process hand each other: a folder of plain files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.config import TrainConfig
from edgeready_device.preprocess import Normalization

_SETTINGS, _MADE = "job.json", "made.json"
_ARRAYS = ("images", "labels", "calibration")
_UINT8, _FLOAT32, _KERAS = "uint8.tflite", "float32.tflite", "model.keras"
Progress = Callable[[str, int, int], None]  # stage, done, total


@dataclass(frozen=True, eq=False)
class Job:
    """A model to train (`train` given) or to load, then to convert.

    `images` (n, height, width[, channels]) and `labels` (n,) are for training, `calibration` for the ranges.
    `fix` rewrites layers that the Edge TPU lacks where the result stays the same.
    """

    model: str
    classes: int
    images: NDArray[np.uint8] = field(repr=False)
    labels: NDArray[np.int64] = field(repr=False)
    calibration: NDArray[np.uint8] = field(repr=False)
    train: TrainConfig | None = None
    weights: str | None = None
    normalization: Normalization | None = None
    fix: bool = True

    def save(self, folder: Path) -> None:
        """Writes the job into `folder`."""
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))
        settings = {
            "model": self.model,
            "classes": self.classes,
            "train": None if self.train is None else asdict(self.train),
            "weights": self.weights,
            "normalization": None if self.normalization is None else asdict(self.normalization),
            "fix": self.fix,
        }
        (folder / _SETTINGS).write_text(json.dumps(settings), "utf-8")


def load_job(folder: Path) -> Job:
    """The Job in `folder`, its arrays mapped from the disk."""
    settings = json.loads((folder / _SETTINGS).read_text("utf-8"))
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS}
    train = settings.pop("train")
    normalization = settings.pop("normalization")
    return Job(
        **settings,
        **arrays,
        train=None if train is None else TrainConfig(**train),
        normalization=None if normalization is None else _normalization(normalization),
    )


@dataclass(frozen=True)
class Made:
    """What TensorFlow made of a job: two flatbuffers, the Keras model's file, and what is known of the network.

    `mended` says which layers were rewritten with the same result, `proposed` what would change the results.
    """

    name: str
    normalization: Normalization
    scores: str
    losses: tuple[float, ...]
    versions: dict[str, str]
    uint8: bytes = field(repr=False)
    float32: bytes = field(repr=False)
    keras: bytes = field(repr=False)
    mended: tuple[str, ...] = ()
    proposed: tuple[str, ...] = ()

    def save(self, folder: Path) -> None:
        """Writes what was made into `folder`."""
        (folder / _UINT8).write_bytes(self.uint8)
        (folder / _FLOAT32).write_bytes(self.float32)
        (folder / _KERAS).write_bytes(self.keras)
        known = {
            "name": self.name,
            "normalization": asdict(self.normalization),
            "scores": self.scores,
            "losses": self.losses,
            "versions": self.versions,
            "mended": self.mended,
            "proposed": self.proposed,
        }
        (folder / _MADE).write_text(json.dumps(known), "utf-8")


def load_made(folder: Path) -> Made:
    """What TensorFlow left in `folder`."""
    known = json.loads((folder / _MADE).read_text("utf-8"))
    return Made(
        known["name"],
        _normalization(known["normalization"]),
        known["scores"],
        tuple(known["losses"]),
        known["versions"],
        (folder / _UINT8).read_bytes(),
        (folder / _FLOAT32).read_bytes(),
        (folder / _KERAS).read_bytes(),
        tuple(known["mended"]),
        tuple(known["proposed"]),
    )


def _normalization(table: dict[str, Any]) -> Normalization:
    return Normalization(tuple(table["mean"]), tuple(table["std"]))
