"""How a model is made integer: where the ranges come from, and what is done to the weights before and after."""

from __future__ import annotations

from dataclasses import dataclass

from edgeready.config.training import check_training
from edgeready.errors import UsageError

CALIBRATIONS = ("min-max", "percentile", "mse")


@dataclass(frozen=True, kw_only=True)
class QatConfig:
    """Quantization-aware training: Adam with a rate that falls from `learning_rate` to 0 along a cosine.

    `augment`, one of AUGMENTATIONS, is what the training before was done with.
    """

    epochs: int = 3
    learning_rate: float = 1e-3
    batch_size: int = 32
    seed: int = 1
    augment: str = "none"

    def __post_init__(self) -> None:
        check_training(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            seed=self.seed,
            augment=self.augment,
        )


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to integers: `calibration` gives the ranges of the activations, one of CALIBRATIONS.

    `equalize` evens out the channels of neighbouring layers before, `bias_correction` takes the mean error out of
    the biases after; neither costs anything on the device. `qat` trains with the quantization in the loop first.
    """

    calibration: str = "min-max"
    equalize: bool = False
    bias_correction: bool = False
    qat: QatConfig | None = None

    def __post_init__(self) -> None:
        if self.calibration not in CALIBRATIONS:
            raise UsageError(f"the calibration {self.calibration!r} is unknown: use {', '.join(CALIBRATIONS)}")
