"""What can go wrong with a measurement, beyond what can go wrong with a model."""

from __future__ import annotations

from edgeready_device.errors import EdgereadyError


class MeasurementError(EdgereadyError, ValueError):
    """A benchmark's file that cannot be used, or not with the other one (exit code 3)."""

    exit_code = 3
