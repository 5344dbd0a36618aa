"""Keeps the state of a training while it goes on, and puts it back where another process goes on with it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from edgeready.errors import CheckpointError
from edgeready.jobs.checkpoint import ENDED, CheckpointHeader, TrainingState, read_state, write_state
from edgeready.jobs.training import CheckpointPlan, Epoch
from edgeready.tf.callbacks import BestWeights, Watcher

# Of a write; a slower one comes as much more seldom. Chosen: a twentieth of the training's time at most.
_USUAL_S = 0.5


class Checkpoints(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes the state of a training as its epochs end; it comes behind `watcher` and `best` among the callbacks.

    A training has stages, each a fit of its own. Raises CheckpointError where the state to go on from is unusable.
    """

    def __init__(self, plan: CheckpointPlan, watcher: Watcher, best: BestWeights | None) -> None:
        super().__init__()
        self._plan, self._watcher, self._best = plan, watcher, best
        self._stage, self._before = "", 0
        self._state = read_state(Path(plan.path)) if plan.resume else None
        self._due = time.monotonic() + plan.interval_s

    def is_past(self, stage: str) -> bool:
        """Whether the training goes on in a later stage than `stage`, the first one."""
        return self._state is not None and self._state.header.stage != stage

    def begin(self, model: keras.Model, stage: str, epochs: int) -> int:
        """Begins `stage`, the fit of the compiled `model`; returns how many of its `epochs` are over already.

        That is all of them where the stage has ended before.
        """
        self._stage, self._before = stage, len(self._watcher.epochs)
        if self._best is not None:
            self._best.begin_stage()
        state, self._state = self._state, None
        if state is None:
            return 0
        header = state.header
        put_values(model.variables, state.model, self._plan)
        model.optimizer.build(model.trainable_variables)
        put_values(model.optimizer.variables, state.optimizer, self._plan)
        self._before, self._watcher.epochs = header.before, list(header.epochs)
        if self._best is not None and header.waiting is not None:
            self._best.resume(header.waiting, [np.asarray(values) for values in state.best])
        done = len(header.epochs) - header.before
        is_over = self._best is not None and self._best.is_over(done)
        return epochs if is_over else done

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Writes the state, where it is time to; one whose loss is no number is not worth it."""
        epochs, best = self._watcher.epochs, self._best
        started = time.monotonic()
        is_early = started < self._due
        if not self._plan.path or is_early or not np.isfinite(epochs[-1].loss):
            return
        header = CheckpointHeader(
            identity=self._plan.identity,
            stage=self._stage,
            before=self._before,
            epochs=tuple(epochs),
            waiting=None if best is None else best.waiting,
        )
        state = TrainingState(
            header=header,
            model=_values(self.model.variables),
            optimizer=_values(self.model.optimizer.variables),
            best=() if best is None or best.weights is None else tuple(best.weights),
        )
        write_state(Path(self._plan.path), state)
        ended = time.monotonic()
        self._due = ended + self._plan.interval_s * max(1.0, (ended - started) / _USUAL_S)


def write_ended(plan: CheckpointPlan, model: keras.Model, epochs: tuple[Epoch, ...]) -> None:
    """Writes the state of a training that is over: what is left is the conversion of `model`."""
    header = CheckpointHeader(identity=plan.identity, stage=ENDED, epochs=epochs)
    write_state(Path(plan.path), TrainingState(header=header, model=_values(model.variables)))


def read_ended(plan: CheckpointPlan, model: keras.Model) -> tuple[Epoch, ...] | None:
    """Returns the epochs of a training that is over, whose weights go into `model`; None where it is to go on."""
    state = read_state(Path(plan.path)) if plan.resume else None
    if state is None or state.header.stage != ENDED:
        return None
    put_values(model.variables, state.model, plan)
    return state.header.epochs


def remove(plan: CheckpointPlan) -> None:
    """Removes the state that `plan` keeps, if there is one."""
    if plan.path:
        Path(plan.path).unlink(missing_ok=True)


def put_values(variables: Sequence[Any], values: Sequence[NDArray[Any]], plan: CheckpointPlan) -> None:
    """Gives `variables` their `values`; raises CheckpointError where they do not belong together."""
    if [tuple(variable.shape) for variable in variables] != [array.shape for array in values]:
        raise CheckpointError(
            f"{plan.path} is of another network: leave --resume out to train from the beginning, or take the code "
            "back that it was started with"
        )
    for variable, array in zip(variables, values, strict=True):
        variable.assign(array)


def _values(variables: Sequence[Any]) -> tuple[NDArray[Any], ...]:
    return tuple(np.asarray(variable.numpy()) for variable in variables)
