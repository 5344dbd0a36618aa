"""A build with a look at its layers: where quantization hurts, in a folder beside the model file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edgeready.config.build import BuildConfig
from edgeready.errors import OutputError, UsageError
from edgeready.files.scratch import scratch_folder
from edgeready.jobs.job import Progress
from edgeready.report.layers import write_debug_report
from edgeready.report.plots.canvas import require_plots
from edgeready.workflows.build import BuildResult
from edgeready.workflows.layers import IMAGES, diagnose_splits

Build = Callable[[BuildConfig, Progress], BuildResult]


def debugged(build: Build, config: BuildConfig, folder: Path | None, progress: Progress) -> BuildResult:
    """What `build` makes of `config`; with `folder` the error of each layer is written there, too.

    Before the build it raises UsageError for a mode without integers to look at, MissingExtraError without
    matplotlib, OutputError for a `folder` that is a file.
    """
    if folder is None:
        return build(config, progress)
    if not config.chosen_mode.calibrated:
        raise UsageError(
            f"--debug-report compares integers with floats, and {config.chosen_mode.name} files compute in floats: "
            "leave it out, or choose an integer mode"
        )
    require_plots()
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"cannot write into {folder}: it is no folder; choose another --debug-report")
    with scratch_folder() as scratch:
        twin = config.float_out or scratch / "float32.tflite"
        result = build(replace(config, float_out=twin), progress)
        name = "" if config.float_out else "its float32 twin"
        write_debug_report(diagnose_splits(twin, config.out, result.splits, IMAGES, progress, name), folder)
        return replace(result, float_out=config.float_out)
