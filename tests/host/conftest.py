"""Fixtures of the host's tests: builds that are made once a session (see builds.py)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import builds


@pytest.fixture(scope="session")
def digits() -> builds.Built:
    """tutorial-cnn on digits, three epochs, seed 1."""
    return builds.digits()


@pytest.fixture(scope="session")
def cases() -> dict:
    """The answers of tf_cases.py by the case's name."""
    return builds.tensorflow_cases()[1]


@pytest.fixture(scope="session")
def case_files() -> Path:
    """The folder with the files that tf_cases.py made."""
    return builds.tensorflow_cases()[0]
