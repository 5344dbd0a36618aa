"""The rules that every training keeps, the first one of a network as well as the quantization-aware one."""

from __future__ import annotations

from edgeready.config.augmentation import AUGMENTATIONS
from edgeready.errors import UsageError

MOST_SEED = 2**32 - 1  # numpy's and Keras' own limit
# Without --epochs. Measured with 400 images of CIFAR-10 as the validation, at the full rate: their loss jumps by a
# quarter from epoch to epoch; eight epochs without a lower one came after the fifth already, nine after the 27th.
# Chosen: a hundred epochs are more than the networks here took; without any validation the images are few, and their
# epochs short.
PATIENCE, MOST_EPOCHS, EPOCHS_WITHOUT_VALIDATION = 9, 100, 20
# At the full rate, for each of those over which it falls to 0. Measured there: 36 and 12 epochs end at 70.2 % of the
# 5,000 test images, 34 and 12 at 70.0 %, 24 and 12 at 69.7 %.
STEADY_EPOCHS = 3
VALIDATION = 0.1  # share of the training images; chosen: what --patience takes where none is given
MOST_VALIDATION = 0.5  # chosen: with more the network would rather be trained on the part that judges it
_DECAY_LIMIT = 1.0  # chosen: twenty times what suits a small network, and a step would take its rate of every weight
_RATE_LIMIT = 10.0  # chosen: Adam moves a weight by about the rate in a step, and no weight is as large


def fall_length(steady: int) -> int:
    """Returns over how many epochs the rate falls to 0, where it has stayed for `steady` epochs before."""
    return -(-steady // STEADY_EPOCHS)


def steady_length(epochs: int) -> int:
    """Returns how many of the `epochs` of a whole training were at the full rate, before it fell to 0."""
    return epochs * STEADY_EPOCHS // (STEADY_EPOCHS + 1)


def check_validation(validation: float | None, patience: int | None) -> None:
    """Raises UsageError for a share or a number of epochs that cannot be meant."""
    if validation is not None and not 0 < validation <= MOST_VALIDATION:
        raise UsageError(
            f"--validation is {validation:g}: give a share of the training images above 0 and up to "
            f"{MOST_VALIDATION:g}, such as {VALIDATION:g}"
        )
    if patience is not None and patience < 1:
        raise UsageError(f"--patience is {patience}: wait for at least 1 epoch")


def check_fine_tuning(epochs: int | None) -> None:
    """Raises UsageError for a number of epochs that cannot be meant."""
    if epochs is not None and epochs < 1:
        raise UsageError(f"--fine-tune is {epochs}: give at least 1 epoch")


def check_weight_decay(weight_decay: float | None) -> None:
    """Raises UsageError for a decay that cannot train: a step takes `weight_decay` times the rate of each weight."""
    if weight_decay is not None and not 0 < weight_decay < _DECAY_LIMIT:
        raise UsageError(
            f"--weight-decay is {weight_decay:g}: give a number above 0 and below {_DECAY_LIMIT:g}, such as 0.05"
        )


def check_training(
    *, epochs: int | None, batch_size: int, learning_rate: float, seed: int, augment: str | None
) -> None:
    """Raises UsageError for values that cannot train; None for `augment` or `epochs` means not chosen yet."""
    if augment is not None and augment not in AUGMENTATIONS:
        raise UsageError(f"the augmentation is {augment!r}: use {', '.join(AUGMENTATIONS)}")
    if epochs is not None and epochs < 1:
        raise UsageError(f"epochs is {epochs}: train for at least 1")
    if batch_size < 1:
        raise UsageError(f"the batch size is {batch_size}: use at least 1")
    if not 0 < learning_rate < _RATE_LIMIT:
        raise UsageError(
            f"the learning rate is {learning_rate}: use a number above 0 and below {_RATE_LIMIT:g}, such as 0.001"
        )
    check_seed(seed)


def check_seed(seed: int) -> None:
    """Raises UsageError for a seed that numpy or Keras does not take."""
    if not 0 <= seed <= MOST_SEED:
        raise UsageError(f"the seed is {seed}: use a number from 0 to {MOST_SEED}")
