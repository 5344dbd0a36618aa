"""What the parent process and TensorFlow's child process hand each other: a folder of plain files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.config.build import SourceConfig, TrainConfig
from edgeready.config.method import Method, QatConfig
from edgeready_device.preprocess import Normalization

SETTINGS, LOG = "job.json", "log.txt"
_MADE, _KERAS = "made.json", "model.keras"
_ARRAYS = ("images", "labels", "calibration")
Progress = Callable[[str, int, int], None]  # stage, done, total


@dataclass(frozen=True, eq=False)
class Job:
    """A model to train (`train` given) or to load, then to convert to each of `modes`.

    `images` (n, height, width[, channels]) and `labels` (n,) are for training, `calibration` for the ranges. A model
    that is no image classifier has no images: `arrays` holds its calibration inputs by name, each (n, ...).
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
    modes: tuple[str, ...] = ("uint8",)
    method: Method = field(default_factory=Method)
    source: SourceConfig = field(default_factory=SourceConfig)
    arrays: Mapping[str, NDArray[Any]] | None = field(default=None, repr=False)

    def save(self, folder: Path) -> None:
        """Writes the job into `folder`."""
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))
        for number, array in enumerate((self.arrays or {}).values()):
            np.save(folder / f"array-{number}.npy", array)
        settings = {
            "kind": "make",
            "model": self.model,
            "classes": self.classes,
            "train": None if self.train is None else asdict(self.train),
            "weights": self.weights,
            "normalization": None if self.normalization is None else asdict(self.normalization),
            "fix": self.fix,
            "modes": self.modes,
            "method": asdict(self.method),
            "source": asdict(self.source),
            "arrays": None if self.arrays is None else list(self.arrays),
        }
        (folder / SETTINGS).write_text(json.dumps(settings), "utf-8")


def load_job(folder: Path) -> Job:
    """The Job in `folder`, its arrays mapped from the disk."""
    settings = json.loads((folder / SETTINGS).read_text("utf-8"))
    mapped = {name: _mapped(folder / f"{name}.npy") for name in _ARRAYS}
    train, normalization, arrays = (settings[name] for name in ("train", "normalization", "arrays"))
    return Job(
        settings["model"],
        settings["classes"],
        **mapped,
        train=None if train is None else TrainConfig(**train),
        weights=settings["weights"],
        normalization=None if normalization is None else _normalization(normalization),
        fix=settings["fix"],
        modes=tuple(settings["modes"]),
        method=method_of(settings["method"]),
        source=_source(settings["source"]),
        arrays=None
        if arrays is None
        else {name: _mapped(folder / f"array-{number}.npy") for number, name in enumerate(arrays)},
    )


@dataclass(frozen=True)
class Made:
    """What TensorFlow made of a job: a flatbuffer per mode, and what is known of the network.

    `files` always holds "float32"; a mode that could not be made is in `refusals` with the reason. `keras` is the
    Keras model's file, empty where the source was another. `mended` says which layers were rewritten with the same
    result, `proposed` what would change the results.
    """

    name: str
    normalization: Normalization
    scores: str
    losses: tuple[float, ...]
    versions: dict[str, str]
    files: dict[str, bytes] = field(repr=False)
    keras: bytes = field(default=b"", repr=False)
    mended: tuple[str, ...] = ()
    proposed: tuple[str, ...] = ()
    refusals: dict[str, str] = field(default_factory=dict)

    @property
    def float32(self) -> bytes:
        """The float32 flatbuffer."""
        return self.files["float32"]

    def save(self, folder: Path) -> None:
        """Writes what was made into `folder`."""
        for mode, data in self.files.items():
            (folder / f"{mode}.tflite").write_bytes(data)
        (folder / _KERAS).write_bytes(self.keras)
        known = {
            "name": self.name,
            "normalization": asdict(self.normalization),
            "scores": self.scores,
            "losses": self.losses,
            "versions": self.versions,
            "files": list(self.files),
            "mended": self.mended,
            "proposed": self.proposed,
            "refusals": self.refusals,
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
        {mode: (folder / f"{mode}.tflite").read_bytes() for mode in known["files"]},
        (folder / _KERAS).read_bytes(),
        tuple(known["mended"]),
        tuple(known["proposed"]),
        known["refusals"],
    )


def _mapped(path: Path) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _normalization(table: dict[str, Any]) -> Normalization:
    return Normalization(tuple(table["mean"]), tuple(table["std"]))


def method_of(table: dict[str, Any]) -> Method:
    """The Method that `asdict` turned into `table`."""
    qat = table.pop("qat")
    return Method(**table, qat=None if qat is None else QatConfig(**qat))


def _source(table: dict[str, Any]) -> SourceConfig:
    shapes = tuple(tuple(shape) for shape in table.pop("shapes"))
    return SourceConfig(
        **{**table, "inputs": tuple(table["inputs"]), "outputs": tuple(table["outputs"])}, shapes=shapes
    )
