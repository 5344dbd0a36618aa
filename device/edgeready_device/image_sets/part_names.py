"""Which part of a data set a name stands for: train, Training, seg_test, x_val, ..."""

from __future__ import annotations

import re

TRAIN = "train"
VALIDATION = "validation"
TEST = "test"
PARTS = (TRAIN, VALIDATION, TEST)
# A word ends where a number or a capital letter begins: train2017, trainLabels.
_WORD = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+")
_FILLERS = {"set", "data", "dataset", "images", "image", "img", "imgs", "pictures", "photos"}
_WORDS = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "test": TEST,
    "testing": TEST,
}


def part_of(name: str) -> str | None:
    """The part (TRAIN, VALIDATION, TEST) that `name` stands for; None where no word of it is one, or several are."""
    parts = [_WORDS[word] for word in _words(name) if word in _WORDS]
    return parts[0] if len(parts) == 1 else None


def bare_part_of(name: str) -> str | None:
    """The part that `name` stands for where it says nothing else: train, test1, train_images; None for test_tube."""
    return part_of(name) if all(word.isdigit() or word in _FILLERS for word in stem_of(name)) else None


def stem_of(name: str) -> tuple[str, ...]:
    """The words of `name` that name no part: ("seg",) of seg_train."""
    return tuple(word for word in _words(name) if word not in _WORDS)


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]
