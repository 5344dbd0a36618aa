"""The three parts of a data set: for training, for calibration, and for the test."""

from __future__ import annotations

from dataclasses import dataclass

from edgeready.dataset.dataset import Dataset
from edgeready.errors import DatasetError


@dataclass(frozen=True, eq=False)
class Splits:
    """Three data sets of the same classes and image shape that share no image; checked when made.

    `removed` is how many training images were left out because the test set has them too.
    Raises DatasetError where the parts do not fit together or share an image.
    """

    train: Dataset
    calibration: Dataset
    test: Dataset
    removed: int = 0

    def __post_init__(self) -> None:
        if self.removed < 0:
            raise DatasetError(f"{self.removed} images removed: the count starts at 0")
        for other in (self.calibration, self.test):
            check_alike(self.train, other)
        hashes = {part: set(data.hashes()) for part, data in self.parts().items()}
        for one, two in (("train", "calibration"), ("train", "test"), ("calibration", "test")):
            shared = len(hashes[one] & hashes[two])
            if shared:
                raise DatasetError(
                    f"{shared} different images are in {one} and in {two}: "
                    "leave each in one of them (split() does that)"
                )

    def parts(self) -> dict[str, Dataset]:
        """The three data sets by name: train, calibration, test."""
        return {"train": self.train, "calibration": self.calibration, "test": self.test}


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
