"""Images held out of the training: by class from the seed, in no other part, refused where none can be spared."""

from __future__ import annotations

import numpy as np
import pytest

from edgeready.dataset import Dataset, Splits, hold_out, load_splits
from edgeready.dataset.splits import HOLD_OUT_LIMIT
from edgeready.errors import DatasetError


def noise(count, classes=2, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (count, 4, 4), dtype=np.uint8)
    return Dataset(
        name="noise",
        images=images,
        labels=np.arange(count, dtype=np.int64) % classes,
        classes=tuple("abcdefgh"[:classes]),
    )


@pytest.mark.digits
def test_a_fifth_of_each_class_is_held_out_and_no_image_is_in_two_parts():
    splits = load_splits("digits", seed=1)
    rest, held = hold_out(splits.train, 1)
    assert len(held) == len(splits.train) // 5
    assert len(rest) + len(held) == len(splits.train)
    assert min(held.class_counts().values()) >= 20
    Splits(train=rest, calibration=held, test=splits.test)  # checks that they share no image
    assert not set(held.hashes()) & set(splits.calibration.hashes())


def test_the_seed_alone_decides():
    data = noise(100)
    assert hold_out(data, 1)[1].hashes() == hold_out(data, 1)[1].hashes()
    assert hold_out(data, 1)[1].hashes() != hold_out(data, 2)[1].hashes()


def test_no_more_than_the_limit_is_held_out():
    assert len(hold_out(noise(5 * HOLD_OUT_LIMIT + 500), 1)[1]) == HOLD_OUT_LIMIT


def test_a_set_with_one_image_a_class_can_spare_none():
    with pytest.raises(DatasetError, match="none is left for validation: add images"):
        hold_out(noise(2), 1)
