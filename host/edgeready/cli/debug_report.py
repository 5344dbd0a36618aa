"""A build with a look at its layers: where quantization hurts, in a folder beside the model file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgeready.config.build import BuildConfig
from edgeready.errors import OutputError, UsageError
from edgeready.report.layers import write_debug_report
from edgeready.report.plots.canvas import require_plots
from edgeready.workflows.build import BuildResult
from edgeready.workflows.layers import diagnose_models
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.progress import Progress

Build = Callable[[BuildConfig, Progress], BuildResult]


def build_with_report(build: Build, config: BuildConfig, folder: Path | None, progress: Progress) -> BuildResult:
    """Runs `build` on `config`; with `folder` the error of each layer is written there, too.

    Before the build it raises UsageError for a mode without integers to look at, MissingExtraError without
    matplotlib, OutputError for a `folder` that is a file.
    """
    if folder is None:
        return build(config, progress)
    mode = config.output.chosen_mode
    if not mode.calibrated:
        raise UsageError(
            f"--debug-report compares integers with floats, and {mode.name} files compute in floats: "
            "leave it out, or choose an integer mode"
        )
    require_plots()
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"cannot write into {folder}: it is no folder; choose another --debug-report")
    result = build(config, progress)
    name = str(result.float_out or "the float32 model")
    integer = read_model_file(result.out)
    report = diagnose_models(result.baseline, integer, result.splits, progress=progress, name=name)
    write_debug_report(report, folder)
    return result
