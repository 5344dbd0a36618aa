"""The three parts of a data set, and how it is cut into them: stratified, seeded, no image in two of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeready.dataset.dataset import Dataset
from edgeready.errors import DatasetError, UsageError

# Chosen: a fifth for the test and a fifth of the rest for calibration, as is common; 500 images bound the time of a
# calibration.
TEST_FRACTION = 0.2
CALIBRATION_FRACTION = 0.2
CALIBRATION_LIMIT = 500
# Chosen: a fifth is held out to choose by, and no more than 5,000 images: the 95 % interval of an accuracy of 98 % is
# less than a point wide then.
HOLD_OUT_FRACTION = 0.2
HOLD_OUT_LIMIT = 5000
_MOST_SEED_BYTES = 64  # the limit of BLAKE2b on its key

Group = list[int]  # positions of identical images, which stay in one part


@dataclass(frozen=True, kw_only=True, eq=False)
class Splits:
    """Three data sets of the same classes and image shape that share no image, or four, with a validation.

    The validation judges a training while it goes on: the source's own, or one that was held out. `removed` is how
    many training and validation images were left out because the test set, or the validation, has them too. `notes`
    say what else was left out, and where the test is from. `is_drawn` says that it was held out of the training
    images.
    Raises DatasetError when the parts do not fit together or share an image.
    """

    train: Dataset
    calibration: Dataset
    test: Dataset
    validation: Dataset | None = None
    removed: int = 0
    notes: tuple[str, ...] = ()
    is_drawn: bool = False

    def __post_init__(self) -> None:
        if self.removed < 0:
            raise DatasetError(f"{self.removed} images removed: the count starts at 0")
        for other in list(self.parts().values())[1:]:
            check_alike(self.train, other)
        hashes = {part: set(data.hashes()) for part, data in self.parts().items()}
        for first, second in combinations(hashes, 2):
            shared = len(hashes[first] & hashes[second])
            if shared:
                raise DatasetError(
                    f"{shared} different images are in {first} and in {second}: "
                    "leave each in one of them (split() does that)"
                )

    def to_dict(self) -> dict[str, Any]:
        """What is in the three parts, as plain data."""
        return {
            "name": self.train.name,
            "classes": list(self.train.classes),
            "image": {"height": self.train.height, "width": self.train.width, "channels": self.train.channels},
            "train": self.train.class_counts(),
            "calibration": self.calibration.class_counts(),
            "test": self.test.class_counts(),
            **({} if self.validation is None else {"validation": self.validation.class_counts()}),
            "removed": self.removed,
            "notes": list(self.notes),
            "majority_baseline": self.test.majority_share(),
        }

    def parts(self) -> dict[str, Dataset]:
        """The data sets by name: train, calibration, test, and validation where there is one."""
        parts = {"train": self.train, "calibration": self.calibration, "test": self.test}
        return parts if self.validation is None else {**parts, "validation": self.validation}


def check_alike(train: Dataset, other: Dataset) -> None:
    """Raises DatasetError unless both have the same classes in the same order and the same image shape."""
    if train.classes != other.classes:
        raise DatasetError(
            f"classes differ: {', '.join(train.classes)} of {train.name!r} for training and "
            f"{', '.join(other.classes)} of {other.name!r} beside it: give both the same classes in the same order"
        )
    if train.images.shape[1:] != other.images.shape[1:]:
        raise DatasetError(
            f"image shapes differ: {train.images.shape[1:]} of {train.name!r} for training and "
            f"{other.images.shape[1:]} of {other.name!r} beside it: bring both to one shape"
        )


def split(
    train: Dataset,
    test: Dataset | None = None,
    *,
    validation: Dataset | None = None,
    seed: int = 0,
    test_fraction: float = TEST_FRACTION,
    calibration_count: int | None = None,
) -> Splits:
    """Training, calibration and test parts; the same seed gives the same parts on every machine.

    An official `test` stays as it is; training and validation images that are also in it are removed and counted, and
    training images that are in `validation`. Without a `test` the validation images are the test, so that no image is
    tested on that a model trained elsewhere has learned; without both, `test_fraction` of each class (at least one
    image) is held out of `train`. `calibration_count` images are taken
    from the rest: by default a fifth, at most 500, and at least one per class. Identical images stay together, so a
    part can be smaller. Every class keeps at least one image for training; a class with only one lends none to
    calibration. Train and test keep their order, calibration is shuffled.
    Raises DatasetError, naming class and count, when a class is too small, and UsageError for the numbers.
    """
    notes: tuple[str, ...] = ()
    if test is None and validation is not None:
        test, validation = validation, None
        notes = (f"{train.name} has no test images: the {len(test):,} for validation are the test",)
    removed, is_drawn = 0, test is None
    if test is None:
        rest, test = _split_test(train, seed, test_fraction)
    else:
        check_alike(train, test)
        rest, removed = _remove_images(train, test)
    if validation is not None:
        check_alike(train, validation)
        validation, copies = _remove_images(validation, test, every_class=False)
        rest, more = _remove_images(rest, validation)
        removed += copies + more
    training, calibration = _lend(rest, seed, calibration_count)
    return Splits(
        train=training,
        calibration=calibration,
        test=test,
        validation=validation,
        removed=removed,
        notes=notes,
        is_drawn=is_drawn,
    )


def hold_out(data: Dataset, seed: int, share: float = HOLD_OUT_FRACTION) -> tuple[Dataset, Dataset]:
    """Two parts of `data`: one for training, and one to choose by with a `share` of each class, at most 5,000 images.

    The seed draws them as in `split`. Raises DatasetError when no class has an image to spare.
    """
    count = max(min(HOLD_OUT_LIMIT, int(len(data) * share)), len(data.classes))
    return _lend(data, seed, min(count, max(len(data) - 1, 1)), purpose="validation")


def _split_test(data: Dataset, seed: int, fraction: float) -> tuple[Dataset, Dataset]:
    if not 0 < fraction < 1:
        raise UsageError(f"test_fraction is {fraction}: give a share between 0 and 1, such as {TEST_FRACTION}")
    test: list[int] = []
    for name, groups in zip(data.classes, _group_identical(data, seed, "test"), strict=True):
        if len(groups) < 2:
            raise DatasetError(
                f"class {name!r} of {data.name!r} has {len(groups)} different images, too few to split: "
                "it takes two, one for training and one for the test; add images or remove the class"
            )
        test += _pick(groups, max(1, round(sum(map(len, groups)) * fraction)))
    return data.take(_others(data, test)), data.take(sorted(test))


def _remove_images(data: Dataset, other: Dataset, *, every_class: bool = True) -> tuple[Dataset, int]:
    """The images of `data` that are not in `other`, and the number of those that are.

    Raises DatasetError where none is left, or of some class none where `every_class` needs one.
    """
    hashes = set(other.hashes())
    positions = [position for position, key in enumerate(data.hashes()) if key not in hashes]
    labels = data.labels[np.array(positions, dtype=np.int64)]
    left = np.bincount(labels, minlength=len(data.classes))
    for name, count in zip(data.classes, left, strict=True):
        if not count and every_class:
            raise DatasetError(
                f"class {name!r} of {data.name!r} has 0 images for training "
                f"({data.class_counts()[name]} before those of the test set were removed): add images of it"
            )
    if not positions:
        raise DatasetError(
            f"all {len(data)} images for validation of {data.name!r} are also in its test: remove them from one"
        )
    return data.take(positions), len(data) - len(positions)


def _lend(data: Dataset, seed: int, count: int | None, *, purpose: str = "calibration") -> tuple[Dataset, Dataset]:
    """Two parts of `data`: what stays for training, and `count` images for `purpose`."""
    if count is None:
        count = max(min(CALIBRATION_LIMIT, int(len(data) * CALIBRATION_FRACTION)), len(data.classes))
    elif not 0 < count < len(data):
        raise UsageError(f"calibration_count is {count}: give 1 to {len(data) - 1}, what training can lend")
    groups = _group_identical(data, seed, purpose)
    shares = _share_out([sum(map(len, group)) if len(group) > 1 else 0 for group in groups], count)
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


def _group_identical(data: Dataset, seed: int, purpose: str) -> list[list[Group]]:
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
    return hashlib.blake2b(key, key=f"{purpose} {seed}".encode()[:_MOST_SEED_BYTES], digest_size=16).digest()


def _pick(groups: list[Group], count: int) -> list[int]:
    """Positions of at most `count` images in whole groups.

    One group always stays; of two or more at least one is picked.
    """
    picked: list[int] = []
    spare = len(groups) - 1
    for group in groups:
        if spare > 0 and len(picked) + len(group) <= count:
            picked += group
            spare -= 1
    if not picked and count > 0 and spare > 0:
        picked = min(groups, key=len)
    return picked


def _share_out(sizes: list[int], total: int) -> list[int]:
    """The number of images that each class lends: in proportion to its size, and at least one when `total` allows."""
    size = np.array(sizes, dtype=np.int64)
    lenders = size > 0
    shares = np.where(lenders & (total >= lenders.sum()), 1, 0)
    goal = size * (total / max(int(size.sum()), 1))
    while shares.sum() < total and (shares < size).any():
        short = np.where(shares < size, goal - shares, -np.inf)
        shares[int(short.argmax())] += 1
    return [int(share) for share in shares]


def _others(data: Dataset, positions: list[int]) -> NDArray[np.int64]:
    """The positions in `data` that are not among `positions`, in order."""
    return np.setdiff1d(np.arange(len(data), dtype=np.int64), np.array(positions, dtype=np.int64))
