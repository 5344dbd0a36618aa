"""Transfer learning on several devices, which share the passes through the backbone and the fine-tuning.

The head is trained on one device of each machine: its step takes less time than adding gradients up over several. All
machines have the same features, and go on from the chief's head.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeready.config.build import TrainConfig
from edgeready.files.stored_images import Images
from edgeready.jobs.training import Epoch, TrainingFiles
from edgeready.tf.callbacks import BestWeights
from edgeready.tf.distributed import check_batch, fit_copies
from edgeready.tf.models import NamedModel
from edgeready.tf.train import Labelled, finite_epochs, observe, seed_everything
from edgeready.tf.transfer import (
    BATCH,
    FINE_TUNING,
    HEAD,
    MakeBatch,
    backbone_of,
    fit_head,
    forward_of,
    frames_of,
    prepare_fine_tuning,
)
from edgeready_device.progress import Progress, no_progress


def train_head(
    named: NamedModel,
    images: Images,
    labels: NDArray[np.int64],
    config: TrainConfig,
    progress: Progress = no_progress,
    *,
    strategy: tf.distribute.Strategy,
    make: Callable[[], NamedModel],
    validation: Labelled | None = None,
    files: TrainingFiles | None = None,
) -> tuple[Epoch, ...]:
    """Fits `named` as `tf.transfer.train_head` does, with the devices of `strategy`; `make` makes the network again.

    On one machine the head is, to the bit, that of one device where all devices compute alike.

    Returns the epochs; raises TrainingError when the loss diverges, and UsageError where the fine-tuning has batches
    smaller than the number of devices.
    """
    if config.fine_tune:
        check_batch(config.batch_size, strategy.num_replicas_in_sync)
    seed_everything(config.seed)
    with strategy.scope():
        copies = make()
        copies.model.set_weights(named.model.get_weights())
    steps, training = -(-len(images) // config.batch_size), (images, labels)
    observers = observe(
        named.model,
        config,
        steps,
        progress=progress,
        files=files or TrainingFiles(),
        is_judged=validation is not None,
    )
    if not observers.checkpoints.is_past(HEAD):
        runner = SharedRunner(strategy, copies)
        fit_head(named, training, config, observers, validation=validation, runner=runner, progress=progress)
        take_from_chief(strategy, named, observers.best)
    if config.fine_tune:
        copies.model.set_weights(named.model.get_weights())
        if observers.best is not None:
            observers.best.whole = copies.model
        with strategy.scope():
            prepare_fine_tuning(copies, config, steps, observers)
            copies.model.optimizer.build(copies.model.trainable_variables)
        epochs = range(observers.checkpoints.begin(copies.model, FINE_TUNING, config.fine_tune), config.fine_tune)
        fit_copies(strategy, copies, training, config, epochs, validation=validation, callbacks=observers.callbacks)
        named.model.set_weights(copies.model.get_weights())
    return finite_epochs(observers.watcher)


class SharedRunner:
    """Runs a backbone on the devices of `strategy`, for which `copies` was made: each has a batch at a time.

    The batches are those of one device, so that the features are, too. Every machine gets all of them.
    """

    def __init__(self, strategy: tf.distribute.Strategy, copies: NamedModel) -> None:
        self.count: int = strategy.num_replicas_in_sync
        self.width: int = backbone_of(copies).outputs[0].shape[-1]
        self._local = local_replicas(strategy)
        forward = forward_of(copies)

        def share(*batches: tf.Tensor) -> tf.Tensor:
            number = replica_number()
            features = forward(batches[self._local.index(number)])
            beyond = BATCH - tf.shape(features)[0]
            return tf.pad(features[tf.newaxis], [[number, self.count - 1 - number], [0, beyond], [0, 0]])

        # The signature leaves the size of a batch open: else one machine would trace it anew and others would not.
        @tf.function(input_signature=[frames_of(copies)] * len(self._local))  # type: ignore[untyped-decorator]
        def run(*batches: tf.Tensor) -> tf.Tensor:
            # To zeros from all others each device adds what it has, so the sum is exact.
            return strategy.reduce("SUM", strategy.run(share, args=batches), axis=None)

        self._run = run

    def run(self, make_batch: MakeBatch) -> NDArray[np.float32]:
        """Returns the features (count, BATCH, width) of the batches that `make_batch` makes of 0 to count - 1."""
        return np.asarray(self._run(*map(make_batch, self._local)))


def replica_number() -> int:
    """Returns the number of the device for which `strategy.run` runs a function, counted over all machines."""
    return int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))


def local_replicas(strategy: tf.distribute.Strategy) -> list[int]:
    """Returns the numbers of the devices of this machine."""
    numbers: list[int] = []
    strategy.run(lambda: numbers.append(replica_number()))
    return sorted(numbers)


def take_from_chief(strategy: tf.distribute.Strategy, named: NamedModel, best: BestWeights | None) -> None:
    """Gives `named` and `best` the weights and the loss that they have on the chief.

    Machines that compute alike have them already; on others a head is another one in its last digits.
    """
    loss = np.float64(0.0 if best is None else best.loss)

    @tf.function  # type: ignore[untyped-decorator]
    def add(*values: tf.Tensor) -> list[tf.Tensor]:
        def share(*values: tf.Tensor) -> list[tf.Tensor]:
            return [value if replica_number() == 0 else tf.zeros_like(value) for value in values]

        shares = strategy.run(share, args=values)
        return [strategy.reduce("SUM", value, axis=None) for value in shares]

    *weights, chief_loss = [value.numpy() for value in add(*map(tf.constant, (*named.model.get_weights(), loss)))]
    named.model.set_weights(weights)
    if best is not None and best.weights is not None:
        best.loss, best.weights = float(chief_loss), weights
