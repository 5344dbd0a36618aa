"""From float32 to integers: ranges, calibration, equalization, bias correction, and the accuracy budget."""
