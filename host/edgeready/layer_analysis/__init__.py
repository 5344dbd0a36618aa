"""Where quantization hurts: each layer of an integer model beside the same layer of its float32 twin."""

from edgeready.layer_analysis.diagnosis import diagnose
from edgeready.layer_analysis.layer_error import LayerError, LayerReport

__all__ = ["LayerError", "LayerReport", "diagnose"]
