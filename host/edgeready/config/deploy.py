"""What the user may choose of a deployment."""

from __future__ import annotations

from edgeready.errors import UsageError

VERSIONS_KEPT = 3  # chosen: the one in use, the one before, and the one before a mistake
MOST_VERSIONS_KEPT = 100  # chosen: 100 models of 10 MB are 1 GB of an SD card


def require_versions_kept(count: int) -> None:
    """Raises UsageError when a board cannot keep `count` versions."""
    if not 1 <= count <= MOST_VERSIONS_KEPT:
        raise UsageError(f"versions kept: {count}: keep 1 to {MOST_VERSIONS_KEPT}")
