"""What all tests share: `tflite_models` (beside this file) can be imported, and hypothesis is steady."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

# Tests draw no subnormal floats (`allow_subnormal=False`): tflite-runtime's arm64 wheel makes the process that loads
# it flush them to zero, and there hypothesis refuses to draw any.
# Emulated and loaded machines are slow at times: a deadline would fail on the machine, not on the code.
settings.register_profile("edgeready", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edgeready")
