"""Which label a name stands for: that of the same letters, whatever their case and the spaces between them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence


def match_labels(names: Sequence[str], labels: Sequence[str]) -> tuple[int | None, ...]:
    """The index in `labels` of each of `names`, None where there is none.

    An equal label counts, else the only one that differs in case, spaces, hyphens, underscores or the form of its
    letters alone, as "Big Dog" and "big_dog". A label that several names could mean belongs to none of them.
    """
    exact = {label: index for index, label in reversed(list(enumerate(labels)))}
    places = [exact.get(name) for name in names]
    left = [index for index in range(len(labels)) if index not in places]
    loose = [_fold(name) for name, place in zip(names, places) if place is None]
    for position, name in enumerate(names):
        if places[position] is None:
            alike = [index for index in left if _fold(labels[index]) == _fold(name)]
            if len(alike) == 1 and loose.count(_fold(name)) == 1:
                places[position] = alike[0]
    return tuple(places)


def _fold(name: str) -> str:
    """The letters of `name` that tell classes apart; a Mac writes those of folders in another form than editors."""
    letters = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\s_-]+", "", letters) or letters
