"""A share with its interval, as plain data."""

from __future__ import annotations

from typing import Any

from edgeready_device.statistics import Proportion


def proportion_json(share: Proportion) -> dict[str, Any]:
    """A proportion and its 95 % interval, from 0 to 1."""
    return {
        "value": share.value,
        "interval95": list(share.interval),
        "hits": share.hits,
        "count": share.count,
    }
