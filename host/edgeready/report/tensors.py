"""A finished conversion of a model that is no image classifier."""

from __future__ import annotations

import math

from rich.console import Group, RenderableType
from rich.text import Text

from edgeready.report.readiness import verdict
from edgeready.report.tables import new_table
from edgeready.workflows.tensors import TensorResult


def tensors_view(result: TensorResult) -> RenderableType:
    """The conversion for people: how far each output is from the float32 model's, the verdict and the file."""
    table = new_table("output", "signal to error", "largest error", "largest value")
    for output in result.fidelity:
        table.add_row(
            output.output, _decibel(output.snr_db), f"{output.largest_error:.4g}", f"{output.largest_value:.4g}"
        )
    facts: list[str | tuple[str, str]] = [
        f"\nmode         {result.mode.name}, {result.size_bytes:,} B (float32 {result.float32_bytes:,} B)",
        f"\ntest         {result.test_rows:,} rows, ranges from {result.calibration_rows:,} others",
        "\nEdge TPU     ",
        (verdict(result.readiness), "red" if result.readiness.blockers else "green"),
        *(f"\nuncertain    {risk.detail}" for risk in result.readiness.risks),
        *(f"\nruntime      {t.runtime} does not run it: {t.reason}" for t in result.trials if not t.runs),
        *(f"\nrewritten    {line}" for line in result.rewrites),
        *(f"\nproposed     {line}" for line in result.proposals),
        "\n\nThe file: ",
        (str(result.out), "bold"),
        "\nIt is a plain .tflite without labels: run it with your own interpreter.",
    ]
    text = Text.assemble(*facts)
    return Group(table, text) if result.fidelity else text


def _decibel(value: float) -> str:
    return f"{value:.1f} dB" if math.isfinite(value) else "no error" if value > 0 else "no signal"
