"""What the user may choose of a look at the layers."""

from __future__ import annotations

IMAGES = 32  # chosen: some seconds for a network of 30 layers, and every class of most data sets
