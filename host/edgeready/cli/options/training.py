"""The options of a training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from edgeready.config.augmentation import AUGMENTATIONS
from edgeready.config.build import TrainConfig


@dataclass(frozen=True)
class TrainingOptions:
    """How long, how fast and on what a network is trained."""

    epochs: Annotated[int, typer.Option(help="passes over the training images")] = 5
    batch_size: Annotated[int, typer.Option(help="images a step")] = 32
    learning_rate: Annotated[float, typer.Option(help="Adam's first rate; it falls to 0 along a cosine")] = 2e-3
    augment: Annotated[str | None, typer.Option(help=f"{', '.join(AUGMENTATIONS)}; default by network, data")] = None

    def config(self, seed: int) -> TrainConfig:
        """The TrainConfig that they mean; raises UsageError."""
        return TrainConfig(self.epochs, self.batch_size, self.learning_rate, seed, self.augment)
