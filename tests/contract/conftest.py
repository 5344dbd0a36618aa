"""The session's build on digits, shared with tests/host (see tests/host/builds.py)."""

from __future__ import annotations

import builds
import pytest


@pytest.fixture(scope="session")
def digits() -> builds.Built:
    """tutorial-cnn on digits, three epochs, seed 1."""
    return builds.digits()
