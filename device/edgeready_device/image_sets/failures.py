"""What is said of images that cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgeready_device.errors import ImageError

_MOST_NAMED = 100  # damaged files in a message; chosen: a screen full, and few sets have more


def failure_text(failures: Mapping[Path, ImageError], count: int, *, remedy: bool = True) -> str:
    """Returns a sentence that names the images that cannot be read, of `count` in all, and what to do about them."""
    if len(failures) == 1 and remedy:
        return f"{next(iter(failures.values()))}; --skip-damaged goes on without it"
    reasons = [str(error) for error in list(failures.values())[:_MOST_NAMED]]
    more = f"; and {len(failures) - _MOST_NAMED:,} more" if len(failures) > _MOST_NAMED else ""
    advice = "; --skip-damaged goes on without them" if remedy else ""
    return f"{len(failures):,} of {count:,} images cannot be used: {'; '.join(reasons)}{more}{advice}"
