"""Programs that are run apart from this environment and its variables."""

from __future__ import annotations

import os
import subprocess


def call(*command: object, **kwargs) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    parts = [str(part) for part in command]
    return subprocess.run(parts, capture_output=True, text=True, check=False, env=environment, **kwargs)
