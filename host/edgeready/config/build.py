"""What a build is asked for, as plain values that check themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edgeready.config.augmentation import AUGMENTATIONS
from edgeready.config.method import Method
from edgeready.config.modes import Mode, choose_mode
from edgeready.errors import UsageError
from edgeready_device.preprocess import Normalization


@dataclass(frozen=True)
class DataConfig:
    """Where the images come from: a named set, a .npz or a folder; `seed` picks the splits.

    `image_size` (height, width) and `channels` say how the images of a folder are read, `follow_links`
    whether symbolic links may lead out of it. `calibration_samples` images give the ranges, None for as many as
    suit; they come from `calibration` instead, where that names a set of images of its own.
    """

    source: str
    image_size: tuple[int, int] | None = None
    channels: int | None = None
    seed: int = 1
    follow_links: bool = False
    calibration_samples: int | None = None
    calibration: str | None = None

    def __post_init__(self) -> None:
        if self.image_size is not None and min(self.image_size) < 1:
            raise UsageError(f"the image size is {self.image_size}: use at least 1 pixel")
        if self.channels not in (None, 1, 3):
            raise UsageError(f"channels is {self.channels}: use 1 (grey) or 3 (RGB)")
        if self.calibration_samples is not None and self.calibration_samples < 1:
            raise UsageError(f"--calibration-samples is {self.calibration_samples}: calibrate with at least 1 image")


@dataclass(frozen=True)
class TrainConfig:
    """Adam with a rate that falls from `learning_rate` to 0 along a cosine; `seed` makes it repeatable.

    `augment` is one of AUGMENTATIONS, or None for what suits the network and the data.
    """

    epochs: int = 5
    batch_size: int = 32
    learning_rate: float = 2e-3
    seed: int = 1
    augment: str | None = None

    def __post_init__(self) -> None:
        if self.augment not in (None, *AUGMENTATIONS):
            raise UsageError(f"the augmentation is {self.augment!r}: use {', '.join(AUGMENTATIONS)}")
        if self.epochs < 1:
            raise UsageError(f"epochs is {self.epochs}: train for at least 1")
        if self.batch_size < 1:
            raise UsageError(f"the batch size is {self.batch_size}: use at least 1")
        if not 0 < self.learning_rate < 10:
            raise UsageError(f"the learning rate is {self.learning_rate}: use a number above 0, such as 0.001")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"the seed is {self.seed}: use a number from 0 to {2**32 - 1}")


@dataclass(frozen=True)
class SourceConfig:
    """How a saved model is read and what may be in it.

    `signature` names one of a SavedModel's; `inputs`, `outputs` (tensor names) and `shapes` (one per input, with or
    without batch) say what a frozen graph leaves open. `select_tf_ops` lets TensorFlow's own ops in, `custom_ops`
    those that nobody here knows: neither kind runs in a plain runtime.
    """

    signature: str | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    shapes: tuple[tuple[int, ...], ...] = ()
    select_tf_ops: bool = False
    custom_ops: bool = False

    def __post_init__(self) -> None:
        for shape in self.shapes:
            if not shape or min(shape) < 1:
                raise UsageError(f"the input shape is {list(shape)}: write sizes from 1, as in 28x28x1")


@dataclass(frozen=True)
class BuildConfig:
    """One model file to make: `model` is a named network, FILE.py:FUNCTION, or (to convert) a saved model.

    `normalization` None means the network's own. `allow_cpu_ops` accepts a model of which not every op is
    mapped to the Edge TPU. `float_out` keeps the float32 .tflite, `keras_out` the trained Keras model, too.
    `fix` rewrites layers that the Edge TPU lacks where the result stays the same. `mode` is a name of MODES, or None
    for what serves `target` best; `method` says how it is made integer. `max_drop` is how many points of accuracy
    that may cost; within it the cheapest way is taken.
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
    mode: str | None = None
    target: str | None = None
    method: Method = field(default_factory=Method)
    source: SourceConfig = field(default_factory=SourceConfig)
    max_drop: float | None = None

    @property
    def chosen_mode(self) -> Mode:
        """The mode that the file is written in."""
        return choose_mode(self.mode, self.target)

    @property
    def for_edgetpu(self) -> bool:
        """Whether a file of which not every op is mapped to the Edge TPU is refused."""
        mapped = self.chosen_mode.edgetpu == "yes" and self.target in (None, "edgetpu")
        return mapped and not self.allow_cpu_ops

    def __post_init__(self) -> None:
        choose_mode(self.mode, self.target)
        self._check_budget()
        for path in (self.out, self.float_out):
            if path is not None and path.suffix != ".tflite":
                raise UsageError(f"{path}: name the output file something.tflite")
        if self.keras_out is not None and self.keras_out.suffix != ".keras":
            raise UsageError(f"{self.keras_out}: name the Keras model something.keras")
        if self.out == self.float_out:
            raise UsageError(f"{self.out}: the model and its float32 twin need two names")

    def _check_budget(self) -> None:
        if self.max_drop is None:
            return
        if not 0 <= self.max_drop < 100:
            raise UsageError(f"--max-drop is {self.max_drop:g}: give points of accuracy from 0 to 100, such as 0.3")
        if self.chosen_mode.name not in ("uint8", "int8"):
            raise UsageError(
                f"--max-drop goes with the integer-only modes uint8 and int8, not with {self.chosen_mode.name}: "
                "leave one of the two options out"
            )
