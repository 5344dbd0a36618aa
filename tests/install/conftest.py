"""A copy of the project to install from, and a wheel of the device package."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import run_cache
from fresh import call

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def source() -> Path:
    """A copy of the repository: building in place would leave its marks there. Skips where no index answers."""
    folder, reason = run_cache.once("source", copy_source)
    if reason:
        pytest.skip(f"pip cannot reach an index here: {reason}")
    return folder


@pytest.fixture(scope="session")
def device_wheel(source: Path) -> Path:
    """The wheel of the device package."""

    def build(folder: Path) -> Path:
        done = call(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, source / "device")
        assert done.returncode == 0, done.stderr
        (path,) = folder.glob("*.whl")
        return path

    return run_cache.once("device-wheel", build)


def copy_source(folder: Path) -> tuple[Path, list[str]]:
    """The folder with the copy, and what pip says where it reaches no index."""
    asked = call(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder / "asked", "flatbuffers")
    if asked.returncode:
        return folder, asked.stderr.strip().splitlines()[-1:] or ["it says nothing"]
    rubbish = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    for name in ("host", "device"):
        shutil.copytree(ROOT / name, folder / name, ignore=rubbish)
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    return folder, []
