"""What a training leaves behind: the figures of each epoch, and the files that it writes while it goes on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from edgeready.config.training import fall_length, steady_length

# Chosen: who is interrupted loses so much and the epoch under way. Measured on two busy cores: the state of a
# MobileNetV2, 36 MB, takes 0.2 s. A training that is shorter leaves no file, and is as soon repeated.
INTERVAL_S = 10.0
# By how much a loss must be lower to count where the training itself finds its end: by a share of it, and by so much.
# Measured with 0.001 alone: digits takes 42 epochs in place of 28, and its accuracy differs by noise. With the share
# alone a loss would be halved again and again for 100 epochs, where all answers are right.
LEAST_GAIN_SHARE, LEAST_GAIN = 0.02, 0.001
CURVES = "events.out.tfevents."  # how TensorFlow calls the files that TensorBoard reads


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """The figures of one epoch, counted from 1; `accuracy` is that on the images as the training saw them.

    Those of the validation are None where there is none.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float | None = None
    val_accuracy: float | None = None
    seconds: float = 0.0

    def to_text(self) -> str:
        """The figures for people: "loss 0.312, accuracy 90.1 %, validation 88.0 %"."""
        text = f"loss {self.loss:.3f}, accuracy {100 * self.accuracy:.1f} %"
        return text if self.val_accuracy is None else f"{text}, validation {100 * self.val_accuracy:.1f} %"


@dataclass(frozen=True, kw_only=True)
class CheckpointPlan:
    """Where a training keeps its state: the whole `path`, "" for nowhere, at most every `interval_s`.

    `identity` says by name and value what the training depends on. With `resume` it goes on from the state there.
    """

    path: str = ""
    identity: Mapping[str, str] = field(default_factory=dict)
    resume: bool = False
    interval_s: float = INTERVAL_S


@dataclass(frozen=True, kw_only=True)
class TrainingFiles:
    """What a training writes before its model is proved: the Keras model when it ends, its figures epoch by epoch.

    Whole paths; empty for a file that nobody asked for. `curves` is a folder for TensorBoard. `checkpoint` is
    where its state is kept meanwhile.
    """

    keras: str = ""
    log: str = ""
    curves: str = ""
    checkpoint: CheckpointPlan = field(default_factory=CheckpointPlan)


@dataclass(frozen=True, kw_only=True)
class Fall:
    """How a training without a number of epochs ends: its `rate` falls to 0, and it has at most `limit` epochs."""

    rate: float
    limit: int

    def is_due(self, epochs: int) -> bool:
        """Whether the rate must fall after so many epochs for the training to end within the limit."""
        return epochs + 1 + fall_length(epochs + 1) > self.limit

    def is_over(self, epochs: int, steady: int) -> bool:
        """Whether the rate is 0 after so many epochs, of which the first `steady` were at the full rate."""
        return steady > 0 and epochs >= steady + fall_length(steady)

    def rate_after(self, epochs: int, steady: int) -> float:
        """Returns the rate of the next epoch, the mean over it of a cosine that begins after `steady` epochs."""
        share = (epochs - steady + 0.5) / fall_length(steady)
        return self.rate * (1 + math.cos(math.pi * share)) / 2


def is_progress(loss: float, mark: float) -> bool:
    """Whether `loss` is so much lower than `mark`, the last that was, that the rate stays as it is."""
    return loss < mark - LEAST_GAIN and loss < mark * (1 - LEAST_GAIN_SHARE)


def best_epoch(epochs: Sequence[Epoch]) -> int | None:
    """Returns the number of the epoch with the lowest loss on the validation, whose weights are kept.

    None without a validation. The loss decides, as in Keras' EarlyStopping: on a few hundred images it moves where
    the accuracy stands still.
    """
    losses = [(epoch.val_loss, epoch.epoch) for epoch in epochs if epoch.val_loss is not None]
    return min(losses)[1] if losses else None


def csv_lines(epochs: Iterable[Epoch]) -> str:
    """Returns the epochs as CSV: a line with the names, then a line each; a figure that is missing stays empty."""
    names = [member.name for member in fields(Epoch)]
    rows = [asdict(epoch) for epoch in epochs]
    lines = [",".join("" if row[name] is None else str(row[name]) for name in names) for row in rows]
    return "".join(f"{line}\n" for line in [",".join(names), *lines])


@dataclass(frozen=True, kw_only=True)
class Training:
    """The `epochs` of a training for which at most `asked` were asked, the last `fine_tuned` of them for fine-tuning.

    It `is_open` where nobody said how many; `patience` epochs without a lower loss end it, or its full rate where it
    is open, 0 for none.
    """

    epochs: tuple[Epoch, ...]
    asked: int
    is_open: bool = False
    patience: int = 0
    fine_tuned: int = 0

    @property
    def best(self) -> Epoch | None:
        """The epoch whose weights were kept; None without a validation, where those of the last one are."""
        number = best_epoch(self.epochs)
        return None if number is None else self.epochs[number - 1]

    @property
    def ending(self) -> str:
        """Why the training ended when it did, in a sentence; "" where it had the epochs that were asked for."""
        count = len(self.epochs)
        if count < self.asked and self.fine_tuned:
            return f"stopped early, after {count} epochs in all: the loss on the validation fell no more"
        if count < self.asked and self.is_open:
            steady = steady_length(count)
            still = f"hardly fell from epoch {steady - self.patience} to {steady}"
            return f"stopped at epoch {count}: the loss on the validation {still}, then the rate fell to 0"
        if count < self.asked and self.best is not None:
            return f"stopped at epoch {count}: no lower loss on the validation since epoch {self.best.epoch}"
        if self.is_open and self.best is not None and not self.fine_tuned:
            return (
                f"ended at the limit of {count} epochs, of which {self.best.epoch} was the best: --epochs takes more"
            )
        return ""

    def to_dict(self) -> dict[str, Any]:
        """The training as plain data."""
        return {
            "epochs": [asdict(epoch) for epoch in self.epochs],
            "best_epoch": best_epoch(self.epochs),
            "stopped_early": len(self.epochs) < self.asked,
            "ending": self.ending,
        }
