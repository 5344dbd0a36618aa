"""What a build is asked for, as plain values that check themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edgeready.errors import UsageError
from edgeready_device.preprocess import Normalization


@dataclass(frozen=True)
class DataConfig:
    """Where the images come from: a named set, a .npz or a folder; `seed` picks the splits.

    `image_size` (height, width) and `channels` say how the images of a folder are read.
    """

    source: str
    image_size: tuple[int, int] | None = None
    channels: int | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        if self.image_size is not None and min(self.image_size) < 1:
            raise UsageError(f"the image size is {self.image_size}: use at least 1 pixel")
        if self.channels not in (None, 1, 3):
            raise UsageError(f"channels is {self.channels}: use 1 (grey) or 3 (RGB)")


@dataclass(frozen=True)
class TrainConfig:
    """Adam with a rate that falls from `learning_rate` to 0 along a cosine; `seed` makes it repeatable."""

    epochs: int = 5
    batch_size: int = 32
    learning_rate: float = 2e-3
    seed: int = 1

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise UsageError(f"epochs is {self.epochs}: train for at least 1")
        if self.batch_size < 1:
            raise UsageError(f"the batch size is {self.batch_size}: use at least 1")
        if not 0 < self.learning_rate < 10:
            raise UsageError(f"the learning rate is {self.learning_rate}: use a number above 0, such as 0.001")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"the seed is {self.seed}: use a number from 0 to {2**32 - 1}")


@dataclass(frozen=True)
class BuildConfig:
    """One model file to make: `model` is a named network, FILE.py:FUNCTION, or (to convert) a saved model.

    `normalization` None means the network's own. `allow_cpu_ops` accepts a model of which not every op is
    mapped to the Edge TPU. `float_out` keeps the float32 .tflite, `keras_out` the trained Keras model, too.
    `fix` rewrites layers that the Edge TPU lacks where the result stays the same.
    """

    data: DataConfig
    model: str
    out: Path
    train: TrainConfig = field(default_factory=TrainConfig)
    weights: str | None = None
    normalization: Normalization | None = None
    float_out: Path | None = None
    keras_out: Path | None = None
    allow_cpu_ops: bool = False
    fix: bool = True

    def __post_init__(self) -> None:
        for path in (self.out, self.float_out):
            if path is not None and path.suffix != ".tflite":
                raise UsageError(f"{path}: name the output file something.tflite")
        if self.keras_out is not None and self.keras_out.suffix != ".keras":
            raise UsageError(f"{self.keras_out}: name the Keras model something.keras")
        if self.out == self.float_out:
            raise UsageError(f"{self.out}: the uint8 and the float32 model need two names")
