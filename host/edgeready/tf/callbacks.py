"""What a training does beside its steps: shows the progress, collects the epochs, keeps the best weights."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray

from edgeready.errors import OutputError, fit_reason
from edgeready.files.atomic import write_files
from edgeready.jobs.checkpoint import Waiting
from edgeready.jobs.training import CURVES, Epoch, Fall, csv_lines, is_progress
from edgeready_device.progress import Progress


class Curves(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes the curves of a training into `folder` as TensorBoard reads them, an epoch of `watcher` as it ends.

    The names are those of Keras' own callback, which needs the package tensorboard; this one does not. It comes
    behind `watcher` among the callbacks. Raises OutputError where the folder cannot be written to.
    """

    def __init__(self, folder: str, watcher: Watcher) -> None:
        super().__init__()
        self._folder, self._watcher, self._files = folder, watcher, dict[str, Any]()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Writes the figures of the epoch."""
        last = self._watcher.epochs[-1]
        rate = rate_of(self.model)
        self._write("train", last.epoch, loss=last.loss, accuracy=last.accuracy, learning_rate=rate)
        if last.val_loss is not None and last.val_accuracy is not None:
            self._write("validation", last.epoch, loss=last.val_loss, accuracy=last.val_accuracy)

    def _write(self, run: str, step: int, **figures: float) -> None:
        protocol = tf.compat.v1
        values = [protocol.Summary.Value(tag=f"epoch_{name}", simple_value=value) for name, value in figures.items()]
        summary = protocol.Event(step=step, wall_time=time.time(), summary=protocol.Summary(value=values))
        try:
            if run not in self._files:
                self._files[run] = self._open(Path(self._folder, run), step)
            self._files[run].write(summary.SerializeToString())
            self._files[run].flush()
        except (OSError, tf.errors.OpError) as error:
            raise OutputError(
                fit_reason(
                    f"cannot write the curves into {self._folder!r} (", error, "): choose another --tensorboard"
                )
            ) from error

    def _open(self, folder: Path, step: int) -> Any:
        """Returns a new file of events, which take the place of those from `step` on in other files of the folder."""
        protocol, now = tf.compat.v1, time.time()
        folder.mkdir(parents=True, exist_ok=True)
        file = tf.io.TFRecordWriter(str(folder / f"{CURVES}{now:.6f}.{os.getpid()}"))
        file.write(protocol.Event(wall_time=now, file_version="brain.Event:2").SerializeToString())
        start = protocol.SessionLog(status=protocol.SessionLog.START)
        file.write(protocol.Event(wall_time=now, step=step, session_log=start).SerializeToString())
        return file


def rate_of(model: keras.Model) -> float:
    """Returns the learning rate of a compiled model, which on several devices is a variable on each of them."""
    return float(keras.ops.convert_to_tensor(model.optimizer.learning_rate).numpy())


def log_writer(log: str) -> Callable[[list[Epoch]], None]:
    """Returns what keeps the epochs so far in the CSV file `log`, which is whole at any time; "" for nowhere."""
    if not log:
        return lambda epochs: None
    return lambda epochs: write_files({Path(log): csv_lines(epochs).encode()})


class Watcher(keras.callbacks.Callback):  # type: ignore[misc]
    """Shows the progress, collects the epochs, and hands them to `keep` as each ends.

    There are `total` epochs, at most so many where their number `is_open`.
    """

    def __init__(
        self,
        progress: Progress,
        steps: int,
        total: int,
        *,
        keep: Callable[[list[Epoch]], None],
        is_open: bool = False,
    ) -> None:
        super().__init__()
        self._of = "of at most" if is_open else "of"
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
        label = f"training, epoch {epoch} {self._of} {self._total}, {figures}"
        self._progress(label, (epoch - 1) * self._steps + batches, self._total * self._steps)


class BestWeights(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the `weights` that `whole` has at the lowest `loss` on the validation.

    `patience` epochs without a lower one end a training; so many have `waited`, since the loss was `mark`. With a
    `fall` they do not end it: from then on, after `steady` epochs, the rate falls, beginning with the best weights.
    A loss that `is_progress` counts as lower there. The trained model may be a part of `whole`, and one
    stage of the training may follow another.
    """

    def __init__(self, whole: keras.Model, patience: int | None, fall: Fall | None = None) -> None:
        super().__init__()
        self.whole, self._patience, self.fall = whole, patience, fall
        self.loss, self.mark, self.waited, self.steady = float("inf"), float("inf"), 0, 0
        self.weights: list[NDArray[Any]] | None = None

    def is_over(self, epochs: int) -> bool:
        """Whether the stage ends after so many epochs of it, which are fewer than there may be."""
        if self.fall is not None:
            return self.fall.is_over(epochs, self.steady)
        return self._is_exhausted

    @property
    def _is_exhausted(self) -> bool:
        return self._patience is not None and self.waited >= self._patience

    def begin_stage(self) -> None:
        """Starts to wait anew."""
        self.mark, self.waited, self.steady = self.loss, 0, 0

    def resume(self, waiting: Waiting, weights: list[NDArray[Any]]) -> None:
        """Goes on from the best epoch of an earlier process."""
        self.loss, self.mark, self.waited = waiting.best_loss, waiting.mark, waiting.waited
        self.steady, self.weights = waiting.steady, weights

    @property
    def waiting(self) -> Waiting | None:
        """The best loss and the epochs since then; None before the first epoch."""
        if self.weights is None:
            return None
        return Waiting(best_loss=self.loss, mark=self.mark, waited=self.waited, steady=self.steady)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keeps the weights if they are the best; where the patience ends, the training does, or its full rate."""
        loss = float((logs or {})["val_loss"])
        if loss < self.loss:
            self.loss, self.weights = loss, self.whole.get_weights()
        if loss < self.mark if self.fall is None else is_progress(loss, self.mark):
            self.mark, self.waited = loss, 0
        else:
            self.waited += 1
        epochs = epoch + 1
        if self.fall is not None and not self.steady and (self._is_exhausted or self.fall.is_due(epochs)):
            self.steady = epochs
            self._put_back()
        if self.is_over(epochs):
            self.model.stop_training = True
        elif self.fall is not None and self.steady:
            self.model.optimizer.learning_rate = self.fall.rate_after(epochs, self.steady)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Puts the best weights back."""
        self._put_back()

    def _put_back(self) -> None:
        if self.weights is not None:
            self.whole.set_weights(self.weights)
