"""Where quantization hurts: compares each layer of an integer model with the same layer of its float32 model."""

from edgeready.layer_analysis.diagnosis import diagnose
from edgeready.layer_analysis.layer_error import LayerError, LayerReport

__all__ = ["LayerError", "LayerReport", "diagnose"]
