"""Labels in the names of files, as in cat.0.jpg and dog.0.jpg."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

# A number before the point is a date, a count or a camera's, and no label.
_LABEL = re.compile(r"([^\W\d_][^\d.]*)\.")
_LEAST = 2  # images of each label: names that differ in every file are no labels


def labels_in_names(files: Iterable[Path], least: int = _LEAST) -> dict[Path, str] | None:
    """The label of each image, its name up to the first of at least two points; None where they have none.

    Each label is that of `least` images or more.
    """
    labels: dict[Path, str] = {}
    for file in files:
        match = _LABEL.match(file.stem)
        if match is None:
            return None
        labels[file] = match[1]
    return labels if labels and min(Counter(labels.values()).values()) >= least else None
