"""Cuts a data set into training, calibration and test parts: stratified, seeded, no image in two of them."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from edgeready.dataset.dataset import Dataset
from edgeready.dataset.splits import Splits, check_alike
from edgeready.errors import DatasetError, UsageError

TEST_FRACTION = 0.2
CALIBRATION_FRACTION = 0.2
CALIBRATION_LIMIT = 500
HELD_FRACTION = 0.2
HELD_LIMIT = 5000

# Positions of identical images: what goes into one part together.
Group = list[int]


def split(
    train: Dataset,
    test: Dataset | None = None,
    *,
    seed: int = 0,
    test_fraction: float = TEST_FRACTION,
    calibration_count: int | None = None,
) -> Splits:
    """Training, calibration and test parts; the same seed gives the same parts on every machine.

    An official `test` stays as it is, and training images that it has too are removed and counted. Without
    one, `test_fraction` of each class (at least one image) is held out of `train`. `calibration_count` images
    come out of what is left: by default a fifth, at most 500, and at least one per class. Identical images
    stay together, so a part can come out smaller. Every class keeps at least one image for training; one that
    has just that lends none to calibration. Train and test keep their order, calibration is shuffled.
    Raises DatasetError, naming class and count, where a class is too small, and UsageError for the numbers.
    """
    removed = 0
    if test is None:
        rest, test = _hold_out(train, seed, test_fraction)
    else:
        check_alike(train, test)
        rest, removed = _without(train, test)
    training, calibration = _lend(rest, seed, calibration_count)
    return Splits(training, calibration, test, removed)


def hold_out(data: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    """What of `data` stays for training, and what is held out to choose by: a fifth of each class, at most 5,000.

    Drawn from the seed, as `split` draws. Raises DatasetError where no class has an image to spare.
    """
    count = max(min(HELD_LIMIT, int(len(data) * HELD_FRACTION)), len(data.classes))
    return _lend(data, seed, min(count, max(len(data) - 1, 1)), "validation")


def _hold_out(data: Dataset, seed: int, fraction: float) -> tuple[Dataset, Dataset]:
    if not 0 < fraction < 1:
        raise UsageError(f"test_fraction is {fraction}: give a share between 0 and 1, such as {TEST_FRACTION}")
    held: list[int] = []
    for name, groups in zip(data.classes, _groups(data, seed, "test"), strict=True):
        if len(groups) < 2:
            raise DatasetError(
                f"class {name!r} of {data.name!r} has {len(groups)} different images, too few to split: "
                "it takes two, one for training and one for the test; add images or remove the class"
            )
        held += _pick(groups, max(1, round(sum(map(len, groups)) * fraction)))
    return data.take(_others(data, held)), data.take(sorted(held))


def _without(train: Dataset, test: Dataset) -> tuple[Dataset, int]:
    """The training images that are not in the test set, and how many were."""
    tested = set(test.hashes())
    kept = [position for position, key in enumerate(train.hashes()) if key not in tested]
    removed = len(train) - len(kept)
    left = np.bincount(train.labels[kept], minlength=len(train.classes)) if kept else np.zeros(len(train.classes))
    for name, count in zip(train.classes, left, strict=True):
        if not count:
            raise DatasetError(
                f"class {name!r} of {train.name!r} has 0 images for training "
                f"({train.class_counts()[name]} before those of the test set were removed): add images of it"
            )
    return train.take(kept), removed


def _lend(data: Dataset, seed: int, count: int | None, purpose: str = "calibration") -> tuple[Dataset, Dataset]:
    """What stays for training, and the images taken from it for `purpose`."""
    if count is None:
        count = max(min(CALIBRATION_LIMIT, int(len(data) * CALIBRATION_FRACTION)), len(data.classes))
    elif not 0 < count < len(data):
        raise UsageError(f"calibration_count is {count}: give 1 to {len(data) - 1}, what training can lend")
    groups = _groups(data, seed, purpose)
    shares = _shares([sum(map(len, group)) if len(group) > 1 else 0 for group in groups], count)
    lent = [position for group, share in zip(groups, shares, strict=True) for position in _pick(group, share)]
    if not lent:
        raise DatasetError(
            f"{data.name!r} has {len(data)} images for training, at most one different one per class, "
            f"so none is left for {purpose}: add images"
        )
    rest = data.take(_others(data, lent))
    for name, left in rest.class_counts().items():
        if not left:
            raise DatasetError(
                f"class {name!r} of {data.name!r} has 0 images of its own for training (the rest are also in "
                "other classes): add images of it"
            )
    keys = data.hashes()
    return rest, data.take(sorted(lent, key=lambda position: _rank(keys[position], seed, "order")))


def _groups(data: Dataset, seed: int, purpose: str) -> list[list[Group]]:
    """Per class the groups of identical images, in an order drawn from the seed and the pixels alone."""
    positions: dict[bytes, Group] = {}
    for position, key in enumerate(data.hashes()):
        positions.setdefault(key, []).append(position)
    by_class: list[list[Group]] = [[] for _ in data.classes]
    # The order does not come from numpy's generator, whose streams may change between versions, nor from
    # the order of the files: an image that is added later moves few others to another part.
    for key in sorted(positions, key=lambda key: _rank(key, seed, purpose)):
        by_class[int(data.labels[positions[key][0]])].append(positions[key])
    return by_class


def _rank(key: bytes, seed: int, purpose: str) -> bytes:
    return hashlib.blake2b(key, key=f"{purpose} {seed}".encode()[:64], digest_size=16).digest()


def _pick(groups: list[Group], wanted: int) -> list[int]:
    """Positions of at most `wanted` images in whole groups, leaving one group; at least a group, if there are two."""
    picked: list[int] = []
    spare = len(groups) - 1
    for group in groups:
        if spare > 0 and len(picked) + len(group) <= wanted:
            picked += group
            spare -= 1
    if not picked and wanted > 0 and spare > 0:
        picked = min(groups, key=len)
    return picked


def _shares(sizes: list[int], total: int) -> list[int]:
    """How many images each class lends: in proportion to its size, one from each where `total` allows."""
    size = np.array(sizes, dtype=np.int64)
    lenders = size > 0
    given = np.where(lenders & (total >= lenders.sum()), 1, 0)
    goal = size * (total / max(int(size.sum()), 1))
    while given.sum() < total and (given < size).any():
        short = np.where(given < size, goal - given, -np.inf)
        given[int(short.argmax())] += 1
    return [int(share) for share in given]


def _others(data: Dataset, taken: list[int]) -> NDArray[np.int64]:
    """The positions that were not taken, in order."""
    return np.setdiff1d(np.arange(len(data), dtype=np.int64), np.array(taken, dtype=np.int64))
