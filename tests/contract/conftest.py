"""The session's build on digits, shared with tests/host (see tests/host/builds.py)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "host"))

import builds


@pytest.fixture(scope="session")
def digits() -> builds.Built:
    """tutorial-cnn on digits, three epochs, seed 1."""
    return builds.digits()
