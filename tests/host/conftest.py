"""Fixtures of the host's tests: builds that are made once a session (see builds.py)."""

from __future__ import annotations

import sys
from pathlib import Path

import builds
import pytest

from edgeready.cli import app as cli


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


@pytest.fixture
def run_here(monkeypatch, capsys, tmp_path):
    """Runs the command in this process, in an empty folder: its exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str | Path):
        monkeypatch.setattr(sys, "argv", ["edgeready", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        written = capsys.readouterr()
        return ended.value.code or 0, written.out, written.err

    return command
