"""What all tests share: steady hypothesis settings and the order of the files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tests draw no subnormal floats (`allow_subnormal=False`): tflite-runtime's arm64 wheel makes the process that loads
# it flush them to zero, and there hypothesis refuses to draw any.
# Emulated and loaded machines are slow at times: a deadline would fail on the machine, not on the code.
settings.register_profile("edgeready", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edgeready")


def pytest_configure(config: pytest.Config) -> None:
    """Lets pytest-xdist, where it is there, take the files in the order below."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that install come first, then those with TensorFlow: two workers, a file each, end at about one time."""
    ranks: dict[Path, int] = {}
    for item in items:
        rank = 0 if item.get_closest_marker("install") else 1 if item.get_closest_marker("tensorflow") else 2
        ranks[item.path] = min(rank, ranks.get(item.path, 2))
    items.sort(key=lambda item: ranks[item.path])
