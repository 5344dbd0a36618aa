"""Times and sizes in the unit that fits."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Seconds with three significant digits in the unit that fits."""
    if seconds < 1e-4:
        return f"{seconds * 1e6:.3g} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds:.3g} s"


def megabytes(size_bytes: int) -> str:
    """Bytes with one decimal in MB, 1,000,000 bytes each."""
    return f"{size_bytes / 1e6:,.1f} MB"
