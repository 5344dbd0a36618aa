"""What all tests share: steady hypothesis settings and the order of the files."""

from __future__ import annotations

import os
import signal
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tests draw no subnormal floats (`allow_subnormal=False`): tflite-runtime's arm64 wheel makes the process that loads
# it flush them to zero, and there hypothesis refuses to draw any.
# Emulated and loaded machines are slow at times: a deadline would fail on the machine, not on the code.
settings.register_profile("edgeready", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edgeready")
RUN_FOLDER = "EDGEREADY_TESTS_FOLDER"  # a variable of the environment, which run_cache.py reads
MISSING = [name for name in ("tensorflow", "sklearn") if find_spec(name) is None]  # of the extra `build`


def pytest_configure(config: pytest.Config) -> None:
    """Makes the folder that the run's processes share, and lets pytest-xdist take the files in the order below.

    A cache folder is in it, so that a model runs in a child process once in all tests, and no user's is used. SIGINT
    and SIGHUP are as in a terminal: a job in a shell's background starts with the one ignored, a job of nohup with
    the other, and so would every command in a test.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if RUN_FOLDER not in os.environ:  # a worker has it from the process that started it
        folder = tempfile.TemporaryDirectory(prefix="edgeready-tests-")
        os.environ[RUN_FOLDER] = folder.name
        config.add_cleanup(folder.cleanup)
        users = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
        os.environ["XDG_CACHE_HOME"] = str(_cache_beside(users, folder.name))
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def _cache_beside(users: Path, folder: str) -> Path:
    """A cache folder with links to what others have in the user's: pip and matplotlib keep theirs."""
    cache, users = Path(folder, "cache"), users.expanduser()
    cache.mkdir()
    for entry in users.iterdir() if users.is_dir() else ():
        if entry.name != "edgeready":
            (cache / entry.name).symlink_to(entry)
    return cache


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what takes long, and what needs an extra that is not installed; files with the longest tests come first.

    Those install packages, or use TensorFlow: so two workers, a file each, end at about one time.
    """
    for item in items:
        if item.get_closest_marker("long") and "EDGEREADY_LONG" not in os.environ:
            item.add_marker(pytest.mark.skip(reason="takes long: set EDGEREADY_LONG=1"))
        if (item.get_closest_marker("tensorflow") or item.get_closest_marker("digits")) and MISSING:
            item.add_marker(
                pytest.mark.skip(reason=f"the extra `build` is not installed: no {' and no '.join(MISSING)}")
            )
    ranks: dict[Path, int] = {}
    for item in items:
        rank = 0 if item.get_closest_marker("install") else 1 if item.get_closest_marker("tensorflow") else 2
        ranks[item.path] = min(rank, ranks.get(item.path, 2))
    items.sort(key=lambda item: ranks[item.path])
