"""What is known of the images that gave the ranges."""

from __future__ import annotations

from edgeready.quantization.calibration import CalibrationReport


def calibration_lines(report: CalibrationReport) -> list[str]:
    """One line of facts, then a line for each warning."""
    parts = [f"{report.samples:,} images"]
    if report.classes:
        covered = sum(count > 0 for count in report.classes.values())
        parts.append(f"{covered} of {len(report.classes)} classes")
    if report.least_stable is not None and report.most_clipped is not None:
        parts.append(f"two halves agree to {100 * report.least_stable.stability:.0f} % or better")
        parts.append(f"{100 * report.most_clipped.clipped:.2g} % clipped at most on {report.others} others")
    if report.note:
        parts.append(report.note)
    return [", ".join(parts), *(f"warning: {warning}" for warning in report.warnings)]
