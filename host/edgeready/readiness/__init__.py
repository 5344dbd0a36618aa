"""Edge-TPU readiness: what `edgetpu_compiler` 16 would do with a .tflite model, read from the file alone."""

from __future__ import annotations

from edgeready.readiness.check import check_file, check_graph, rule_sentences
from edgeready.readiness.report import Blocker, ReadinessReport
from edgeready.readiness.verdict import Finding, OpVerdict

__all__ = ["Blocker", "Finding", "OpVerdict", "ReadinessReport", "check_file", "check_graph", "rule_sentences"]
