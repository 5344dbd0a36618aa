"""Quantization-aware training: fine-tunes a Keras model with the converter's 8-bit grids in the loop."""

from edgeready.tf.qat.folding import fold
from edgeready.tf.qat.simulation import Simulation
from edgeready.tf.qat.training import FineTuned, fine_tune

__all__ = ["FineTuned", "Simulation", "fine_tune", "fold"]
