"""From float32 to integers: ranges, calibration, equalization and bias correction."""
