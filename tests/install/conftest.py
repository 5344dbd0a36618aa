"""A copy of the project to install from."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from fresh import call

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository: building in place would leave its marks there. Skips where no index answers."""
    folder = tmp_path_factory.mktemp("source")
    asked = call(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder / "asked", "flatbuffers")
    if asked.returncode:
        pytest.skip(f"pip cannot reach an index here: {asked.stderr.strip().splitlines()[-1:]}")
    rubbish = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    for name in ("host", "device"):
        shutil.copytree(ROOT / name, folder / name, ignore=rubbish)
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    return folder
