"""The Edge TPU that a model is checked or compiled for: the version of the runtime on the device."""

from __future__ import annotations

from edgeready.errors import UsageError

OLDEST_RUNTIME, NEWEST_RUNTIME = 10, 14  # of compiler 1.0, and of 16.0, the last one, which stamps its files so


def check_runtime(runtime: int) -> None:
    """Raises UsageError unless `runtime` is a version of the Edge TPU runtime that a compiler writes files for."""
    if not OLDEST_RUNTIME <= runtime <= NEWEST_RUNTIME:
        raise UsageError(f"the Edge TPU runtime is {runtime}: use {OLDEST_RUNTIME} to {NEWEST_RUNTIME}")
