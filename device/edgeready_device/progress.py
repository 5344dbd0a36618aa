"""How long work tells its caller where it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called again and again with what is counted or done, how much of it is done, and how much there is in all."""

    def __call__(self, label: str, done: int, total: int, /) -> None:
        """Takes note; a `total` of 0 means that nobody knows how much there is."""


def no_progress(label: str, done: int, total: int, /) -> None:
    """A Progress that does nothing."""


def relabel(progress: Progress, label: str) -> Progress:
    """A Progress that reports to `progress` under `label`, whatever it is called with."""
    return lambda _, done, total: progress(label, done, total)
