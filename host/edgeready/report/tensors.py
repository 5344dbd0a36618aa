"""A finished conversion of a model that is no image classifier."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from edgeready.report.readiness import verdict
from edgeready.report.tables import new_table
from edgeready.workflows.tensors import TensorResult


def tensors_view(result: TensorResult) -> RenderableType:
    """The conversion for people: how far each output is from the float32 model's, the verdict and the file."""
    table = new_table("output", "signal to error", "largest error", "largest value")
    for each in result.fidelity:
        table.add_row(each.output, _decibel(each.snr_db), f"{each.largest_error:.4g}", f"{each.largest_value:.4g}")
    facts = Text.assemble(
        f"\nmode         {result.mode.name}, {result.size_bytes:,} B (float32 {result.float32_bytes:,} B)",
        f"\ntest         {result.test_rows:,} rows, ranges from {result.calibration_rows:,} others",
        "\nEdge TPU     ",
        (verdict(result.readiness), "green" if result.readiness.ready else "red"),
        *(f"\nruntime      {each.runtime} does not run it: {each.reason}" for each in result.tried if not each.runs),
        *(f"\nmended       {line}" for line in result.mended),
        *(f"\nproposed     {line}" for line in result.proposed),
        "\n\nThe file: ",
        (str(result.out), "bold"),
        "\nIt is a plain .tflite without labels: run it with your own interpreter.",
    )
    return Group(table, facts) if result.fidelity else facts


def tensors_json(result: TensorResult) -> dict[str, Any]:
    """The conversion as plain data; a signal without any error has `snr_db` null."""
    outputs = [asdict(each) for each in result.fidelity]
    for output in outputs:
        output["snr_db"] = output["snr_db"] if math.isfinite(output["snr_db"]) else None
    return {
        "out": str(result.out),
        "float_out": None if result.float_out is None else str(result.float_out),
        "mode": result.mode.name,
        "runtimes": [{"runtime": str(e.runtime), "runs": e.runs, "reason": e.reason} for e in result.tried],
        "calibration_rows": result.calibration_rows,
        "test_rows": result.test_rows,
        "size_bytes": result.size_bytes,
        "float32_bytes": result.float32_bytes,
        "outputs": outputs,
        "mended": list(result.mended),
        "proposed": list(result.proposed),
        "readiness": result.readiness.as_dict(),
    }


def _decibel(value: float) -> str:
    return f"{value:.1f} dB" if math.isfinite(value) else "no error" if value > 0 else "no signal"
