"""A finished conversion of a model that is no image classifier."""

from __future__ import annotations

import math

from rich.console import Group, RenderableType

from edgeready.report.lines import labelled, line, protection_lines, source_lines
from edgeready.report.readiness import verdict
from edgeready.report.tables import new_table
from edgeready.workflows.tensors import TensorResult


def tensors_view(result: TensorResult) -> RenderableType:
    """The conversion for people: how far each output is from the float32 model's, the verdict and the file."""
    table = new_table("output", "signal to error", "largest error", "largest value")
    for output in result.fidelity:
        table.add_cells(
            output.output, _decibel(output.snr_db), f"{output.largest_error:.4g}", f"{output.largest_value:.4g}"
        )
    colour = "red" if result.readiness.blockers else "green"
    facts = [
        line(),
        labelled("mode", f"{result.mode.name}, {result.size_bytes:,} B (float32 {result.float32_bytes:,} B)"),
        labelled("test", f"{result.test_rows:,} rows, ranges from {result.calibration_rows:,} others"),
        labelled("Edge TPU", verdict(result.readiness), colour),
        *(labelled("uncertain", risk.detail) for risk in result.readiness.risks),
        *(labelled("runtime", f"{t.runtime} does not run it: {t.reason}") for t in result.trials if not t.runs),
        *([labelled("engine", result.engine_reason)] if result.engine_reason else []),
        *protection_lines(result.protections),
        *source_lines(result.source_check),
        *(labelled("rewritten", text) for text in result.rewrites),
        *(labelled("proposed", text) for text in result.proposals),
        line(),
        line("The file: ").append_text(line(str(result.out), "bold")),
        line("It is a plain .tflite without labels: run it with your own interpreter."),
    ]
    return Group(table, *facts) if result.fidelity else Group(*facts)


def _decibel(value: float) -> str:
    return f"{value:.1f} dB" if math.isfinite(value) else "no error" if value > 0 else "no signal"
