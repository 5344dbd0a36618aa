"""What the parent process hands the process that converts, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.config.build import NetworkConfig, SourceConfig, TrainConfig
from edgeready.config.devices import DevicesConfig
from edgeready.config.engine import AUTO
from edgeready.config.method import Method
from edgeready.config.worker_group import WorkerGroup
from edgeready.files.stored_images import Images
from edgeready.jobs.training import Epoch, TrainingFiles
from edgeready.quantization.conventions import ConventionReport
from edgeready.quantization.source_check import SourceCheck
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.normalization import Normalization

UNIT = Normalization((0.0,), (255.0,))
"""What a network sees where nobody says otherwise: pixels from 0 to 1."""


def no_images() -> NDArray[np.uint8]:
    """The frames of a job without images."""
    return np.zeros((0, 1, 1), np.uint8)


def no_labels() -> NDArray[np.int64]:
    """The labels of a job without images."""
    return np.zeros(0, np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """A model to train, where `train` is set, or to load, and then to convert to each of `modes`; none only trains.

    `images` (n, height, width[, channels]) and `labels` (n,) are for training, `calibration` for the ranges, with the
    classes `calibration_labels` where they are known. A model that is no image classifier has no images: `arrays`
    holds its calibration inputs by name, each (n, ...). `validation` and `validation_labels` judge each epoch of the
    training, which writes
    `files` and runs on `devices`, those of all machines of `group` where there is one; with `untrained` it is left
    out, and the network is converted as it starts. With
    `settled` the normalization and the order of the channels are those of a job before, and no other is tried.
    `engine` is one of ENGINES.
    """

    model: str
    classes: int = 0
    images: Images = field(default_factory=no_images, repr=False)
    labels: NDArray[np.int64] = field(default_factory=no_labels, repr=False)
    calibration: Images = field(default_factory=no_images, repr=False)
    calibration_labels: NDArray[np.int64] = field(default_factory=no_labels, repr=False)
    train: TrainConfig | None = None
    validation: Images = field(default_factory=no_images, repr=False)
    validation_labels: NDArray[np.int64] = field(default_factory=no_labels, repr=False)
    files: TrainingFiles = field(default_factory=TrainingFiles)
    devices: DevicesConfig = field(default_factory=DevicesConfig)
    group: WorkerGroup | None = None
    untrained: bool = False
    network: NetworkConfig = field(default_factory=NetworkConfig)
    modes: tuple[str, ...] = ("uint8",)
    method: Method = field(default_factory=Method)
    source: SourceConfig = field(default_factory=SourceConfig)
    engine: str = AUTO
    arrays: Mapping[str, NDArray[Any]] | None = field(default=None, repr=False)
    settled: bool = False

    @property
    def foreign(self) -> bool:
        """Whether `model` is a file from elsewhere, and neither a network by name nor the user's own FILE.py."""
        return self.train is None and ".py:" not in self.model

    @property
    def normalization(self) -> Normalization | None:
        """What is done to a pixel; None for the network's own."""
        return self.network.normalization


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """What was made of a job: a model for each mode, and what is known of the network.

    `models` holds "float32", unless the job only trained; a mode that could not be written is in `refusals` with the
    reason. `keras` is the
    Keras model's file, empty where the source was another. `rewrites` says which layers were rewritten with the same
    result, `proposals` what would change the results. `protections` says what the process that read a foreign model
    had given up, in sentences; none where it ran the user's own code. `color` is the order in which the network takes
    three channels, `convention` how it was found out how pixels go in; None where it was not tried.
    `engines` says which engine wrote each model, and `engine_reasons` why where it was not the first choice. With
    `own_ranges` the network brought the ranges of its integers along. `before_qat` holds the models of the network as
    it came to a training in 8 bits, and `qat_epoch` is the one whose weights were kept, 0 for none. `source_check`
    says how near the float32 model is to what the source model's own runtime computes; None where there is none.
    `replicas` devices have trained the network, whose weights have `digest` where several machines did it.
    """

    name: str
    normalization: Normalization
    scores: str
    models: Mapping[str, TfliteModel] = field(repr=False)
    epochs: tuple[Epoch, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    keras: bytes = field(default=b"", repr=False)
    rewrites: tuple[str, ...] = ()
    proposals: tuple[str, ...] = ()
    refusals: Mapping[str, str] = field(default_factory=dict)
    protections: tuple[str, ...] = ()
    color: str = "rgb"
    convention: ConventionReport | None = None
    engines: Mapping[str, str] = field(default_factory=dict)
    engine_reasons: Mapping[str, str] = field(default_factory=dict)
    own_ranges: bool = False
    before_qat: Mapping[str, TfliteModel] = field(default_factory=dict, repr=False)
    qat_epoch: int | None = None
    source_check: SourceCheck | None = None
    replicas: int = 1
    digest: str = ""

    @property
    def losses(self) -> tuple[float, ...]:
        """The loss of each epoch of the training; none where nothing was trained."""
        return tuple(epoch.loss for epoch in self.epochs)

    @property
    def float32(self) -> TfliteModel:
        """The float32 model."""
        return self.models["float32"]


@dataclass(frozen=True, kw_only=True)
class TrainedShare:
    """What comes back from a training of several machines to one that is not the chief: the weights have `digest`."""

    digest: str
    epochs: tuple[Epoch, ...] = ()
    replicas: int = 1
