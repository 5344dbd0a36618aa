"""What a training does beside its steps: shows the progress, collects the epochs, keeps the best weights."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
from numpy.typing import NDArray

from edgeready.files.atomic import write_files
from edgeready.jobs.training import Epoch, csv_lines
from edgeready_device.progress import Progress


def log_writer(log: str) -> Callable[[list[Epoch]], None]:
    """Returns what keeps the epochs so far in the CSV file `log`, which is whole at any time; "" for nowhere."""
    if not log:
        return lambda epochs: None
    return lambda epochs: write_files({Path(log): csv_lines(epochs).encode()})


class Watcher(keras.callbacks.Callback):  # type: ignore[misc]
    """Shows the progress, collects the epochs, and hands them to `keep` as each ends."""

    def __init__(self, progress: Progress, steps: int, total: int, *, keep: Callable[[list[Epoch]], None]) -> None:
        super().__init__()
        self.epochs: list[Epoch] = []
        self._progress, self._steps, self._total, self._keep = progress, steps, total, keep
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Starts the clock of the epoch."""
        self._started = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Shows the loss so far."""
        self._show(f"loss {float((logs or {}).get('loss', 0.0)):.3f}", len(self.epochs) + 1, batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Collects the epoch, shows it and keeps it."""
        figures = {name: float(value) for name, value in (logs or {}).items()}
        ended = Epoch(epoch=len(self.epochs) + 1, seconds=round(time.monotonic() - self._started, 3), **figures)
        self.epochs.append(ended)
        self._show(ended.to_text(), ended.epoch, self._steps)
        self._keep(self.epochs)

    def _show(self, figures: str, epoch: int, batches: int) -> None:
        label = f"training, epoch {epoch} of {self._total}, {figures}"
        self._progress(label, (epoch - 1) * self._steps + batches, self._total * self._steps)


class BestWeights(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the `weights` that `whole` has at the lowest `loss` on the validation.

    `patience` epochs without a lower one end a training; so many have `waited`. The trained model may be a part of
    `whole`, and one stage of the training may follow another.
    """

    def __init__(self, whole: keras.Model, patience: int | None) -> None:
        super().__init__()
        self._whole, self._patience = whole, patience
        self.loss, self.waited = float("inf"), 0
        self.weights: list[NDArray[Any]] | None = None

    @property
    def is_exhausted(self) -> bool:
        """Whether the patience is at its end."""
        return self._patience is not None and self.waited >= self._patience

    def begin_stage(self) -> None:
        """Starts to wait anew."""
        self.waited = 0

    def resume(self, loss: float, waited: int, weights: list[NDArray[Any]]) -> None:
        """Goes on from the best epoch of an earlier process."""
        self.loss, self.waited, self.weights = loss, waited, weights

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keeps the weights if they are the best, and ends the training where its patience does."""
        loss = float((logs or {})["val_loss"])
        if loss < self.loss:
            self.loss, self.weights, self.waited = loss, self._whole.get_weights(), 0
            return
        self.waited += 1
        if self.is_exhausted:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Puts the best weights back."""
        if self.weights is not None:
            self._whole.set_weights(self.weights)
