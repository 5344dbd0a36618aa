"""Programs that are run apart from this environment and its variables."""

from __future__ import annotations

import os
import subprocess

OURS = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")


def call(*command: object, **kwargs) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in OURS}
    parts = [str(part) for part in command]
    return subprocess.run(parts, capture_output=True, text=True, check=False, env=environment, **kwargs)
