"""The child that says what is installed: it loads numpy, and finds the runtimes without loading them."""

from __future__ import annotations

import json
import sys

import numpy as np

from edgeready_device.runtime.runtime import installed_runtimes


def main() -> int:
    """Writes one line of JSON."""
    found = [[runtime.name, runtime.version] for runtime in installed_runtimes()]
    sys.stdout.write(json.dumps({"numpy": np.__version__, "runtimes": found}))
    return 0
