"""The callback through which long work reports its progress."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A callback of long work: called with what is counted, how much of it is done, and how much there is in all."""

    def __call__(self, label: str, done: int, total: int, /) -> None:
        """Takes note of `done` of `total`; a `total` of 0 means that it is not known."""


def no_progress(label: str, done: int, total: int, /) -> None:
    """A Progress that does nothing."""


def relabel(progress: Progress, label: str) -> Progress:
    """A Progress that reports to `progress` under `label`, whatever it is called with."""
    return lambda _, done, total: progress(label, done, total)
