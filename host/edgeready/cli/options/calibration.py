"""The options that say how a model is made integer, and what that may cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import typer

from edgeready.config.build import DataConfig
from edgeready.config.method import CALIBRATIONS, Method, QatConfig
from edgeready.errors import UsageError


@dataclass(frozen=True)
class CalibrationOptions:
    """Where the ranges come from, and the accuracy budget."""

    max_drop: Annotated[
        float | None, typer.Option("--max-drop", help="points of accuracy that integers may cost; tries until kept")
    ] = None
    calibration: Annotated[
        str, typer.Option("--calibration", help=f"how ranges are chosen: {', '.join(CALIBRATIONS)}")
    ] = "min-max"
    calibration_samples: Annotated[
        int | None, typer.Option("--calibration-samples", help="images for the ranges; default a fifth, at most 500")
    ] = None
    calibration_data: Annotated[
        str | None, typer.Option("--calibration-data", help="a .npz or folder to take those images from instead")
    ] = None
    qat: Annotated[int | None, typer.Option("--qat", help="epochs of quantization-aware training, at once")] = None

    def on(self, data: DataConfig) -> DataConfig:
        """`data` with the calibration images that they mean."""
        return replace(data, calibration_samples=self.calibration_samples, calibration=self.calibration_data)

    def method(self) -> Method:
        """The Method that they mean; raises UsageError."""
        if self.qat is None:
            return Method(self.calibration)
        if self.max_drop is not None or self.calibration != CALIBRATIONS[0]:
            raise UsageError(
                f"--qat goes with {CALIBRATIONS[0]} ranges and without --max-drop, which trains by itself if it must"
            )
        return Method(qat=QatConfig(self.qat))
